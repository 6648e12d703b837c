"""A panel whose picture is a matplotlib figure: one drawing function for the slider and for the film-strip."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from vaelab.live import pixels
from vaelab.live.controls import Control
from vaelab.live.figure import Draw, LiveFigure, Values
from vaelab.live.panel import Panel, View
from vaelab.live.strip import film_strip
from vaelab.live.words import Row
from vaelab.plots import Style, sized


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
        return pixels.png(film_strip(self.draw, self.frames, self.titles, *self.size), small=True)


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
    width, height = sized(sizes, style)
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
