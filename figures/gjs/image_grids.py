"""gjs-reconstructions: the same test images through every variant, decoded at the posterior mean.

gjs-traversals: one latent at a time moved across the prior, the others as they are for one test image.

The picture hides nothing: latents are sorted by what they carry, and one that carries nothing moves nothing.
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.gjs import figure, published, variants
from figures.gjs.trainings import compute_reconstructions, compute_traversals
from vaelab import plots
from vaelab.runs.measure import REACH
from vaelab.runs.store import Numbers


def squared_error(n: Numbers) -> np.ndarray:
    """The squared error of every image in every row, summed over pixels: [k, n]."""
    difference = (n["reconstructions"].astype(float) - n["shown"]) / 255
    squares: np.ndarray = (difference**2).sum((2, 3, 4))
    return squares


RECONSTRUCTED: dict[str, Any] = {"primed": [0.1, 0.5, 0.9], "dual": [0.1, 0.3, 0.9]}


def alt_reconstructions(n: Numbers) -> str:
    mean = squared_error(n).mean(1)
    names = [variants.label(str(v), a) for v, a in zip(n["variant"], n["alpha"], strict=True)]
    low, high = int(mean.argmin()), int(mean.argmax())
    return (
        f"{n['shown'].shape[0]} test images and their reconstructions by {len(names)} VAEs, one row each. The mean "
        f"squared error of these images is lowest for {names[low]} ({mean[low]:.1f}) and highest for {names[high]} "
        f"({mean[high]:.1f})."
    )


@figure(
    "gjs-reconstructions",
    compute_reconstructions,
    {"alpha": "variant", squared_error: "variant image"},
    alt_reconstructions,
    title="The same test images through every variant, with the squared error of each",
    quick={**RECONSTRUCTED, "seeds": 3, **variants.MNIST},
    full={**RECONSTRUCTED, "seeds": 3, **published.MNIST},
)
def draw_reconstructions(n: Numbers) -> Drawing:
    grid = np.concatenate([n["shown"][None], n["reconstructions"]])[:, :, 0] / 255
    figure = plots.new_figure(5.0, 0.34 * len(grid) + 0.05)
    axes = figure.subplots()
    mean = squared_error(n).mean(1)
    names = [variants.label(str(v), a) for v, a in zip(n["variant"], n["alpha"], strict=True)]
    plots.image_grid(axes, grid, ["test image", *names])
    height = grid.shape[-2]
    for i, value in enumerate(mean, start=1):
        axes.text(grid.shape[1] * height + 6, (i + 0.5) * height, f"{value:.1f}", va="center", fontsize="small")
    axes.text(grid.shape[1] * height + 6, 0.5 * height, "squared\nerror", va="center", fontsize="small")
    return figure


def squared_change(n: Numbers) -> np.ndarray:
    """Squared difference of the two ends of every traversal, summed over pixels: [k, latent]."""
    ends = n["traversals"][:, :, [0, -1]].astype(float) / 255
    change: np.ndarray = ((ends[:, :, 1] - ends[:, :, 0]) ** 2).sum((2, 3, 4))
    return change


TRAVERSED: dict[str, Any] = {"primed": [0.1], "dual": [0.3, 0.1]}


def alt_traversals(n: Numbers) -> str:
    told = [
        f"{variants.label(str(v), a)}: {said.sum():.1f}, from {said[-1]:.1f} to {said[0]:.1f} each"
        for v, a, said in zip(n["variant"], n["alpha"], n["information"], strict=True)
    ]
    return (
        f"For {len(told)} VAEs, one row of images per latent, sorted by information, as it moves from -{REACH:g} "
        f"to {REACH:g}. Nats that the {n['information'].shape[1]} latents say together: {'; '.join(told)}."
    )


@figure(
    "gjs-traversals",
    compute_traversals,
    {"alpha": "variant", "information": "variant latent", squared_change: "variant latent"},
    alt_traversals,
    title="Each latent moved across the prior, sorted by what it says: under a steep entrance fee all say little",
    quick={**TRAVERSED, "seeds": 3, **variants.MNIST},
    full={**TRAVERSED, "seeds": 3, **published.MNIST},
)
def draw_traversals(n: Numbers) -> Drawing:
    k, latent, steps = n["traversals"].shape[:3]
    figure = plots.new_figure(7.0, 5.9 / k * latent / steps + 0.6)
    for i, axes in enumerate(figure.subplots(1, k, squeeze=False)[0]):
        images = n["traversals"][i]
        plots.image_grid(axes, images[:, :, 0] / 255, [f"{said:.1f}" for said in n["information"][i]])
        axes.set_title(variants.label(str(n["variant"][i]), n["alpha"][i]))
        side = images.shape[-1]
        axes.set_xticks([side / 2, steps * side / 2, (steps - 0.5) * side], [f"-{REACH:g}", "0", f"{REACH:g}"])
        axes.tick_params(labelsize="x-small")
        axes.set_xlabel("value of the latent")
    figure.axes[0].set_ylabel("latent, by what it says (nats)")
    return figure
