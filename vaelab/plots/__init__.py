"""Drawing primitives: arrays in, artists out.

They use matplotlib's objects only, so that any thread may draw and nothing global is changed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from vaelab._utils import checks
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab._utils.typed import typed
from vaelab.plots.settings import Style as Style  # before matplotlib, whose import may fail
from vaelab.plots.settings import new_figure as new_figure
from vaelab.plots.settings import style as style

# isort: split
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection
from matplotlib.colors import is_color_like, to_rgb
from matplotlib.image import AxesImage
from matplotlib.patches import Circle

from vaelab.plots.colors import CLASSES as CLASSES
from vaelab.plots.colors import LIGHT
from vaelab.plots.colors import Palette as Palette
from vaelab.plots.colors import palette as palette

LINESTYLES = ("-", "--", "-.", ":", "solid", "dashed", "dashdot", "dotted")

# One color per role, the same in every picture on a light page.
Q, P, MEAN, JS, DUAL, REFERENCE = LIGHT[:6]


def _numbers(name: str, value: Any, axes: Sequence[str] | None = None) -> np.ndarray:
    """Return numbers, of a tensor without its gradient, as an array with these axes."""
    if hasattr(value, "detach"):
        value = checks.tensor(name, value).detach().cpu()
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):
        array = np.empty(0, object)
    if array.dtype.kind not in "buif" or isinstance(value, np.ma.MaskedArray):
        raise InvalidType(f"{name} must be an array of numbers, got {checks.shown(value)}.")
    if axes is not None and (array.ndim != len(axes) or not array.size or (axes[-1] == "2" and array.shape[-1] != 2)):
        raise InvalidValue(f"{name} must be [{', '.join(axes)}] and not empty, got {list(array.shape)}.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InvalidValue(f"{name} must be finite, got {array[~np.isfinite(array)][0]}.")
    return array


def _check_color(name: str, value: Any) -> None:
    try:
        known = is_color_like(value)
    except (TypeError, ValueError):
        known = False
    if not known:
        raise InvalidValue(f"{name} must be a color that matplotlib knows, got {checks.shown(value)}.")


def _same_length(name: str, array: np.ndarray, n: int) -> None:
    if len(array) != n:
        raise InvalidValue(f"{name} must have {n} rows, got {len(array)}.")


@typed
def size_for(sizes: Mapping[str, Any], name: str) -> Any:
    """Return the size for a style.

    Args:
        sizes: Size by name of the style.
        name: The style.

    Returns:
        The size.

    Raises:
        InvalidValue: If the style is unknown.
    """
    checks.one_of("style", name, tuple(sizes))
    return sizes[name]


def color_steps(start: str, end: str, n: int) -> list[tuple[float, float, float]]:
    """Interpolate between two colors in equal steps.

    Args:
        start: First color.
        end: Last color.
        n: Number of colors.

    Returns:
        n triples (red, green, blue) in [0, 1].

    Example:
        >>> color_steps("black", "white", 3)[1]
        (0.5, 0.5, 0.5)
    """
    checks.positive_int("n", n)
    for name, color in (("start", start), ("end", end)):
        _check_color(name, color)
    first, last = (to_rgb(color) for color in (start, end))
    weights = [i / max(n - 1, 1) for i in range(n)]
    return [tuple((1 - w) * a + w * b for a, b in zip(first, last, strict=True)) for w in weights]  # type: ignore[misc]


@typed
def circles(axes: Axes, center: tuple[float, float], sigma: float, color: str, linestyle: str = "-") -> None:
    """Draw the circles of one and two standard deviations of an isotropic Gaussian.

    Args:
        axes: Where to draw.
        center: Its mean, two numbers.
        sigma: Its standard deviation.
        color: Of the lines.
        linestyle: Of the lines.
    """
    x, y = (float(value) for value in center)
    checks.in_range("sigma", checks.positive("sigma", sigma), 0, 1e100)
    _check_color("color", color)
    checks.one_of("linestyle", linestyle, LINESTYLES)
    for radius in (sigma, 2 * sigma):
        axes.add_patch(Circle((x, y), radius, fill=False, edgecolor=color, linewidth=1, linestyle=linestyle))


@typed
def seed_band(axes: Axes, x: np.ndarray, seeds: np.ndarray, color: Any, **line: Any) -> None:
    """Draw the mean over seeds as a line and their range as a band.

    Args:
        axes: Where to draw.
        x: [n].
        seeds: One column per seed, [n, seeds].
        color: Of line and band.
        line: Options of `Axes.plot`.
    """
    x, seeds = _numbers("x", x, ["n"]), _numbers("seeds", seeds, ["n", "seeds"])
    _same_length("seeds", seeds, len(x))
    _check_color("color", color)
    axes.plot(x, seeds.mean(1), color=color, **line)
    axes.fill_between(x, seeds.min(1), seeds.max(1), color=color, alpha=0.2, linewidth=0)


@typed
def latent_plane(axes: Axes, means: Any, labels: Any = None, sigmas: Any = None) -> None:
    """Draw posterior means in two dimensions, colored by class, with each label at its median.

    Args:
        axes: Where to draw.
        means: [n, 2].
        labels: Classes, [n].
        sigmas: Standard deviations, [n, 2]; about a hundred of them are drawn as ellipses.
    """
    points, colors = _numbers("means", means, ["n", "2"]), palette()
    if sigmas is not None:
        widths_and_heights = _numbers("sigmas", sigmas, ["n", "2"])
        _same_length("sigmas", widths_and_heights, len(points))
        some = slice(None, None, max(len(points) // 100, 1))
        widths, heights = 2 * widths_and_heights[some].T
        line: Any = {
            "facecolors": "none",
            "edgecolors": colors.REFERENCE,
            "linewidths": 0.7,
            "alpha": 0.7,
            "units": "xy",
        }
        offsets: Any = {"offsets": points[some], "offset_transform": axes.transData}
        axes.add_collection(EllipseCollection(widths, heights, 0 * widths, **line, **offsets))
    if labels is None:
        axes.scatter(points[:, 0], points[:, 1], s=3, color=colors.REFERENCE, linewidths=0)
        return
    classes = _numbers("labels", labels, ["n"])
    _same_length("labels", classes, len(points))
    if classes.dtype.kind not in "ui":
        raise InvalidType(f"labels must be whole numbers, got {classes.dtype}.")
    by_class = [colors.CLASSES[k % 10] for k in classes]
    axes.scatter(points[:, 0], points[:, 1], s=3, c=by_class, linewidths=0, rasterized=True)
    for k in np.unique(classes):
        x, y = np.median(points[classes == k], axis=0)
        box = {"boxstyle": "circle,pad=0.15", "facecolor": colors.paper, "edgecolor": colors.CLASSES[k % 10]}
        axes.text(x, y, str(k), ha="center", va="center", weight="bold", bbox=box, clip_on=True)


@typed
def tile_images(images: Any, gap: int = 0) -> np.ndarray:
    """Put equal images side by side and below one another, with lines in the color of the background between them.

    Args:
        images: Gray [rows, columns, h, w], or with channels [rows, columns, 1 or 3, h, w] or
            [rows, columns, h, w, 3]; floats in [0, 1] or uint8. Arrays, tensors or nested lists.
        gap: Width of the lines in pixels.

    Returns:
        One picture in the type of `images`, gray [rows h + (rows - 1) gap, ...] or [..., 3].

    Raises:
        InvalidValue: If the shape is none of these.

    Example:
        >>> tile_images(np.zeros((2, 3, 8, 8)), gap=1).shape
        (17, 26)
    """
    if not hasattr(images, "shape"):
        if not isinstance(images, Sequence) or not all(isinstance(row, Sequence) for row in images):
            raise InvalidType(f"images must be rows of images, got {checks.shown(images)}.")
        images = [[_numbers("images", image) for image in row] for row in images]
    checks.positive_int("gap", gap, at_least=0)
    grid = _numbers("images", images)
    if grid.ndim == 5 and grid.shape[2] in (1, 3):
        grid = np.moveaxis(grid, 2, -1)
    if grid.ndim not in (4, 5) or not grid.size or grid.shape[4:] not in ((), (1,), (3,)):
        raise InvalidValue(f"images must be [rows, columns, h, w] or with channels, got shape {list(grid.shape)}.")
    grid = grid[..., 0] if grid.shape[4:] == (1,) else grid
    if gap:
        level = palette().level
        lines = [(0, 0), (0, 0), (0, gap), (0, gap), (0, 0)][: grid.ndim]
        grid = np.pad(grid, lines, constant_values=round(255 * level) if grid.dtype == np.uint8 else level)
    r, c, h, w = grid.shape[:4]
    picture = grid.swapaxes(1, 2).reshape(r * h, c * w, *grid.shape[4:])
    return picture[: r * h - gap, : c * w - gap]


@typed
def image_grid(
    axes: Axes,
    images: Any,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    *,
    right: Sequence[str] = (),
    gap: int = 0,
) -> AxesImage:
    """Draw images as one tight grid with labels for its rows and columns, and no axes.

    Args:
        axes: Where to draw; its ticks and spines are removed.
        images: As for `tile_images`: [rows, columns, h, w], or with channels; [0, 1] or uint8.
        rows: Labels on the left, from the top; may be fewer than there are rows.
        columns: Labels above, from the left.
        right: Labels on the right, one per row.
        gap: Width in pixels of the lines between the images.

    Returns:
        The artist; `artist.set_data(tile_images(others, gap))` shows other images of the same size.

    Raises:
        InvalidValue: If the shape of `images` is not that of a grid.

    Example:
        >>> axes = new_figure(3, 2).subplots()
        >>> artist = image_grid(axes, np.zeros((2, 3, 8, 8)), ["image", "decoded"])
        >>> [label.get_text() for label in axes.get_yticklabels()]
        ['image', 'decoded']
    """
    picture = tile_images(images, gap)
    r, c = len(images), len(images[0])
    height, width = ((side + gap) / n for side, n in zip(picture.shape[:2], (r, c), strict=True))
    middles = [i * height + (height - gap) / 2 - 0.5 for i in range(r)]
    artist = axes.imshow(picture, vmin=0, vmax=255 if picture.dtype == np.uint8 else 1)
    axes.set_xticks([j * width + (width - gap) / 2 - 0.5 for j in range(len(columns))], labels=columns)
    axes.set_yticks(middles[: len(rows)], labels=rows)
    bare: list[Any] = [axes]
    if len(columns):
        axes.xaxis.tick_top()
    if len(right):
        bare.append(axes.secondary_yaxis("right"))
        bare[-1].set_yticks(middles, labels=right)
    for part in bare:
        part.tick_params(length=0)
        part.spines[:].set_visible(False)
    return artist
