"""A panel whose picture is a matplotlib figure: one drawing function for the slider and for the film-strip."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from vaelab.live import images
from vaelab.live.controls import Control
from vaelab.live.figure import Draw, LiveFigure, Values
from vaelab.live.filmstrip import film_strip
from vaelab.live.panel import Panel, View
from vaelab.live.readout import Row
from vaelab.plots import Style, size_for


class Story(NamedTuple):
    """What a film-strip tells: its frames with their titles, drawn by `draw`, and what they show in words."""

    draw: Draw
    frames: Sequence[Values]
    titles: Sequence[str]
    alt: Callable[[], str]
    caption: str
    size: tuple[float, float] = (9.6, 4.6)

    def strip(self) -> bytes:
        """The strip as PNG bytes."""
        return images.png(film_strip(self.draw, self.frames, self.titles, *self.size), small=True)


def drawn(
    draw: Draw,
    sizes: Mapping[str, tuple[float, float]],
    controls: Sequence[Control],
    words: Callable[[Values], tuple[Sequence[Row], str]],
    story: Story,
    presets: Mapping[str, Mapping[str, Any]],
    style: Style,
) -> Panel:
    """A panel around `draw` on a figure whose size in inches belongs to the style.  Raises InvalidValue for none."""
    width, height = size_for(sizes, style)
    figure = LiveFigure(draw, width, height, style)
    view = View(figure.render, figure.size, words, story.strip, story.alt, story.caption, figure.finish)
    return Panel(controls, view, presets, style)


def plot(ax: Any, x: Any, **look: Any) -> Any:
    """A line over x that waits for its heights."""
    return ax.plot(x, [0.0] * len(x), **look)[0]


def limits(ax: Any, low: float, high: float) -> bool:
    """Set the limits of y; True when they are new, so that the background must follow."""
    changed: bool = ax.get_ylim() != (low, high)
    if changed:
        ax.set_ylim(low, high)
    return changed


def nice(height: float, least: float = 0.1) -> float:
    """The smallest of 1, 1.5, 2, 3, 5, 7 x 10^k that is at least `height`: limits that change seldom."""
    if not height > least:
        return least
    power = 10.0 ** np.floor(np.log10(height))
    return float(next(m * power for m in (1, 1.5, 2, 3, 5, 7, 10) if m * power >= height * (1 - 1e-9)))
