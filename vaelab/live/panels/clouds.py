"""The cloud panel: where an image and its transformations lie, from one value of lambda to the next."""

import math
from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure, SubFigure
from torch import Tensor

from vaelab import plots
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab._utils.images import to_float
from vaelab.data import augment
from vaelab.data.augment.geometric import Warp, affine
from vaelab.divergences.gaussian import Gaussian, diagonal_kl
from vaelab.live.controls import Control, Slider
from vaelab.live.figure import Scene, Values
from vaelab.live.figure_panel import Story, drawn, plot
from vaelab.live.panel import Panel
from vaelab.live.readout import Row
from vaelab.metrics.adapter import encode
from vaelab.objectives.objective import Experiment

SIZES = {"notebook": (9.6, 4.2), "paper": (7.0, 3.1), "talk": (12.8, 5.8)}
SHOWN, COPIES, STRONGEST = 6, 50, 6.0
TURN = np.linspace(0, 2 * np.pi, 60)
CAPTION = (
    "Small dots: 50 transformations of each of six images, encoded as they are, in the plane of the two principal axes "
    "of the means (gray); ellipses: one σ of the images' own posteriors. Right: R against λ at this strength. Run the "
    "cell for the sliders."
)


class Clouds:
    """What the panel reads off its models: one per lambda, in rising order; the transformations are drawn once."""

    def __init__(self, experiments: Mapping[float, Experiment], images: Tensor) -> None:
        if not isinstance(experiments, Mapping):
            raise InvalidType(f"experiments must be a mapping from lambda, got {type(experiments).__name__}.")
        self.lambdas = sorted(experiments)
        self.experiments = [experiments[lam] for lam in self.lambdas]
        self.images = to_float(images).float()
        if len(self.experiments) < 2 or len(self.images) < SHOWN:
            raise InvalidValue(
                f"the panel needs two models and {SHOWN} images, got {len(self.experiments)} and {len(images)}."
            )
        self.draws = 2 * torch.rand(4, SHOWN * COPIES, generator=torch.Generator().manual_seed(0)) - 1
        self._axes: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for experiment in self.experiments:
            self._axes.append(self._plane(experiment))
        self.of = cache(self._of)

    def _plane(self, experiment: Experiment) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Center [latent], axes [2, latent] and projected means [n, 2]; turned to lie on those of the first model."""
        means = encode(experiment, self.images).mean.numpy()
        center = means.mean(0)
        axes = np.linalg.svd(means - center, full_matrices=False)[2][:2]
        if len(axes) < 2:
            axes = np.concatenate([axes, np.zeros_like(axes)])
        seen = (means - center) @ axes.T
        if self._axes:
            left, _, right = np.linalg.svd(self._axes[0][2].T @ seen)
            axes, seen = left @ right @ axes, seen @ (left @ right).T
        return center, axes, seen

    def _of(self, which: int, strength: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """Places of the images [s, 2] and of their views [s, copies, 2], covariances [s, 2, 2], and R in nats."""
        experiment, (center, axes, _) = self.experiments[which], self._axes[which]
        few = self.images[:SHOWN]
        warp = _warp(self.draws, strength, *few.shape[-2:])
        views = augment.resample(few.repeat_interleave(COPIES, 0), warp)
        q, v = encode(experiment, few), encode(experiment, views)
        gap = diagonal_kl(v, Gaussian(*(t.repeat_interleave(COPIES, 0) for t in q))).mean()
        places, moved = ((g.mean.numpy() - center) @ axes.T for g in (q, v))
        covariances = np.einsum("ai,si,bi->sab", axes, q.logvar.exp().numpy(), axes)
        return places, moved.reshape(SHOWN, COPIES, 2), covariances, float(gap)

    def behind(self, which: int) -> np.ndarray:
        """The means of all images on the model's plane, [n, 2]."""
        return self._axes[which][2]


def cloud_panel(
    experiments: Mapping[float, Experiment], images: Tensor, strength: float = 1.0, *, style: plots.Style = "notebook"
) -> Panel:
    """A slider over trained models, by lambda, and one for how strong the views are: 1 is "simple", 2 nearly "large".

    images [n, c, h, w], uint8 or in [0, 1]: the first six get clouds, all span the plane.

    Images are encoded as they are; what was trained on black and white is not shown it here.

    Raises InvalidType for no mapping, InvalidValue for fewer than two models or six images, images that the models do
    not take, or a strength outside the slider.
    """
    clouds = Clouds(experiments, images)
    last = len(clouds.lambdas) - 1
    chosen = sorted({0, last // 2, last})
    frames = [{"which": which, "strength": strength} for which in chosen]
    titles = [f"λ = {clouds.lambdas[which]:g}" for which in chosen]
    story = Story(partial(draw, clouds, stacked=True), frames, titles, partial(_alt, clouds, strength), CAPTION)
    controls: list[Control] = [
        Slider("which", "step of λ", 0, last, 0, 1, whole=True),
        Slider("strength", "views' strength", 0, STRONGEST, strength, 0.1),
    ]
    presets = {f"λ = {lam:g}": {"which": which} for which, lam in enumerate(clouds.lambdas)}
    return drawn(partial(draw, clouds), SIZES, controls, partial(words, clouds), story, presets, style)


def draw(clouds: Clouds, figure: Figure | SubFigure, *, stacked: bool = False) -> Scene:
    """The plane with its clouds; beside it R over lambda."""
    shape: dict[str, Any] = {"height_ratios": (2, 1)} if stacked else {"width_ratios": (3, 2)}
    plane, right = figure.subplots(2, 1, **shape) if stacked else figure.subplots(1, 2, **shape)
    reach = 1.05 * max(float(np.abs(clouds.behind(k)).max()) for k in range(len(clouds.lambdas)))
    plane.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=[], yticks=[])
    gray = plane.plot([], [], ".", color="0.85", markersize=2)[0]
    dots = [plane.plot([], [], ".", color=c, markersize=3)[0] for c in plots.CLASSES[:SHOWN]]
    rings = [plane.plot([], [], color=c, linewidth=1.2)[0] for c in plots.CLASSES[:SHOWN]]
    look: Any = {"marker": "o", "markersize": 6, "markeredgecolor": "black", "linestyle": "none"}
    marks = [plane.plot([], [], color=c, **look)[0] for c in plots.CLASSES[:SHOWN]]
    steps = np.arange(len(clouds.lambdas))
    curve = plot(right, steps, color=plots.REFERENCE, marker="o", markersize=3)
    here = plot(right, [0], color=plots.JS, marker="o", markersize=7)
    right.set(title="R (nats)", xlabel="λ", xticks=steps, xticklabels=[f"{lam:g}" for lam in clouds.lambdas])
    right.set(
        yscale="symlog", ylim=(0, 1000), yticks=(0, 1, 10, 100, 1000), yticklabels=("0", "1", "10", "100", "1000")
    )

    def update(values: Values) -> bool:
        which, strength = int(values["which"]), float(values["strength"])
        places, moved, covariances, _ = clouds.of(which, strength)
        gray.set_data(*clouds.behind(which).T)
        for k in range(SHOWN):
            dots[k].set_data(*moved[k].T)
            marks[k].set_data([places[k, 0]], [places[k, 1]])
            rings[k].set_data(*_ring(places[k], covariances[k]))
        gaps = [clouds.of(int(s), strength)[3] for s in steps]
        curve.set_data(steps, gaps)
        here.set_data([which], [gaps[which]])
        return False

    return Scene([gray, *dots, *rings, *marks, curve, here], update)


def words(clouds: Clouds, values: Values) -> tuple[Sequence[Row], str]:
    """The readout, and the picture in one sentence."""
    which, strength = int(values["which"]), float(values["strength"])
    places, moved, _, gap = clouds.of(which, strength)
    within = float(np.sqrt(((moved - places[:, None]) ** 2).sum(-1).mean()))
    across = float(np.sqrt(2 * clouds.behind(which).var(0).sum()))
    rows = [("λ", f"{clouds.lambdas[which]:g}"), ("R", f"{gap:.2f} nats"), ("cloud / data", f"{within / across:.2f}")]
    size = "as wide as the data" if within > 0.7 * across else f"{within / across:.0%} as wide as the data"
    return rows, f"At λ = {clouds.lambdas[which]:g} a cloud of views is {size} in this plane, and R is {gap:.1f} nats."


def _warp(draws: Tensor, strength: float, height: int, width: int) -> Warp:
    """`simple` times a strength: 15°, 5 % of a side, a factor of 1.1."""
    turn, right, down, scale = strength * draws
    shift = 0.05 * torch.stack([width * right, height * down], 1)
    return affine(15 * turn, shift, torch.exp(math.log(1.1) * scale), torch.zeros_like(turn))


def _ring(center: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """The ellipse of one standard deviation: [2, points]."""
    root = np.linalg.cholesky(covariance + 1e-12 * np.eye(2))
    return center[:, None] + root @ np.stack([np.cos(TURN), np.sin(TURN)])


def _alt(clouds: Clouds, strength: float) -> str:
    told = ", ".join(f"{clouds.of(k, strength)[3]:.1f} at λ = {lam:g}" for k, lam in enumerate(clouds.lambdas))
    return f"Film-strip: clouds of 50 transformations of six images shrink as λ grows; R in nats is {told}."
