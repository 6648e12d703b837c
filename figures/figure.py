"""What a figure is: numbers, a table, a drawing, and a sentence for those who cannot see it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeVar

from figures.table import Row, Spec, long_table
from vaelab.runs.store import Numbers, Result, cached

Draw = TypeVar("Draw", bound=Callable[[Numbers], Any])
FIGURES: dict[str, "Figure"] = {}  # filled as the modules that draw are imported


@dataclass(frozen=True)
class Figure:
    """One figure of a paper, or of ours.

    compute(device, **settings) -> Result; table: what `long_table` writes of the numbers, or a
    function of them that returns the rows; draw(numbers); alt(numbers).  presets: the settings of
    "quick" (laptop, shipped data) and "paper" (full data, published set-up); a figure without a
    quick one says in `missing` why.  command: what draws it again, with its settings in braces.
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
    """Register the decorated function, which draws, as the figure of this id.

    Args:
        id: Its name on the command line and of its files.
        compute: compute(device, **settings) -> Result; or a recipe, compute(**settings) -> Numbers.
        table: What `long_table` writes of the numbers, or a function that returns the rows.
        alt: The sentence for those who cannot see it, from the numbers.
        quick: The settings of the preset "quick", if there is one.
        full: Those of "paper", if they are others.
        **fields: The other fields of `Figure`: paper, title (by default the docstring of what
            draws), why_no_quick_preset, command.
    """
    computing = compute if not hasattr(compute, "recipe") else _cached(compute)
    presets = {"quick": quick, "paper": quick if full is None else full}
    known = {name: settings for name, settings in presets.items() if settings is not None}

    def register(draw: Draw) -> Draw:
        settings = {"title": " ".join((draw.__doc__ or "").split()).rstrip("."), **fields}
        FIGURES[id] = Figure(id=id, compute=computing, table=table, draw=draw, alt=alt, presets=known, **settings)
        return draw

    return register


def _cached(recipe: Callable[..., Numbers]) -> Callable[..., Result]:
    """Return `recipe` as a function that reads its result from the store."""

    @wraps(recipe)
    def compute(device: str, **settings: Any) -> Result:
        return cached(recipe, settings)

    return compute
