"""A figure: numbers, a table, a drawing and an alternative text; and the registry."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeVar

from figures.table import Row, Spec, long_table
from vaelab.runs.store import Numbers, Result, cached

Draw = TypeVar("Draw", bound=Callable[[Numbers], Any])
BANDS = "{} seeds: lines are means, bands ranges"
NARROW, LINE = 6.0, 0.18  # inches: a width for two lines of title, and the height of one
FIGURES: dict[str, "Figure"] = {}  # filled as the modules that draw are imported


@dataclass(frozen=True)
class Figure:
    """One figure of a paper, or of ours.

    Args:
        id: Name on the command line and of the files.
        paper: The paper.
        title: What the figure shows.
        compute: compute(device, **settings) -> Result.
        table: A spec for `long_table`, or a function of the numbers that returns the rows.
        draw: Draws the numbers.
        alt: Describes the numbers in words.
        presets: Settings of "quick" (shipped data) and "paper" (nearer to the published set-up).
        why_no_quick_preset: The reason, for a figure without one.
        command: What draws the figure again, with settings in braces.
        seeds: What the picture shows of the seeds, with {} for their number, if there are several.
    """

    id: str
    paper: str
    title: str
    compute: Callable[..., Result]
    table: Spec | Callable[[Numbers], list[Row]]
    draw: Callable[[Numbers], Any]
    alt: Callable[[Numbers], str]
    presets: dict[str, dict[str, Any]] = field(default_factory=lambda: {"quick": {}, "paper": {}})
    why_no_quick_preset: str = ""
    command: str = "vaelab figures make {id} --preset {preset}"
    seeds: str = ""

    def picture(self, numbers: Numbers, seeds: int) -> Any:
        """Draw the numbers, and say above the drawing of how many seeds they are."""
        drawing = self.draw(numbers)
        title, note = drawing.get_suptitle(), self.note_on_seeds(seeds)
        if title and note:
            drawing.suptitle(title + (";\n" if drawing.get_figwidth() < NARROW else "; ") + note)
        elif note:
            drawing.set_figheight(drawing.get_figheight() + LINE)
            drawing.suptitle(note, x=0.99, ha="right", fontsize="small", color="0.35")
        return drawing

    def describe(self, numbers: Numbers, seeds: int) -> str:
        """Describe the numbers in words, with their seeds."""
        note = self.note_on_seeds(seeds)
        return f"{self.alt(numbers)} {note[0].upper()}{note[1:]}." if note else self.alt(numbers)

    def note_on_seeds(self, seeds: int) -> str:
        """Return "" where nothing is random, "one seed", or `seeds` with their number."""
        return ("", "one seed")[seeds] if seeds < 2 else self.seeds.format(seeds)

    def rows(self, numbers: Numbers) -> list[Row]:
        """Return the rows of the table."""
        return self.table(numbers) if callable(self.table) else long_table(self.table, numbers)


def figure(
    id: str,
    compute: Callable[..., Any],
    table: Spec | Callable[[Numbers], list[Row]],
    alt: Callable[[Numbers], str],
    *,
    quick: dict[str, Any] | None = None,
    full: dict[str, Any] | None = None,
    **fields: Any,
) -> Callable[[Draw], Draw]:
    """Register the decorated function as the drawing of a figure.

    Args:
        id, compute, table, alt: As for `Figure`; compute may be a recipe, whose numbers are cached.
        quick: Settings of the preset "quick", if there is one.
        full: Settings of "paper", if they are others.
        **fields: Other fields of `Figure`; the default title is the docstring of the function, the
            default `seeds` those of `plots.seed_band`.
    """
    computing = compute if not hasattr(compute, "recipe") else _cached(compute)
    presets = {"quick": quick, "paper": quick if full is None else full}
    known = {name: settings for name, settings in presets.items() if settings is not None}

    def register(draw: Draw) -> Draw:
        title = " ".join((draw.__doc__ or "").split()).rstrip(".")
        settings = {"title": title, "seeds": BANDS, **fields}
        FIGURES[id] = Figure(id=id, compute=computing, table=table, draw=draw, alt=alt, presets=known, **settings)
        return draw

    return register


def _cached(recipe: Callable[..., Numbers]) -> Callable[..., Result]:
    @wraps(recipe)
    def compute(device: str, **settings: Any) -> Result:
        return cached(recipe, settings)

    return compute
