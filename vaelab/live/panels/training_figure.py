"""The picture of the training panel: curves, rate-distortion path, images, and the latent plane."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from vaelab import plots
from vaelab._utils.images import to_float
from vaelab.live.figure import AnyFigure, Scene, Values, combine, empty_line, rounded_limit, set_limits
from vaelab.live.trainer import Point, Snapshot, Trainer, nearest
from vaelab.objectives.objective import Experiment

N_IMAGES = 10
COARSE = (1, 2, 5)  # limits of growing axes: a change costs a full redraw


class TrainingState(NamedTuple):
    """A training at one moment: points so far, steps of changed parameters, one snapshot.

    The snapshot was taken at the step `cursor`; images are data, reconstructions and samples
    [3, N_IMAGES, h, w], plane the means in the two most active latents [n, 2], labels [n].
    """

    points: Sequence[Point]
    changes: Sequence[int]
    cursor: int
    images: np.ndarray
    plane: np.ndarray
    labels: np.ndarray


def evaluate(twin: Experiment, trainer: Trainer, snapshot: Snapshot) -> TrainingState:
    """Evaluate a snapshot on the probe; `twin` is a copy of the experiment for its weights."""
    twin.load_state_dict(snapshot.weights)
    twin.eval()
    x = to_float(trainer.images)
    means = twin.encode(x).mean
    axes = means.var(0).argsort(descending=True)[:2] if means.shape[1] > 2 else torch.arange(means.shape[1])
    plane = torch.zeros(len(means), 2)
    plane[:, : len(axes)] = means[:, axes]
    noise = torch.randn(N_IMAGES, means.shape[1], generator=torch.Generator().manual_seed(0))
    images = torch.stack([x[:N_IMAGES], twin.decode(means[:N_IMAGES]), twin.decode(noise)])[:, :, 0]
    changes = [change.step for change in trainer.record.history.interventions]
    labels = trainer.labels.numpy()
    return TrainingState(list(trainer.record.points), changes, snapshot.step, images.numpy(), plane.numpy(), labels)


def draw(figure: AnyFigure, *, stacked: bool = False) -> Scene:
    """Draw curves above images and latent plane; a filmstrip has no curves."""
    if stacked:
        return combine([_images(figure.add_subplot(2, 1, 1)), _plane(figure.add_subplot(2, 1, 2))])
    grid = figure.add_gridspec(2, 6, height_ratios=(1, 1.25), hspace=0.45, wspace=1.3)
    losses, gamma, path = (figure.add_subplot(grid[0, 2 * i : 2 * i + 2]) for i in range(3))
    return combine(
        [
            _curves(
                losses, "reconstruction, divergence (nats)", {"nll": (plots.P, "--"), "divergence": (plots.Q, "-")}
            ),
            _curves(gamma, "gamma", {"gamma": (plots.MEAN, "-")}),
            _path(path),
            _images(figure.add_subplot(grid[1, :4])),
            _plane(figure.add_subplot(grid[1, 4:])),
        ]
    )


def _curves(ax: Any, title: str, columns: dict[str, tuple[str, str]]) -> Scene:
    """Draw fields of the points by step, with lines where a parameter was changed, and a cursor."""
    lines = [ax.plot([], [], color=color, linestyle=dash, label=name)[0] for name, (color, dash) in columns.items()]
    across = ax.get_xaxis_transform()
    changes = ax.plot([], [], color=plots.JS, lw=0.8, alpha=0.8, transform=across)[0]
    cursor = ax.plot([], [], color="black", lw=0.8, linestyle=":", transform=across)[0]
    ax.set(title=title, xlabel="step")
    if len(columns) > 1:
        ax.legend(loc="upper right")

    def update(values: Values) -> bool:
        state: TrainingState = values["state"]
        steps = [point.step for point in state.points]
        heights = [[getattr(point, name) for point in state.points] for name in columns]
        for line, y in zip(lines, heights, strict=True):
            line.set_data(steps, y)
        # One path with gaps: a vertical line per change.
        changes.set_data(np.repeat(np.array(state.changes, float), 3), [0.0, 1.0, np.nan] * len(state.changes))
        cursor.set_data([state.cursor] * 2, [0, 1])
        return set_limits(ax, _range(np.ravel(heights)), (0, rounded_limit(max(steps, default=1), 100, COARSE)))

    return Scene([*lines, changes, cursor], update)


def _range(values: np.ndarray) -> tuple[float, float]:
    """Return rounded limits around the values, without the few largest at the start."""
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(np.quantile(values, 0.97)) * 1.05
    return -rounded_limit(-low, steps=COARSE) if low < 0 else 0.0, rounded_limit(high, steps=COARSE)


def _path(ax: Any) -> Scene:
    """Draw the path through the plane of rate and distortion, and the point of the cursor."""
    path = ax.plot([], [], color=plots.REFERENCE, lw=1)[0]
    here = empty_line(ax, [0], marker="o", color=plots.JS, linestyle="none", clip_on=False)
    ax.set(title="squared error per image", xlabel="rate KL(q‖p) (nats)")

    def update(values: Values) -> bool:
        state: TrainingState = values["state"]
        if not state.points:
            return False
        path.set_data([p.rate for p in state.points], [p.distortion for p in state.points])
        now = nearest(state.points, state.cursor)
        here.set_data([now.rate], [now.distortion])
        late = state.points[len(state.points) // 20 :]
        rate, distortion = max(p.rate for p in late), max(p.distortion for p in late)
        return set_limits(ax, (0, rounded_limit(distortion, steps=COARSE)), (0, rounded_limit(rate, steps=COARSE)))

    return Scene([path, here], update)


def _images(ax: Any) -> Scene:
    """Draw data, reconstructions and samples, one row each."""
    grid = plots.image_grid(ax, np.zeros((3, N_IMAGES, 8, 8)), gap=1)
    ax.set_title("data, reconstructions, samples")

    def update(values: Values) -> bool:
        picture = plots.tile_images(values["state"].images, gap=1)
        grid.set_data(picture)
        height, width = picture.shape
        extent = (-0.5, width - 0.5, height - 0.5, -0.5)
        if tuple(grid.get_extent()) == extent:
            return False
        grid.set_extent(extent)
        return True

    return Scene([grid], update)


def _plane(ax: Any) -> Scene:
    """Draw the means of the probe's posteriors, colored by class."""
    dots = [ax.plot([], [], ".", color=color, markersize=4)[0] for color in plots.CLASSES]
    ax.set(title="latent plane", xlim=(-4, 4), ylim=(-4, 4), xticks=[-3, 0, 3], yticks=[-3, 0, 3])

    def update(values: Values) -> bool:
        state: TrainingState = values["state"]
        for k, line in enumerate(dots):
            line.set_data(*state.plane[state.labels == k].T)
        return False

    return Scene(dots, update)
