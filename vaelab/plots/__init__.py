"""Drawing: arrays in, artists out; object API only, so that any thread may draw and nothing global is touched."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import EllipseCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from vaelab._utils.errors import InvalidValue

Style = Literal["paper", "notebook", "talk"]
SHEETS = Path(__file__).parent / "style"

# One color per role, the same in every picture of the house.
Q, P, MEAN, JS, DUAL, REFERENCE = "#1845fb", "#c91f16", "#0a8a5f", "#ff5e02", "#c849a9", "#656364"


def sized(sizes: Mapping[str, Any], name: str) -> Any:
    """The size that belongs to a style.  Raises InvalidValue for a style that there is not."""
    if name not in sizes:
        raise InvalidValue(f"style must be one of {', '.join(sizes)}, got {name!r}; 'talk' is for the projector.")
    return sizes[name]


@contextmanager
def style(name: Style = "notebook") -> Iterator[None]:
    """Draw in one of the three sheets: `with style("talk"): ...`."""
    with mpl.rc_context():
        matplotlib.style.use([SHEETS / "common.mplstyle", SHEETS / f"{name}.mplstyle"])
        yield


def new_figure(width: float, height: float) -> Figure:
    """A figure with its own Agg canvas, outside pyplot's list; sizes in inches."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def between(start: str, end: str, n: int) -> list[tuple[float, float, float]]:
    """n colors from `start` to `end` in equal steps."""
    first, last = (mpl.colors.to_rgb(color) for color in (start, end))
    weights = [i / max(n - 1, 1) for i in range(n)]
    return [tuple((1 - w) * a + w * b for a, b in zip(first, last, strict=True)) for w in weights]  # type: ignore[misc]


def circles(axes: Axes, center: Sequence[float], sigma: float, color: str, linestyle: str = "-") -> None:
    """The circles of one and two standard deviations of an isotropic Gaussian."""
    for radius in (sigma, 2 * sigma):
        axes.add_patch(
            Circle((center[0], center[1]), radius, fill=False, edgecolor=color, linewidth=1, linestyle=linestyle)
        )


def spread(axes: Axes, x: np.ndarray, seeds: np.ndarray, color: Any, **line: Any) -> None:
    """The mean over seeds [n, seeds] as a line, and the range from the lowest to the highest seed as a band."""
    axes.plot(x, seeds.mean(1), color=color, **line)
    axes.fill_between(x, seeds.min(1), seeds.max(1), color=color, alpha=0.2, linewidth=0)


# Ten classes, told apart with any eyes (Petroff 2021); `latent_plane` writes the labels beside the colors.
CLASSES = (
    *("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"),
    *("#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"),
)


def latent_plane(axes: Axes, means: Any, labels: Any = None, sigmas: Any = None) -> None:
    """Encoded means [n, 2] as dots, colored by label [n], each label written at the median of its dots.

    sigmas [n, 2]: the posteriors' standard deviations; about a hundred of them are drawn as ellipses.
    """
    points = np.asarray(means)
    if sigmas is not None:
        some = slice(None, None, max(len(points) // 100, 1))
        widths, heights = 2 * np.asarray(sigmas)[some].T
        look: Any = {"facecolors": "none", "edgecolors": REFERENCE, "linewidths": 0.7, "alpha": 0.7, "units": "xy"}
        place: Any = {"offsets": points[some], "offset_transform": axes.transData}
        axes.add_collection(EllipseCollection(widths, heights, 0 * widths, **look, **place))
    if labels is None:
        axes.scatter(points[:, 0], points[:, 1], s=3, color=REFERENCE, linewidths=0)
        return
    classes = np.asarray(labels)
    colors = [CLASSES[k % 10] for k in classes]
    axes.scatter(points[:, 0], points[:, 1], s=3, c=colors, linewidths=0, rasterized=True)
    for k in np.unique(classes):
        x, y = np.median(points[classes == k], axis=0)
        box = {"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": CLASSES[k % 10]}
        axes.text(x, y, str(k), ha="center", va="center", weight="bold", bbox=box, clip_on=True)


def images(axes: Axes, rows: Any, names: Sequence[str] = ()) -> None:
    """Images [r, c, h, w] in [0, 1] as one tight grid, each row with its name."""
    grid = np.asarray(rows)
    r, c, h, w = grid.shape
    axes.imshow(grid.transpose(0, 2, 1, 3).reshape(r * h, c * w), vmin=0, vmax=1)
    axes.set_xticks([])
    axes.set_yticks([(i + 0.5) * h - 0.5 for i in range(len(names))], labels=names)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
