"""Pictures that follow values: a matplotlib figure with animated artists over a cached background, or pixels."""

import io
import itertools
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axis import Axis
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray
from PIL import Image, ImageChops

from vaelab import plots
from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import check_fields, typed
from vaelab.live.worker import drawing
from vaelab.plots.settings import StyledFigure

Pixels = NDArray[np.uint8]
Values = Mapping[str, Any]
AnyFigure = Figure | SubFigure
MAX_ERROR = 0.5  # of 255: mean difference of a picture with 256 colors


class Picture(Protocol):
    """A picture of values, as a panel shows it."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""

    @property
    def lossless(self) -> bool:
        """Whether the preview is the final picture."""

    def preview(self, values: Values) -> bytes:
        """Return the picture while the user drags."""

    def render(self, values: Values) -> bytes:
        """Return the picture once the values rest."""


@dataclass(frozen=True)
class Painting:
    """A picture made of pixels, without matplotlib.

    Args:
        preview: preview(values) -> PNG bytes.
        size: Width and height in pixels.

    Raises:
        InvalidType, InvalidValue: If an argument is of another type, or a side not from 1 to 60000.
    """

    preview: Callable[[Values], bytes]
    size: tuple[int, int]

    def __post_init__(self) -> None:
        check_fields(self)
        for side in self.size:
            checks.in_range("size", side, 1, 60_000)

    @property
    def lossless(self) -> bool:
        """Whether the preview is the final picture."""
        return True

    @typed
    def render(self, values: Values) -> bytes:
        """Return the picture as PNG."""
        return self.preview(values)


class Scene(NamedTuple):
    """Artists that follow the values of the controls.

    Args:
        animated: Artists drawn over the cached background.
        update: Sets their data. Returns True when limits, ticks or titles changed, so that the
            background must be drawn again.
    """

    animated: Sequence[Artist]
    update: Callable[[Values], bool]


DrawFunction = Callable[[AnyFigure], Scene]


def combine(scenes: Sequence[Scene]) -> Scene:
    """Combine the scenes of several axes to one that updates all of them."""

    def update(values: Values) -> bool:
        changed = [scene.update(values) for scene in scenes]  # a list: no update may be skipped
        return any(changed)

    return Scene([artist for scene in scenes for artist in scene.animated], update)


class LiveFigure:
    """A drawing function on a persistent Agg figure.

    It is drawn in its style, whatever the user's settings; any thread may draw, one at a time.

    Args:
        draw: Draws on an empty figure and returns a `Scene`.
        width: Inches.
        height: Inches.
        style: Style of `vaelab.plots`.
        dark: Whether to draw on a dark page.

    Raises:
        InvalidType, InvalidValue: If an argument is of another type, or a side not in [0.1, 600].
    """

    lossless = False

    @typed
    def __init__(
        self, draw: DrawFunction, width: float, height: float, style: plots.Style = "notebook", *, dark: bool = False
    ) -> None:
        with plots.style(style, dark=dark):
            mpl.rcParams["figure.constrained_layout.use"] = False  # in this block
            self.figure = plots.new_figure(width, height)
            self._canvas: Any = self.figure.canvas
            self.size: tuple[int, int] = self._canvas.get_width_height()  # pixels
            self._scene = checks.instance("what draw returns", draw(self.figure), Scene)
            _fix_margins(self.figure)
        for order, artist in enumerate(self._scene.animated):
            artist.set_animated(True)
            artist.set_zorder(10 + order)
        self._background: Any = None
        weakref.finalize(self, dismantle, self.figure).atexit = False

    @typed
    def pixels(self, values: Values) -> Pixels:
        """Return the picture for some values of the controls, [h, w, 3]."""
        self._draw(values)
        return np.asarray(self._canvas.buffer_rgba())[..., :3].copy()

    def _draw(self, values: Values) -> None:
        try:
            with self.figure.style():
                self._draw_changes(values)
        except Exception:
            self._background = None  # it may be half-drawn
            raise

    def _draw_changes(self, values: Values) -> None:
        if self._scene.update(values) or self._background is None:
            self._canvas.draw()
            self._background = self._canvas.copy_from_bbox(self.figure.bbox)
        else:
            self._canvas.restore_region(self._background)
        for artist in self._scene.animated:
            if artist.axes is not None:
                artist.axes.draw_artist(artist)

    @typed
    def preview(self, values: Values) -> bytes:
        """Return the picture as JPEG, which is fast enough while the user drags a slider."""
        self._draw(values)
        # Of the canvas itself: taking its three colors first costs as much as encoding them.
        image = Image.frombuffer("RGBX", self.size, self._canvas.buffer_rgba(), "raw", "RGBX", 0, 1)
        return _encode(image, format="JPEG", quality=90, subsampling=0)

    def render(self, values: Values) -> bytes:
        """Return the picture as PNG, drawn without the cached background."""
        self._background = None
        return png(self.pixels(values))


@typed
def draw_filmstrip(draw: DrawFunction, frames: Mapping[str, Values], width: float = 9.6, height: float = 4.6) -> Pixels:
    """Draw a panel at several values side by side, in the `paper` style.

    Args:
        draw: Draws one frame on an empty figure and returns a `Scene`.
        frames: Values of each frame, by its title.
        width: Inches.
        height: Inches.

    Returns:
        [h, w, 3].

    Raises:
        InvalidType, InvalidValue: If an argument is of another type, there is no frame, or a side is not in [0.1, 600].
    """
    if not frames:
        raise InvalidValue("frames must have at least one entry, got none.")
    with drawing, plots.style("paper"):
        mpl.rcParams["figure.constrained_layout.use"] = False  # it would take as long as all else
        figure = plots.new_figure(width, height)
        figure.set_dpi(120)
        columns: Any = figure.subfigures(1, len(frames), squeeze=False)
        for part, (title, values) in zip(columns[0], frames.items(), strict=True):
            checks.instance("what draw returns", draw(part), Scene).update(values)
            part.suptitle(title, y=1 - 0.3 * mpl.rcParams["font.size"] / 72 / height)
            _fix_stacked_margins(part, width / len(frames), height)
        canvas: Any = figure.canvas
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())[..., :3].copy()
        dismantle(figure)
        return pixels


def dismantle(figure: StyledFigure) -> None:
    """Free a figure that is not used any more: its artists refer to one another, and the collector comes late."""
    for artist in list(_artists(figure)):
        vars(artist).clear()


def _artists(artist: Artist) -> Iterator[Artist]:
    """Yield an artist and all inside it, but not ticks that were never drawn: `findobj` would make them, slowly."""
    yield artist
    if isinstance(artist, Axis):
        ticks = (vars(artist).get(name, ()) for name in ("majorTicks", "minorTicks"))
        parts = [artist.label, artist.offsetText, *itertools.chain(*ticks)]
    else:
        parts = artist.get_children()
    for part in parts:
        yield from _artists(part)


def empty_line(ax: Any, x: Any, **style: Any) -> Any:
    """Add a line over the positions x [n] whose heights are set later, and return it."""
    x = np.asarray(x)  # matplotlib converts a tensor number by number
    return ax.plot(x, np.zeros(len(x)), **style)[0]


def set_limits(ax: Any, y: tuple[float, float], x: tuple[float, float] | None = None) -> bool:
    """Set the limits of y (and x); return whether they changed, which costs a redraw."""
    x = ax.get_xlim() if x is None else x
    changed: bool = (ax.get_xlim(), ax.get_ylim()) != (x, y)
    if changed:
        ax.set(xlim=x, ylim=y)
    return changed


def rounded_limit(height: float, least: float = 0.1, steps: Sequence[float] = (1, 1.5, 2, 3, 5, 7)) -> float:
    """Round an axis limit up to a step times a power of ten: each change costs a full redraw.

    Example:
        >>> rounded_limit(24), rounded_limit(260, steps=(1, 2, 5))
        (30.0, 500.0)
    """
    if not height > least:
        return least
    power = 10.0 ** np.floor(np.log10(height))
    return float(next(m * power for m in (*steps, 10) if m * power >= height * (1 - 1e-9)))


def png(pixels: Pixels, *, small: bool = False) -> bytes:
    """Encode [h, w] or [h, w, 3] as PNG; `small` takes time to save space."""
    if small:
        return small_png(Image.fromarray(np.ascontiguousarray(pixels)))
    return _encode(Image.fromarray(np.ascontiguousarray(pixels)), format="PNG", compress_level=1)


def small_png(image: Image.Image) -> bytes:
    """Encode an opaque image as PNG, with 256 colors where no eye sees the difference: half as large."""
    buffer = io.BytesIO()
    if image.mode != "L":
        image = image.convert("RGB")
        small = image.quantize(256, dither=Image.Dither.NONE)
        error = np.asarray(ImageChops.difference(image, small.convert("RGB"))).mean()
        image = small if error < MAX_ERROR else image
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _encode(image: Image.Image, **settings: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, **settings)  # type: ignore[arg-type]
    return buffer.getvalue()


def _fix_stacked_margins(part: Any, width: float, height: float) -> None:
    """Place the axes of one frame of a filmstrip, width and height in inches, by the font size alone."""
    if not part.axes:
        return
    em = mpl.rcParams["font.size"] / 72
    grid = part.axes[0].get_gridspec()
    rows, columns = grid.nrows, grid.ncols
    label = 1.5 * em if any(axes.get_xlabel() for axes in part.axes) else 0.0
    left, right, bottom, top = 3.4 * em, (2.4 if _has_right_axis(part) else 1.3) * em, 2.0 * em + label, 3.8 * em
    between_rows, between_columns = 3.9 * em + label, 3.6 * em
    high = (height - bottom - top - (rows - 1) * between_rows) / rows
    wide = (width - left - right - (columns - 1) * between_columns) / columns
    part.subplots_adjust(
        left=left / width,
        right=1 - right / width,
        bottom=bottom / height,
        top=1 - top / height,
        hspace=between_rows / high,
        wspace=between_columns / wide,
    )


def _has_right_axis(part: Any) -> bool:
    return any(axes.yaxis.get_ticks_position() == "right" for axes in part.axes)


def _fix_margins(figure: Figure) -> None:
    """Place the axes by the font size alone, so that they do not move when a tick label grows."""
    em = mpl.rcParams["font.size"] / 72
    width, height = figure.get_size_inches()
    left, right = 3.2 * em / width, 1 - 1.2 * em / width
    bottom, top = 3.2 * em / height, 1 - 2.2 * em / height
    figure.subplots_adjust(left=left, right=right, bottom=bottom, top=top, wspace=0.28)
