"""The picture of the training panel: curves, rate-distortion path, images, and the latent plane."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from vaelab import plots
from vaelab._utils.images import to_float
from vaelab.live.figure import AnyFigure, Scene, Values, combine, empty_line, rounded_limit, set_limits
from vaelab.live.panels.plane import draw_prior, plane_limit
from vaelab.live.trainer import Point, Snapshot, Trainer, nearest
from vaelab.objectives.objective import Experiment

N_IMAGES = 10
COARSE = (1, 2, 5)  # limits of growing axes: a change costs a full redraw


class Limits(NamedTuple):
    """Ends of the axes: of the rate and the distortion of the path, and of the latent plane."""

    rate: float
    distortion: float
    plane: float


class TrainingState(NamedTuple):
    """A training at one moment: points so far, steps of changed parameters, one snapshot.

    The snapshot was taken at the step `cursor`; images are data, reconstructions and samples
    [3, N_IMAGES, h, w], plane the means in the two most active latents [n, 2], labels [n]. The limits are
    those of this state unless they are given, for several that are compared.
    """

    points: Sequence[Point]
    changes: Sequence[int]
    cursor: int
    images: np.ndarray
    plane: np.ndarray
    labels: np.ndarray
    limits: Limits | None = None


def limits_of(states: Iterable[TrainingState]) -> Limits:
    """Return the limits that fit all of some states."""
    each = []
    for state in states:
        late = state.points[len(state.points) // 20 :]
        ends = (max((getattr(point, name) for point in late), default=1.0) for name in ("rate", "distortion"))
        each.append((*(rounded_limit(end, steps=COARSE) for end in ends), plane_limit(state.plane)))
    return Limits(*map(max, zip(*each, strict=True)))


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


def untrained_state(data: np.ndarray) -> TrainingState:
    """Return the state before there is a model: images of the data [N_IMAGES, h, w], NaN in place of decoded ones."""
    decoded = np.full_like(data, np.nan)
    return TrainingState([], [], 0, np.stack([data, decoded, decoded]), np.zeros((0, 2)), np.zeros(0, int))


def draw(figure: AnyFigure, *, stacked: bool = False) -> Scene:
    """Draw the curves and the path above images and latent plane."""
    if stacked:
        grid = figure.add_gridspec(3, 2)
        places, short = [grid[0, 0], grid[0, 1], grid[1, 0], grid[2, :], grid[1, 1]], True
    else:
        grid = figure.add_gridspec(2, 6, height_ratios=(1, 1.25), hspace=0.45, wspace=1.3)
        places, short = [grid[0, :2], grid[0, 2:4], grid[0, 4:], grid[1, :4], grid[1, 4:]], False
    losses, gamma, path, images, plane = (figure.add_subplot(place) for place in places)
    colors = plots.palette()
    # In a narrow frame a legend inside would hide the curves; below the images nothing is in the way.
    legend: Any = {"loc": "upper right"}
    if stacked:
        legend = {
            "loc": "lower center",
            "ncols": 2,
            "bbox_to_anchor": (0.5, 0.0),
            "bbox_transform": figure.transSubfigure,
        }
    parts = {"nll": ("reconstruction", colors.P, "--"), "divergence": ("divergence", colors.Q, "-")}
    return combine(
        [
            _curves(losses, "loss (nats)" if short else "reconstruction, divergence (nats)", parts, legend=legend),
            _curves(
                gamma,
                "γ",
                {"gamma": ("γ", colors.MEAN, "-")},
                "rates (nats)" if short else "rate by group (nats)",
            ),
            _path(path, "squared error" if short else "squared error per image"),
            _images(images),
            _plane(plane),
        ]
    )


def _curves(
    ax: Any,
    title: str,
    columns: dict[str, tuple[str, str, str]],
    groups: str = "",
    *,
    legend: Mapping[str, Any] | None = None,
) -> Scene:
    """Draw fields of the points by step, each with label, color and dashes; changes of parameters, and a cursor.

    With a title for `groups`, the axes show the rates of the groups of a hierarchy in their place.
    """
    colors = plots.palette()
    lines = [ax.plot([], [], label=name, color=color, linestyle=dash)[0] for name, color, dash in columns.values()]
    dashes = zip((colors.P, colors.Q, colors.JS), ("--", "-", "-."), strict=True) if groups else ()
    rates = [ax.plot([], [], color=c, linestyle=dash, label=str(k))[0] for k, (c, dash) in enumerate(dashes, 1)]
    across = ax.get_xaxis_transform()
    changes = ax.plot([], [], color=colors.JS, lw=0.8, alpha=0.8, transform=across)[0]
    cursor = ax.plot([], [], color=colors.ink, lw=0.8, linestyle=":", transform=across)[0]
    ax.set(title=title, xlabel="step")
    if legend:
        ax.legend(**legend)

    def update(values: Values) -> bool:
        state: TrainingState = values["state"]
        steps = [point.step for point in state.points]
        deep = bool(groups) and bool(steps) and len(state.points[-1].groups) > 1
        curves = [[getattr(point, name) for point in state.points] for name in columns]
        if deep:
            curves = [list(curve) for curve in zip(*(point.groups for point in state.points), strict=True)]
        for line in (*lines, *rates):
            line.set_data([], [])
        for line, y in zip(rates if deep else lines, curves, strict=False):
            line.set_data(steps, y)
        # One path with gaps: a vertical line per change.
        changes.set_data(np.repeat(np.array(state.changes, float), 3), [0.0, 1.0, np.nan] * len(state.changes))
        cursor.set_data([state.cursor] * 2, [0, 1])
        changed = bool(groups) and _title_groups(ax, groups if deep else title, rates if deep else [])
        limits = (0, rounded_limit(max(steps, default=1), 100, COARSE))
        return set_limits(ax, _range(np.ravel(curves)), limits) or changed

    return Scene([*lines, *rates, changes, cursor], update)


def _title_groups(ax: Any, title: str, lines: Sequence[Any]) -> bool:
    """Set the title, and the legend of the groups' lines or none; return whether they changed."""
    if ax.get_title() == title:
        return False
    ax.set_title(title)
    if lines:
        ax.legend(handles=lines, title="group", loc="upper left")
    elif ax.get_legend() is not None:
        ax.get_legend().remove()
    return True


def _range(values: np.ndarray) -> tuple[float, float]:
    """Return rounded limits around the values, without the few largest at the start."""
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(np.quantile(values, 0.97)) * 1.05
    return -rounded_limit(-low, steps=COARSE) if low < 0 else 0.0, rounded_limit(high, steps=COARSE)


def _path(ax: Any, title: str) -> Scene:
    """Draw the path through the plane of rate and distortion, and the point of the cursor."""
    colors = plots.palette()
    path = ax.plot([], [], color=colors.REFERENCE, lw=1)[0]
    here = empty_line(ax, [0], marker="o", color=colors.JS, linestyle="none", clip_on=False)
    ax.set(title=title, xlabel="rate KL(q‖p) (nats)")

    def update(values: Values) -> bool:
        state: TrainingState = values["state"]
        path.set_data([p.rate for p in state.points], [p.distortion for p in state.points])
        now = [nearest(state.points, state.cursor)] if state.points else []
        here.set_data([p.rate for p in now], [p.distortion for p in now])
        limits = state.limits or limits_of([state])
        return set_limits(ax, (0, limits.distortion), (0, limits.rate))

    return Scene([path, here], update)


def _images(ax: Any) -> Scene:
    """Draw data, reconstructions and samples, one row each."""
    grid = plots.image_grid(ax, np.zeros((3, N_IMAGES, 8, 8)), gap=1)
    ax.set_title("data, reconstructions, samples")
    centered: Any = {"transform": ax.transAxes, "ha": "center", "va": "center"}
    note = ax.text(0.5, 0.33, "no reconstructions and no samples before the training", **centered)

    def update(values: Values) -> bool:
        images = values["state"].images
        blank = np.isnan(images)
        note.set_visible(bool(blank.any()))
        picture = plots.tile_images(np.where(blank, plots.palette().level, images), gap=1)
        grid.set_data(picture)
        height, width = picture.shape
        extent = (-0.5, width - 0.5, height - 0.5, -0.5)
        if tuple(grid.get_extent()) == extent:
            return False
        grid.set_extent(extent)
        return True

    return Scene([grid, note], update)


def _plane(ax: Any) -> Scene:
    """Draw the means of the probe's posteriors, colored and named by class, over the prior."""
    colors = plots.palette()
    draw_prior(ax)
    dots = [ax.plot([], [], ".", color=color, markersize=4)[0] for color in colors.CLASSES]
    place: Any = {"ha": "center", "va": "center", "weight": "bold", "clip_on": True, "color": colors.ink}
    names = [ax.text(0, 0, str(k), visible=False, **place) for k in range(len(dots))]
    ax.set(title="latent plane", aspect="equal")

    def update(values: Values) -> bool:
        state: TrainingState = values["state"]
        limit = (state.limits or limits_of([state])).plane
        plane = state.plane.clip(-limit, limit)  # a code far outside is on the edge
        for k, (line, name) in enumerate(zip(dots, names, strict=True)):
            members = plane[state.labels == k]
            line.set_data(*members.T)
            name.set_visible(len(members) > 0)
            if len(members):
                name.set_position(np.median(members, 0))
        return set_limits(ax, (-limit, limit), (-limit, limit))

    return Scene([*dots, *names], update)
