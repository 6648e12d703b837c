"""A figure that lives as long as its panel: only what moves is drawn again, over a cached background."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure

from vaelab import plots
from vaelab.live import images
from vaelab.live.images import Pixels

Values = Mapping[str, Any]


class Scene(NamedTuple):
    """What a drawing function hands back: the artists that move, and how they follow the values.

    update(values) sets data; it returns True when limits, ticks or titles changed, so that the
    background must be drawn again.
    """

    moving: Sequence[Artist]
    update: Callable[[Values], bool]


Draw = Callable[[Figure | SubFigure], Scene]


class LiveFigure:
    """One drawing function on a persistent Agg figure of width x height inches.

    The style is read once, here; later drawing touches no global setting, so that any thread may draw,
    one at a time.
    """

    def __init__(self, draw: Draw, width: float, height: float, style: plots.Style = "notebook") -> None:
        with plots.style(style), mpl.rc_context({"figure.constrained_layout.use": False}):
            self.figure = plots.new_figure(width, height)
            self._scene = draw(self.figure)
            fix_margins(self.figure)
            freeze_style(self.figure.axes)
        for order, artist in enumerate(self._scene.moving):
            artist.set_animated(True)
            artist.set_zorder(10 + order)
        self._background: Any = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._canvas.get_width_height()

    @property
    def _canvas(self) -> FigureCanvasAgg:
        canvas = self.figure.canvas
        assert isinstance(canvas, FigureCanvasAgg)
        return canvas

    def pixels(self, values: Values) -> Pixels:
        """The picture for `values`: [h, w, 3]."""
        try:
            if self._scene.update(values) or self._background is None:
                self._canvas.draw()
                self._background = self._canvas.copy_from_bbox(self.figure.bbox)
            else:
                self._canvas.restore_region(self._background)
            for artist in self._scene.moving:
                if artist.axes is not None:
                    artist.axes.draw_artist(artist)
        except Exception:
            self._background = None  # a half-drawn picture is no background
            raise
        return np.asarray(self._canvas.buffer_rgba())[..., :3].copy()

    def render(self, values: Values) -> bytes:
        """The picture for `values`, as JPEG bytes: fast, for a hand that moves."""
        return images.jpeg(self.pixels(values))

    def finish(self, values: Values) -> bytes:
        """The picture drawn from the ground up, as PNG bytes: without loss, for a hand that rests."""
        self._background = None
        return images.png(self.pixels(values))


def fix_margins(figure: Figure) -> None:
    """Give the axes places that depend on the font alone, so that nothing jumps when a tick label grows."""
    em = mpl.rcParams["font.size"] / 72
    width, height = figure.get_size_inches()
    figure.subplots_adjust(
        left=3.2 * em / width,
        right=1 - 1.2 * em / width,
        bottom=3.2 * em / height,
        top=1 - 2.2 * em / height,
        wspace=0.28,
    )


def freeze_style(axes: Sequence[Axes]) -> None:
    """Write the style into the axes: ticks made later would read whatever is global then."""
    look: Any = mpl.rcParams
    names = {
        "labelsize": "labelsize",
        "color": "color",
        "width": "major.width",
        "length": "major.size",
        "pad": "major.pad",
    }
    for ax in axes:
        for axis in ("x", "y"):
            ax.tick_params(axis=axis, **{key: look[f"{axis}tick.{name}"] for key, name in names.items()})
