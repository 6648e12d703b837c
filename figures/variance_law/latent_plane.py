"""var-encoder-sketch: what an encoder does: one image, one Gaussian; two images, two; all images, the mixture Q(z).

The sketch of the talk, drawn with a real encoder: a VAE after its first epoch, while posteriors are wide enough to see.

var-digits-plane: 100 test digits in a latent plane after 10 epochs, each with the circle of its sigma.

The MNIST case of the talk, which asks: why does this cloud look Gaussian, if KL never sees more than one digit at once?

var-trajectories: ten digits on their way through the latent plane, one of each class, over the first five epochs.

The film of the author's page as one picture: circles shrink, since 60,000 digits have to share the plane.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from figures.variance_law import figure, planes
from figures.variance_law.measures import compute_digits_plane, compute_encoder_sketch, compute_trajectories, radius
from figures.variance_law.trainings import PLANE, PLANE_PAPER
from vaelab import plots
from vaelab.runs.store import Numbers

COLORS = (plots.Q, plots.JS)
MEANS, SIGMAS = ("mean_1", "mean_2"), ("sigma_1", "sigma_2")


def sigma(n: Numbers) -> np.ndarray:
    """Standard deviations of the posteriors, in the shape of logvar."""
    deviations: np.ndarray = np.exp(0.5 * n["logvar"])
    return deviations


def in_sketch(n: Numbers) -> np.ndarray:
    """Which images are the two of the sketch, [image]."""
    return np.isin(np.arange(len(n["mean"])), n["pair"])


def alt_encoder_sketch(n: Numbers) -> str:
    radii = radius(n["logvar"])
    a, b = n["pair"]
    return (
        f"Three latent planes over the circles of N(0, I). A digit {n['label'][a]} and its posterior, an ellipse of "
        f"radius {radii[a]:.2f} around ({n['mean'][a][0]:.1f}, {n['mean'][a][1]:.1f}); beside it a digit "
        f"{n['label'][b]} with its own; and the density of the mixture of {len(radii)} posteriors."
    )


@figure(
    "var-encoder-sketch",
    compute_encoder_sketch,
    {"label": "image", in_sketch: "image", "mean": ("image", MEANS), sigma: ("image", SIGMAS)},
    alt_encoder_sketch,
    title="One image, one Gaussian; two images, two; all of them together are the mixture Q(z)",
    quick={"seeds": 2, **PLANE},
    full={"seeds": 2, **PLANE_PAPER},
)
def draw_encoder_sketch(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.7)
    one, two, everyone = figure.subplots(1, 3, sharex=True, sharey=True)
    for axes, count in ((one, 1), (two, 2)):
        planes.prior(axes)
        for which in range(count):
            _posterior(axes, n, which)
    planes.prior(everyone)
    levels = np.linspace(0.04, 1, 13) * n["density"].max()
    everyone.contourf(n["line"], n["line"], n["density"], levels=levels, cmap="Blues", zorder=-1)
    planes.ellipses(everyone, n["mean"], n["logvar"], ["0.3"] * len(n["mean"]), linewidths=0.3)
    one.set(title="one image: q(z|x) = N(μ(x), σ²(x))", xlabel="z₁", ylabel="z₂")
    two.set(title="two images: each its own", xlabel="z₁")
    everyone.set(title=f"{len(n['mean'])} images: their mixture, Q(z)", xlabel="z₁")
    return figure


def _posterior(axes: Axes, n: Numbers, which: int) -> None:
    """The image, and an arrow to its posterior: the ellipses of 1 and 2 sigma, and the mean."""
    i = n["pair"][which]
    mean, logvar, color = n["mean"][i], n["logvar"][i], COLORS[which]
    planes.ellipses(axes, mean[None], logvar[None], [color], facecolors=[(*_rgb(color), 0.3)])
    planes.ellipses(axes, mean[None], logvar[None] + 2 * np.log(2), [color], facecolors=[(*_rgb(color), 0.15)])
    axes.plot(*mean, ".", color=color, markersize=3)
    side = 1 if mean[0] > 0 else -1
    picture = OffsetImage(255 - n["shown"][which], zoom=0.8, cmap="gray")
    arrow: dict[str, Any] = {"arrowstyle": "-|>,head_width=0.15,head_length=0.3", "color": color, "linewidth": 0.8}
    place = (side * 2.7, 2.7 if mean[1] > 0 else -2.7)
    box = AnnotationBbox(picture, tuple(mean), place, pad=0.1, bboxprops={"edgecolor": color}, arrowprops=arrow)
    axes.add_artist(box)


def _rgb(color: str) -> tuple[float, ...]:
    return tuple(int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))


def alt_digits_plane(n: Numbers) -> str:
    v = n["of_means"] + n["of_noise"]
    told = [f"{a:.2f} and {b:.2f}" for a, b in v]
    size = radius(n["logvar"])
    inside = [f"{(np.linalg.norm(m, axis=1) < 2).mean():.0%}" for m in n["mean"]]
    return (
        f"{len(n['label'])} digits in the latent plane of {len(v)} VAEs, each class in its sector, a roundish cloud "
        f"about 0; inside two sigma of the prior lie {' and '.join(inside)}. The circles of their own sigmas are "
        f"small, {size.mean():.2f} on average. Total variance of the two latents, by seed: {'; '.join(told)}."
    )


@figure(
    "var-digits-plane",
    compute_digits_plane,
    {"label": "image", "mean": ("seed", "image", MEANS), sigma: ("seed", "image", SIGMAS)},
    alt_digits_plane,
    title="100 test digits in the latent plane after 10 epochs, with the circles of their sigmas and of the prior",
    quick={"seeds": 2, **PLANE},
    full={"seeds": 2, **PLANE_PAPER},
)
def draw_digits_plane(n: Numbers) -> Drawing:
    seeds = len(n["mean"])
    figure = plots.new_figure(7.0, 3.75)
    for seed, axes in enumerate(figure.subplots(1, seeds, sharex=True, sharey=True, squeeze=False)[0]):
        mean = n["mean"][seed]
        planes.prior(axes)
        planes.ellipses(axes, mean, n["logvar"][seed], [planes.color(k) for k in n["label"]])
        planes.digits(axes, mean, n["label"])
        v = n["of_means"][seed] + n["of_noise"][seed]
        axes.set(title=f"seed {seed}: V = {v[0]:.2f} and {v[1]:.2f}", xlabel="z₁")
    figure.axes[0].set_ylabel("z₂")
    return figure


EPOCHS = 5  # drawn in the plane; the radii are followed to the end


def alt_trajectories(n: Numbers) -> str:
    sizes = n["radii"][0]
    return (
        f"Paths of ten digits in the latent plane with circles of their sigmas: all start near 0 with sigma "
        f"{sizes[0]:.2f} (dotted; dashed are 1, 2 and 3 sigmas of the prior) and drift apart into sectors, while sigma "
        f"falls to {sizes[1]:.2f} after one epoch and to "
        f"{sizes[min(EPOCHS, len(sizes) - 1)]:.2f} after {min(EPOCHS, len(sizes) - 1)}."
    )


@figure(
    "var-trajectories",
    compute_trajectories,
    {"mean": ("epoch", "label", MEANS), "radius": "epoch label"},
    alt_trajectories,
    title="Ten digits on their way through the latent plane: circles shrink and move apart",
    quick={"seeds": 2, **PLANE},
    full={"seeds": 2, **PLANE_PAPER},
)
def draw_trajectories(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.6)
    plane, line = figure.subplots(1, 2, width_ratios=(1.25, 1))
    planes.prior(plane)
    for k, label in enumerate(n["label"]):
        path, sizes = n["mean"][: EPOCHS + 1, k], n["radius"][: EPOCHS + 1, k]
        color = planes.color(label)
        plane.plot(*path.T, color=color, linewidth=0.8)
        logvar = 2 * np.log(sizes[:, None]).repeat(2, 1)
        for epoch in range(1, EPOCHS + 1):
            shade = 1.0 if epoch == EPOCHS else 0.4
            planes.ellipses(plane, path[epoch, None], logvar[epoch, None], [color], alpha=shade)
    planes.digits(plane, n["mean"][EPOCHS], n["label"], size=8)
    planes.ellipses(plane, n["mean"][0, :1], np.log(n["radius"][:1, :1].repeat(2, 1) ** 2), ["0.6"], linestyles=":")
    plane.set(title=f"ten test digits, from the start (dotted) to epoch {EPOCHS}", xlabel="z₁", ylabel="z₂")
    for seed, radii in enumerate(n["radii"]):
        line.plot(radii, color=plots.Q, marker="o", linestyle="-:"[seed > 0], label=f"seed {seed}")
    line.set(title="σ, geometric mean over the digits", xlabel="epoch", ylabel="σ", yscale="log")
    line.set_yticks([0.1, 0.2, 0.5, 1], labels=["0.1", "0.2", "0.5", "1"])
    line.minorticks_off()
    line.legend()
    return figure
