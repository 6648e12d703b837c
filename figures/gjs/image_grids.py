"""Images: gjs-reconstructions at the posterior mean, and gjs-traversals of one latent at a time.

Latents are sorted by information; one without any changes nothing.
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.alt import itemize
from figures.gjs import figure, published, variants
from figures.gjs.trainings import compute_reconstructions, compute_traversals
from vaelab import plots
from vaelab.runs.measure import REACH
from vaelab.runs.store import Numbers

RECONSTRUCTED: dict[str, Any] = {"primed": [0.1, 0.5, 0.9], "dual": [0.1, 0.3, 0.9]}
TRAVERSED: dict[str, Any] = {"primed": [0.1], "dual": [0.3, 0.1]}


def squared_error(n: Numbers) -> np.ndarray:
    """Compute the squared error of every image in every row, summed over pixels: [k, n]."""
    difference = (n["reconstructions"].astype(float) - n["shown"]) / 255
    squares: np.ndarray = (difference**2).sum((2, 3, 4))
    return squares


def alt_reconstructions(n: Numbers) -> str:
    mean, names = squared_error(n).mean(1), variants.labels(n)
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
    quick={**RECONSTRUCTED, "seeds": 3, **variants.MNIST},
    full={**RECONSTRUCTED, "seeds": 3, **published.MNIST},
    seeds="one seed of {}",
)
def draw_reconstructions(n: Numbers) -> Drawing:
    """The same test images through every variant, with the squared error of each."""
    grid = np.concatenate([n["shown"][None], n["reconstructions"]])[:, :, 0] / 255
    figure = plots.new_figure(5.0, 0.34 * len(grid) + 0.05)
    axes = figure.subplots()
    mean, names = squared_error(n).mean(1), variants.labels(n)
    plots.image_grid(axes, grid, ["test image", *names])
    height = grid.shape[-2]
    texts = {i: f"{value:.1f}" for i, value in enumerate(mean, start=1)} | {0: "squared\nerror"}
    for i, text in texts.items():
        axes.text(grid.shape[1] * height + 6, (i + 0.5) * height, text, va="center", fontsize="small")
    return figure


def squared_change(n: Numbers) -> np.ndarray:
    """Sum the squared difference of the ends of every traversal over pixels: [k, latent]."""
    ends = n["traversals"][:, :, [0, -1]].astype(float) / 255
    change: np.ndarray = ((ends[:, :, 1] - ends[:, :, 0]) ** 2).sum((2, 3, 4))
    return change


def alt_traversals(n: Numbers) -> str:
    nats = n["information"]
    items = itemize("{}: {:.1f}, from {:.1f} to {:.1f} each", variants.labels(n), nats.sum(1), nats[:, -1], nats[:, 0])
    return (
        f"For {len(nats)} VAEs, one row of images per latent, sorted by information, as it moves from -{REACH:g} "
        f"to {REACH:g}. Total nats of the {n['information'].shape[1]} latents: {items}."
    )


@figure(
    "gjs-traversals",
    compute_traversals,
    {"alpha": "variant", "information": "variant latent", squared_change: "variant latent"},
    alt_traversals,
    quick={**TRAVERSED, "seeds": 3, **variants.MNIST},
    full={**TRAVERSED, "seeds": 3, **published.MNIST},
    title="Each latent traversed over the prior, by information, which is least under the dual at alpha 0.1",
    seeds="one seed of {}",
)
def draw_traversals(n: Numbers) -> Drawing:
    k, latent, steps = n["traversals"].shape[:3]
    figure = plots.new_figure(7.0, 5.9 / k * latent / steps + 0.6)
    for i, axes in enumerate(figure.subplots(1, k, squeeze=False)[0]):
        images = n["traversals"][i]
        plots.image_grid(axes, images[:, :, 0] / 255, [f"{nats:.1f}" for nats in n["information"][i]])
        axes.set_title(variants.labels(n)[i])
        side = images.shape[-1]
        axes.set_xticks([side / 2, steps * side / 2, (steps - 0.5) * side], [f"-{REACH:g}", "0", f"{REACH:g}"])
        axes.tick_params(labelsize="x-small")
        axes.set_xlabel("value of the latent")
    figure.axes[0].set_ylabel("latent, by information (nats)")
    return figure
