"""gam-strip: reconstructions of the same test images, and samples from the same latents, over gamma²."""

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.alt import itemize
from figures.balancing import figure, methods
from figures.balancing.trainings import compute_image_grids
from vaelab import plots
from vaelab.runs.store import Numbers


def squared_error(n: Numbers) -> np.ndarray:
    """Return the error per pixel of every reconstruction: [k, n]."""
    residual = (n["rebuilt"].astype(float) - n["shown"]) / 255
    squares: np.ndarray = np.square(residual).mean((2, 3, 4))
    return squares


def alt(n: Numbers) -> str:
    ends = itemize("{}: error {:.4f}, score {:.0f}", n["label"], squared_error(n).mean(1), n["score"])
    return (
        "Rows of reconstructions of the same ten test images, and of draws from the prior, one row per gamma squared. "
        f"Mean squared error per pixel and Fréchet distance of the samples: {ends}."
    )


@figure(
    "gam-strip",
    compute_image_grids,
    {squared_error: "label image", "score": "label"},
    alt,
    title="Reconstructions and samples over gamma²: one parameter, two opposite goals",
    quick=methods.SWEEP,
    full=methods.FULL_SWEEP,
)
def draw(n: Numbers) -> Drawing:
    labels = [str(label).replace("fixed", "gamma² =").replace(", from", "\nfrom") for label in n["label"]]
    rebuilt = np.concatenate([n["shown"][None], n["rebuilt"]])
    sampled = np.concatenate([np.full_like(n["sampled"][:1], 255), n["sampled"]])  # white beside the test images
    drawing = plots.new_figure(7.0, 0.3 * len(rebuilt) + 0.35)
    left, right = drawing.subplots(1, 2)
    plots.image_grid(left, rebuilt, ["test image", *labels])
    plots.image_grid(right, sampled)
    left.set_title("reconstructions")
    right.set_title("draws from the prior")
    return drawing
