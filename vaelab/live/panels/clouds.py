"""The cloud panel: the encodings of six images and of their random transformations, by lambda."""

import copy
import math
from collections.abc import Mapping
from functools import cache, partial

import numpy as np
import torch
from torch import Tensor

from vaelab import plots
from vaelab._utils.errors import InvalidValue
from vaelab._utils.images import to_float
from vaelab._utils.typed import typed
from vaelab.data import augment
from vaelab.data.augment.geometric import Warp, affine
from vaelab.data.images import Images, as_images
from vaelab.divergences.gaussian import Gaussian, diagonal_kl
from vaelab.live.controls import Slider
from vaelab.live.figure import AnyFigure, Scene, Values, empty_line
from vaelab.live.panel import Panel
from vaelab.live.spec import PanelSpec, Readout
from vaelab.metrics.adapter import encode
from vaelab.objectives.objective import Experiment

N_IMAGES, N_VIEWS, MAX_STRENGTH = 6, 50, 6.0
ANGLES = np.linspace(0, 2 * np.pi, 60)
CAPTION = (
    "Small dots: 50 transformations (views) of each of six images, encoded, in the plane of the two principal axes of "
    "the means (gray). Ellipses: one σ of the posteriors of the images themselves. The curve is R, the mean "
    "KL(q(z|view)‖q(z|image)), against λ at this strength. Images are not binarized."
)


class _Clouds:
    """Encodings of images and of their random views under several models."""

    def __init__(self, experiments: Mapping[float, Experiment], images: Images) -> None:
        self.lambdas = sorted(experiments)
        self.experiments = [copy.deepcopy(experiments[lam]).cpu() for lam in self.lambdas]
        shape = self.experiments[0].shape if self.experiments else None
        self.images = to_float(as_images(images, shape).cpu()).float()
        if len(self.experiments) < 2 or len(self.images) < N_IMAGES:
            raise InvalidValue(
                f"experiments must be at least two models and images at least {N_IMAGES}, "
                f"got {len(self.experiments)} and {len(self.images)}."
            )
        # Drawn once: with the strength, each view moves along a line.
        self.draws = 2 * torch.rand(4, N_IMAGES * N_VIEWS, generator=torch.Generator().manual_seed(0)) - 1
        self._planes: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for experiment in self.experiments:
            self._planes.append(self._principal_plane(experiment))
        self.project = cache(self._project)

    def _principal_plane(self, experiment: Experiment) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Compute center [latent], axes [2, latent] and means [n, 2], rotated onto the first's."""
        means = encode(experiment, self.images).mean.numpy()
        center = means.mean(0)
        axes = np.linalg.svd(means - center, full_matrices=False)[2][:2]
        if len(axes) < 2:
            axes = np.concatenate([axes, np.zeros_like(axes)])
        projected = (means - center) @ axes.T
        if self._planes:
            left, _, right = np.linalg.svd(self._planes[0][2].T @ projected)
            axes, projected = left @ right @ axes, projected @ (left @ right).T
        return center, axes, projected

    def _project(self, which: int, strength: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """Project means [s, 2], those of views [s, views, 2], covariances [s, 2, 2]; add R."""
        experiment, (center, axes, _) = self.experiments[which], self._planes[which]
        images = self.images[:N_IMAGES]
        views = augment.resample(images.repeat_interleave(N_VIEWS, 0), _warp(self.draws, strength, *images.shape[-2:]))
        q, v = encode(experiment, images), encode(experiment, views)
        posterior_kl = diagonal_kl(v, Gaussian(*(t.repeat_interleave(N_VIEWS, 0) for t in q))).mean()
        image_means, view_means = ((g.mean.numpy() - center) @ axes.T for g in (q, v))
        covariances = np.einsum("ai,si,bi->sab", axes, q.logvar.exp().numpy(), axes)
        return image_means, view_means.reshape(N_IMAGES, N_VIEWS, 2), covariances, float(posterior_kl)

    def all_means(self, which: int) -> np.ndarray:
        """Return the means of all images in the plane of one model, [n, 2]."""
        return self._planes[which][2]


@typed
def cloud_panel(
    experiments: Mapping[float, Experiment], images: Images, strength: float = 1.0, *, style: plots.Style = "notebook"
) -> Panel:
    """Build a panel over models trained with different lambda: how far do views move the code?

    Args:
        experiments: At least two models of the same images, by lambda; they are copied.
        images: [n, c, h, w], uint8 or in [0, 1], at least six. The first six are transformed; all
            define the plane. They are not binarized, whatever the models were trained on.
        strength: Strength of the views at the start, in [0, 6]: 1 is "simple", 2 nearly "large".
        style: "notebook", "paper" or "talk".

    Returns:
        The panel; its sliders are the step of lambda and the strength.

    Raises:
        InvalidType: If an argument is of another type.
        InvalidValue: If there are too few models or images, or the strength is out of range.
    """
    clouds = _Clouds(experiments, images)
    last = len(clouds.lambdas) - 1
    spec = PanelSpec(
        draw=partial(_draw, clouds),
        sizes={"notebook": (9.6, 4.2), "paper": (7.0, 3.1), "talk": (12.8, 5.8)},
        controls=[
            Slider("which", "step of λ", 0, last, 0, 1, whole=True),
            Slider("strength", "views' strength", 0, MAX_STRENGTH, strength, 0.1),
        ],
        presets={f"λ = {lam:g}": {"which": k} for k, lam in enumerate(clouds.lambdas)},
        readout=partial(_readout, clouds),
        frames={f"λ = {clouds.lambdas[k]:g}": {"which": k, "strength": strength} for k in sorted({0, last // 2, last})},
        alt=partial(_alt, clouds),
        filmstrip_alt=partial(_filmstrip_alt, clouds, strength),
        caption=CAPTION,
    )
    return Panel(spec, style)


def _draw(clouds: _Clouds, figure: AnyFigure, *, stacked: bool = False) -> Scene:
    """Draw the plane with its clouds, and R over lambda."""
    theme = plots.palette()
    plane, right = (
        figure.subplots(2, 1, height_ratios=(2, 1)) if stacked else figure.subplots(1, 2, width_ratios=(3, 2))
    )
    reach = 1.05 * max(float(np.abs(clouds.all_means(k)).max()) for k in range(len(clouds.lambdas)))
    plane.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=[], yticks=[])
    colors = theme.CLASSES[:N_IMAGES]
    background = plane.plot([], [], ".", color=theme.faint, markersize=2)[0]
    dots = [plane.plot([], [], ".", color=c, markersize=3)[0] for c in colors]
    ellipses = [plane.plot([], [], color=c, linewidth=1.2)[0] for c in colors]
    marks = [plane.plot([], [], "o", color=c, markersize=6, markeredgecolor=theme.ink)[0] for c in colors]
    steps = np.arange(len(clouds.lambdas))
    curve = empty_line(right, steps, color=theme.REFERENCE, marker="o", markersize=3)
    here = empty_line(right, [0], color=theme.JS, marker="o", markersize=7)
    right.set(title="R (nats)", xlabel="λ", xticks=steps, xticklabels=[f"{lam:g}" for lam in clouds.lambdas])
    ticks = (0, 1, 10, 100, 1000)
    right.set(yscale="symlog", ylim=(0, 1000), yticks=ticks, yticklabels=[str(tick) for tick in ticks])

    def update(values: Values) -> bool:
        which, strength = int(values["which"]), float(values["strength"])
        image_means, view_means, covariances, _ = clouds.project(which, strength)
        background.set_data(*clouds.all_means(which).T)
        for k in range(N_IMAGES):
            dots[k].set_data(*view_means[k].T)
            marks[k].set_data([image_means[k, 0]], [image_means[k, 1]])
            ellipses[k].set_data(*_ellipse(image_means[k], covariances[k]))
        posterior_kl = [clouds.project(int(s), strength)[3] for s in steps]
        curve.set_data(steps, posterior_kl)
        here.set_data([which], [posterior_kl[which]])
        return False

    return Scene([background, *dots, *ellipses, *marks, curve, here], update)


def _width(clouds: _Clouds, values: Values) -> float:
    """Return the width of a cloud relative to the data."""
    which, strength = int(values["which"]), float(values["strength"])
    image_means, view_means, _, _ = clouds.project(which, strength)
    within = float(np.sqrt(((view_means - image_means[:, None]) ** 2).sum(-1).mean()))
    return within / float(np.sqrt(2 * clouds.all_means(which).var(0).sum()))


def _readout(clouds: _Clouds, values: Values) -> Readout:
    """Return lambda, R, and the width of a cloud relative to the data."""
    which, ratio = int(values["which"]), _width(clouds, values)
    posterior_kl = clouds.project(which, float(values["strength"]))[3]
    lam = f"{clouds.lambdas[which]:g}"
    rows = [("λ", lam), ("R", f"{posterior_kl:.2f} nats"), ("cloud / data", f"{ratio:.2f}")]
    size = "as wide as the data" if ratio > 0.7 else f"{ratio:.0%} as wide as the data"
    return Readout(rows, f"At λ = {lam} a cloud of views is {size} in this plane, and R is {posterior_kl:.1f} nats.")


def _warp(draws: Tensor, strength: float, height: int, width: int) -> Warp:
    """Scale the "simple" transformation by a strength: 15°, 5 % of a side, a factor of 1.1."""
    angle, right, down, scale = strength * draws
    shift = 0.05 * torch.stack([width * right, height * down], 1)
    return affine(15 * angle, shift, torch.exp(math.log(1.1) * scale), torch.zeros_like(angle))


def _ellipse(center: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Compute points of one standard deviation: [2, points]."""
    root = np.linalg.cholesky(covariance + 1e-12 * np.eye(2))
    return center[:, None] + root @ np.stack([np.cos(ANGLES), np.sin(ANGLES)])


def _alt(clouds: _Clouds, values: Values) -> str:
    """Describe the clouds, and the curve of R."""
    which, strength = int(values["which"]), float(values["strength"])
    distances = [clouds.project(k, strength)[3] for k in range(len(clouds.lambdas))]
    return (
        f"Left: six clouds of {N_VIEWS} views, {_width(clouds, values):.0%} as wide as the data, at "
        f"λ = {clouds.lambdas[which]:g} and strength {strength:.1f}. Right: R goes from {distances[0]:.1f} nats at "
        f"λ = {clouds.lambdas[0]:g} to {distances[-1]:.1f} at λ = {clouds.lambdas[-1]:g}; it is "
        f"{distances[which]:.1f} here."
    )


def _filmstrip_alt(clouds: _Clouds, strength: float) -> str:
    values = ", ".join(f"{clouds.project(k, strength)[3]:.1f} at λ = {lam:g}" for k, lam in enumerate(clouds.lambdas))
    return f"Filmstrip: clouds of 50 transformations of six images shrink as λ grows; R in nats is {values}."
