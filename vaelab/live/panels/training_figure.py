"""The training panel's picture: curves, the way through the rate-distortion plane, images, and the latent plane."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure, SubFigure

from vaelab import plots
from vaelab.live.figure import Scene, Values
from vaelab.live.figure_panel import plot
from vaelab.live.trainer import Point

IMAGES = 10
ROWS = ("data", "reconstructions", "samples")


class Frame(NamedTuple):
    """What is seen of a training at one moment.

    turns: the steps at which a knob was turned; cursor: the step that images [3, 10, h, w] and plane [n, 2] show.
    """

    points: Sequence[Point]
    turns: Sequence[int]
    cursor: int
    images: np.ndarray
    plane: np.ndarray
    labels: np.ndarray


def draw(figure: Figure | SubFigure, *, stacked: bool = False) -> Scene:
    """Above the curves, below images and latent plane; stacked=True leaves out the curves, for a film-strip."""
    parts = [sheet(figure.add_subplot(2, 1, 1)), plane(figure.add_subplot(2, 1, 2))] if stacked else _full(figure)

    def update(values: Values) -> bool:
        changed = [move(values["frame"]) for _, move in parts]
        return any(changed)

    return Scene([artist for moving, _ in parts for artist in moving], update)


def _full(figure: Figure | SubFigure) -> list[Any]:
    grid = figure.add_gridspec(2, 6, height_ratios=(1, 1.25), hspace=0.45, wspace=1.3)
    top = [figure.add_subplot(grid[0, 2 * i : 2 * i + 2]) for i in range(3)]
    return [
        curve(top[0], "reconstruction, divergence (nats)", (("nll", plots.P, "--"), ("divergence", plots.Q, "-"))),
        curve(top[1], "gamma", (("gamma", plots.MEAN, "-"),)),
        way(top[2]),
        sheet(figure.add_subplot(grid[1, :4])),
        plane(figure.add_subplot(grid[1, 4:])),
    ]


def curve(ax: Any, title: str, columns: Sequence[tuple[str, str, str]]) -> Any:
    """Columns of the points against the step, with a mark where a knob was turned and a cursor."""
    lines = [ax.plot([], [], color=color, linestyle=dash, label=name)[0] for name, color, dash in columns]
    across = ax.get_xaxis_transform()
    turns = ax.plot([], [], color=plots.JS, lw=0.8, alpha=0.8, transform=across)[0]
    cursor = ax.plot([], [], color="black", lw=0.8, linestyle=":", transform=across)[0]
    ax.set(title=title, xlabel="step")
    if len(columns) > 1:
        ax.legend(loc="upper right")

    def move(frame: Frame) -> bool:
        steps = [point.step for point in frame.points]
        values = [[getattr(point, name) for point in frame.points] for name, _, _ in columns]
        for entry, y in zip(lines, values, strict=True):
            entry.set_data(steps, y)
        turns.set_data(*_ticks(frame.turns))
        cursor.set_data([frame.cursor] * 2, [0, 1])
        low, high = _span([v for y in values for v in y])
        return _frame(ax, (0, roomy(max(steps, default=1), 100)), (low, high))

    return [*lines, turns, cursor], move


def way(ax: Any) -> Any:
    """The path through the plane of rate and distortion, and where it stands."""
    path = ax.plot([], [], color=plots.REFERENCE, lw=1)[0]
    here = plot(ax, [0], marker="o", color=plots.JS, linestyle="none", clip_on=False)
    ax.set(title="squared error per image", xlabel="rate KL(q‖p) (nats)")

    def move(frame: Frame) -> bool:
        if not frame.points:
            return False
        path.set_data([p.rate for p in frame.points], [p.distortion for p in frame.points])
        now = min(frame.points, key=lambda p: abs(p.step - frame.cursor))
        here.set_data([now.rate], [now.distortion])
        late = frame.points[len(frame.points) // 20 :]
        width, height = (roomy(max(getattr(p, name) for p in late)) for name in ("rate", "distortion"))
        return _frame(ax, (0, width), (0, height))

    return [path, here], move


def sheet(ax: Any) -> Any:
    """Data, reconstructions and samples, one row each, with a white line between them."""
    picture = ax.imshow(np.zeros((3, IMAGES)), vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[], title=", ".join(ROWS))
    ax.spines[:].set_visible(False)

    def move(frame: Frame) -> bool:
        framed = np.pad(frame.images, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=1.0)
        rows, columns, h, w = framed.shape
        picture.set_data(framed.transpose(0, 2, 1, 3).reshape(rows * h, columns * w))
        extent = (0, columns * w, rows * h, 0)
        if tuple(picture.get_extent()) == extent:
            return False
        picture.set_extent(extent)
        ax.set(xlim=(0, columns * w), ylim=(rows * h, 0))
        return True

    return [picture], move


def plane(ax: Any) -> Any:
    """The means of the probe's posteriors, colored by class."""
    dots = [ax.plot([], [], ".", color=color, markersize=4)[0] for color in plots.CLASSES]
    ax.set(title="latent plane", xlim=(-4, 4), ylim=(-4, 4), xticks=[-3, 0, 3], yticks=[-3, 0, 3])

    def move(frame: Frame) -> bool:
        for k, entry in enumerate(dots):
            chosen = frame.plane[frame.labels == k]
            entry.set_data(chosen[:, 0], chosen[:, 1])
        return False

    return dots, move


def roomy(height: float, least: float = 0.1) -> float:
    """The next of 1, 2.5, 6.25, ... times `least`: limits that change seldom, as then all is drawn anew."""
    end = least
    while end < height:
        end *= 2.5
    return end


def _ticks(steps: Sequence[int]) -> tuple[list[float], list[float]]:
    """One vertical line per step, as a single path with gaps."""
    gap = float("nan")
    return [x for step in steps for x in (step, step, gap)], [y for _ in steps for y in (0.0, 1.0, gap)]


def _span(values: Sequence[float]) -> tuple[float, float]:
    """Round limits around the values, without the wild first ones."""
    if not values:
        return 0.0, 1.0
    low, high = min(values), float(np.quantile(values, 0.97)) * 1.05
    return (-roomy(-low) if low < 0 else 0.0), roomy(high)


def _frame(ax: Any, x: tuple[float, float], y: tuple[float, float]) -> bool:
    changed = (ax.get_xlim(), ax.get_ylim()) != (x, y)
    if changed:
        ax.set(xlim=x, ylim=y)
    return changed
