"""What a figure is: numbers, a table of what is drawn, a drawing, and a sentence for those who cannot see it."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from matplotlib.figure import Figure as Drawing

from vaelab.runs.store import Numbers, Result

Row = dict[str, str | float | int]


@dataclass(frozen=True)
class Figure:
    """One figure of a paper, or of ours.

    compute(device, **settings) -> Result; rows(numbers): the numbers drawn, one row each; draw(numbers); alt(numbers).
    presets: the settings of "quick" (laptop, shipped data) and "paper" (full data, published set-up); a figure without
    a quick one says in `missing` why.  command: what draws it again, with its settings in braces.
    """

    id: str
    paper: str
    title: str
    compute: Callable[..., Result]
    rows: Callable[[Numbers], list[Row]]
    draw: Callable[[Numbers], Drawing]
    alt: Callable[[Numbers], str]
    presets: dict[str, dict[str, Any]] = field(default_factory=lambda: {"quick": {}, "paper": {}})
    why_no_quick_preset: str = ""
    command: str = "vaelab figures make {id} --preset {preset}"


def to_csv(rows: list[Row]) -> str:
    """The rows as csv, numbers with 8 significant digits."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: f"{value:.8g}" if isinstance(value, float) else value for name, value in row.items()})
    return text.getvalue()
