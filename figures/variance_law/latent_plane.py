"""The latent plane: encoder-sketch, digits-plane, trajectories and sampling-off.

The sketch shows a VAE after one epoch, while posteriors are wide enough to see. Without sampling
only the quadratic penalty is left, which prefers scale 0.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure as Drawing
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import Circle
from matplotlib.patheffects import withStroke

from figures.alt import itemize
from figures.variance_law import figure, measures
from figures.variance_law.measures import REACH, radius
from figures.variance_law.trainings import PLANE, PLANE_PAPER, PLANE_PRESETS
from vaelab import plots
from vaelab.runs.store import Numbers

COLORS = (plots.Q, plots.JS)
MEANS, SIGMAS = ("mean_1", "mean_2"), ("sigma_1", "sigma_2")
EPOCHS = 5  # whose paths are drawn; sigma is followed to the end
NAMES = ("with sampling", "without")


def sigma(n: Numbers) -> np.ndarray:
    """Return the standard deviations of the posteriors, in the shape of logvar."""
    deviations: np.ndarray = np.exp(0.5 * n["logvar"])
    return deviations


def in_sketch(n: Numbers) -> np.ndarray:
    """Return which images are the pair of the sketch, [image]."""
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
    measures.compute_encoder_sketch,
    {"label": "image", in_sketch: "image", "mean": ("image", MEANS), sigma: ("image", SIGMAS)},
    alt_encoder_sketch,
    **PLANE_PRESETS,
    seeds="one seed of {}",
)
def draw_encoder_sketch(n: Numbers) -> Drawing:
    """One image, one Gaussian; two images, two; all of them together are the mixture Q(z)."""
    figure = plots.new_figure(7.0, 2.7)
    one, two, mixture = figure.subplots(1, 3, sharex=True, sharey=True)
    for axes, count in ((one, 1), (two, 2)):
        prior(axes)
        for which in range(count):
            _posterior(axes, n, which)
    prior(mixture)
    levels = np.linspace(0.04, 1, 13) * n["density"].max()
    mixture.contourf(n["line"], n["line"], n["density"], levels=levels, cmap="Blues", zorder=-1)
    ellipses(mixture, n["mean"], n["logvar"], ["0.3"] * len(n["mean"]), linewidths=0.3)
    one.set(title="one image: q(z|x) = N(μ(x), σ²(x))", xlabel="z₁", ylabel="z₂")
    two.set(title="two images: each its own", xlabel="z₁")
    mixture.set(title=f"{len(n['mean'])} images: their mixture, Q(z)", xlabel="z₁")
    return figure


def _posterior(axes: Axes, n: Numbers, which: int) -> None:
    """Draw an image with an arrow to its posterior, the ellipses of 1 and 2 sigma."""
    i = n["pair"][which]
    mean, logvar, color = n["mean"][i], n["logvar"][i], COLORS[which]
    ellipses(axes, mean[None], logvar[None], [color], facecolors=[(*to_rgb(color), 0.3)])
    ellipses(axes, mean[None], logvar[None] + 2 * np.log(2), [color], facecolors=[(*to_rgb(color), 0.15)])
    axes.plot(*mean, ".", color=color, markersize=3)
    side = 1 if mean[0] > 0 else -1
    picture = OffsetImage(255 - n["shown"][which], zoom=0.8, cmap="gray")
    arrow: dict[str, Any] = {"arrowstyle": "-|>,head_width=0.15,head_length=0.3", "color": color, "linewidth": 0.8}
    corner = (side * 2.7, 2.7 if mean[1] > 0 else -2.7)
    box = AnnotationBbox(picture, tuple(mean), corner, pad=0.1, bboxprops={"edgecolor": color}, arrowprops=arrow)
    axes.add_artist(box)


def alt_digits_plane(n: Numbers) -> str:
    v = n["of_means"] + n["of_noise"]
    totals = itemize("{:.2f} and {:.2f}", *v.T)
    inside = [f"{(np.linalg.norm(m, axis=1) < 2).mean():.0%}" for m in n["mean"]]
    return (
        f"{len(n['label'])} digits in the latent plane of {len(v)} VAEs, colored by class; inside two sigma of the "
        f"prior lie {' and '.join(inside)}. The radius of the ellipses of their own sigmas is "
        f"{radius(n['logvar']).mean():.2f} on average. Total variance of the two latents, by seed: {totals}."
    )


@figure(
    "var-digits-plane",
    measures.compute_digits_plane,
    {"label": "image", "mean": ("seed", "image", MEANS), sigma: ("seed", "image", SIGMAS)},
    alt_digits_plane,
    **PLANE_PRESETS,
    title="100 test digits in the latent plane after 10 epochs, with the ellipses of their sigmas and circles of the "
    "prior",
    seeds="{} seeds: a panel each",
)
def draw_digits_plane(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.75)
    for seed, axes in enumerate(figure.subplots(1, len(n["mean"]), sharex=True, sharey=True, squeeze=False)[0]):
        mean = n["mean"][seed]
        prior(axes)
        ellipses(axes, mean, n["logvar"][seed], [class_color(k) for k in n["label"]])
        digits(axes, mean, n["label"])
        v = n["of_means"][seed] + n["of_noise"][seed]
        axes.set(title=f"seed {seed}: V = {v[0]:.2f} and {v[1]:.2f}", xlabel="z₁")
    figure.axes[0].set_ylabel("z₂")
    return figure


def alt_trajectories(n: Numbers) -> str:
    sizes, last = n["radii"][0], min(EPOCHS, n["radii"].shape[1] - 1)
    return (
        f"Paths of ten digits in the latent plane with circles of their sigmas: all start within "
        f"{np.linalg.norm(n['mean'][0], axis=1).max():.2f} of 0 with sigma {sizes[0]:.2f} (dotted; dashed are 1, 2 and "
        f"3 sigmas of the prior) and move apart, while sigma falls to {sizes[1]:.2f} after one epoch and to "
        f"{sizes[last]:.2f} after {last}."
    )


@figure(
    "var-trajectories",
    measures.compute_trajectories,
    {"mean": ("epoch", "label", MEANS), "radius": "epoch label"},
    alt_trajectories,
    **PLANE_PRESETS,
    seeds="paths of one seed, sigma of {} seeds",
)
def draw_trajectories(n: Numbers) -> Drawing:
    """Ten digits on their way through the latent plane: circles shrink and move apart."""
    figure = plots.new_figure(7.0, 3.6)
    plane, line = figure.subplots(1, 2, width_ratios=(1.25, 1))
    prior(plane)
    for k, label in enumerate(n["label"]):
        path, sizes = n["mean"][: EPOCHS + 1, k], n["radius"][: EPOCHS + 1, k]
        color = class_color(label)
        plane.plot(*path.T, color=color, linewidth=0.8)
        logvar = 2 * np.log(sizes[:, None]).repeat(2, 1)
        for epoch in range(1, EPOCHS + 1):
            shade = 1.0 if epoch == EPOCHS else 0.4
            ellipses(plane, path[epoch, None], logvar[epoch, None], [color], alpha=shade)
    digits(plane, n["mean"][EPOCHS], n["label"], size=8)
    ellipses(plane, n["mean"][0, :1], np.log(n["radius"][:1, :1].repeat(2, 1) ** 2), ["0.6"], linestyles=":")
    plane.set(title=f"ten test digits, from the start (dotted) to epoch {EPOCHS}", xlabel="z₁", ylabel="z₂")
    for seed, radii in enumerate(n["radii"]):
        line.plot(radii, color=plots.Q, marker="o", linestyle="-:"[seed > 0], label=f"seed {seed}")
    line.set(title="σ, geometric mean over the digits", xlabel="epoch", ylabel="σ", yscale="log")
    line.set_yticks([0.1, 0.2, 0.5, 1], labels=["0.1", "0.2", "0.5", "1"])
    line.minorticks_off()
    line.legend()
    return figure


def alt_sampling_off(n: Numbers) -> str:
    with_, without = n["variance"][:, :, -1].mean(1)
    return (
        f"Clouds of {len(n['label'])} digits in the latent plane at epochs {', '.join(map(str, n['shown']))}, above "
        f"with sampling, below without. At the end the variance of the codes is {with_:.2f} per latent with sampling "
        f"and {without:.2f} without."
    )


@figure(
    "var-sampling-off",
    measures.compute_sampling_off,
    {"training": NAMES, "variance": "training seed epoch"},
    alt_sampling_off,
    quick={"shown": [1, 3, 10], "seeds": 2, **PLANE},
    full={"shown": [1, 3, 10], "seeds": 2, **PLANE_PAPER},
    title="The latent plane with and without sampling: without it the codes have another scale",
    seeds="clouds of one seed, variance of {} seeds: lines are means, bands ranges",
)
def draw_sampling_off(n: Numbers) -> Drawing:
    columns = len(n["shown"])
    figure = plots.new_figure(7.0, 3.9)
    grid = figure.add_gridspec(2, columns + 1, width_ratios=[1] * columns + [1.25])
    for row, name in enumerate(NAMES):
        for column, epoch in enumerate(n["shown"]):
            axes = figure.add_subplot(grid[row, column])
            mean = n["mean"][row, column]
            prior(axes)
            colors = [class_color(k) for k in n["label"]]
            if row == 0:
                ellipses(axes, mean, n["logvar"][row, column], colors, linewidths=0.5)
            axes.scatter(mean[:, 0], mean[:, 1], c=colors, s=4, linewidths=0)
            axes.set(xticks=[], yticks=[], title=f"epoch {epoch}" if row == 0 else "")
            axes.set_ylabel(name if column == 0 else "")
    line = figure.add_subplot(grid[:, -1])
    for name, seeds, color in zip(NAMES, n["variance"], (plots.Q, plots.P), strict=True):
        plots.seed_band(line, np.arange(seeds.shape[1]), seeds.T, color, label=name)
    line.axhline(1, color="black", linewidth=0.6, linestyle="--")
    line.set(title="variance of the codes", xlabel="epoch", ylabel="per latent, test images", ylim=(0, None))
    line.legend()
    return figure


def prior(axes: Axes) -> None:
    """Draw the circles of 1, 2 and 3 sigma of N(0, I)."""
    for sigmas in (1, 2, 3):
        axes.add_patch(Circle((0, 0), sigmas, fill=False, edgecolor="0.6", linewidth=0.6, linestyle="--", zorder=0))
    limits, ticks = (-REACH, REACH), range(-3, 4, 2)
    axes.set(xlim=limits, ylim=limits, aspect="equal", xticks=ticks, yticks=ticks)


def ellipses(axes: Axes, mean: np.ndarray, logvar: np.ndarray, colors: Sequence[str], **style: Any) -> None:
    """Draw the ellipse of one sigma of every posterior, mean and logvar [n, 2]."""
    widths, heights = 2 * np.exp(0.5 * logvar).T
    style = {"facecolors": "none", "edgecolors": colors, "linewidths": 0.7, "units": "xy", **style}
    style |= {"offsets": mean, "offset_transform": axes.transData}
    axes.add_collection(EllipseCollection(widths, heights, 0 * widths, **style))


def digits(axes: Axes, mean: np.ndarray, labels: np.ndarray, size: float = 6) -> None:
    """Write the label of every mean [n, 2], in the color of its class."""
    halo = [withStroke(linewidth=1.2, foreground="white")]
    style: dict[str, Any] = {"ha": "center", "va": "center", "weight": "bold", "path_effects": halo, "clip_on": True}
    for (x, y), k in zip(mean, labels, strict=True):
        axes.text(x, y, str(k), color=class_color(k), fontsize=size, **style)


def class_color(label: int) -> str:
    """Return the color of a class of digits."""
    return plots.CLASSES[int(label) % 10]
