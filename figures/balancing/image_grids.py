"""gam-strip: the same test images and the same draws from the prior, over gamma²."""

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.balancing import PAPER, methods
from figures.balancing.measures import compute_image_grids
from figures.figure import Figure, Row
from vaelab import plots
from vaelab.runs.store import Numbers


def errors(n: Numbers) -> np.ndarray:
    """The squared error per pixel of every image in every row: [k, n]."""
    residual = (n["rebuilt"].astype(float) - n["shown"]) / 255
    squares: np.ndarray = np.square(residual).mean((2, 3, 4))
    return squares


def rows(n: Numbers) -> list[Row]:
    return [
        {"method": str(label), "image": image, "squared_error": float(value), "score_sampled": float(score)}
        for label, values, score in zip(n["label"], errors(n), n["score"], strict=True)
        for image, value in enumerate(values)
    ]


def draw(n: Numbers) -> Drawing:
    names = [
        "test image",
        *(str(label).replace("fixed", "gamma² =").replace(", from", "\nfrom") for label in n["label"]),
    ]
    rebuilt = np.concatenate([n["shown"][None], n["rebuilt"]])
    blank = np.full_like(n["sampled"][:1], 255)  # the page
    sampled = np.concatenate([blank, n["sampled"]])
    figure = plots.new_figure(7.0, 0.3 * len(rebuilt) + 0.35)
    left, right = figure.subplots(1, 2)
    plots.image_grid(left, rebuilt[:, :, 0] / 255, names)
    plots.image_grid(right, sampled[:, :, 0] / 255)
    left.set_title("reconstructions")
    right.set_title("draws from the prior")
    return figure


def alt(n: Numbers) -> str:
    told = "; ".join(
        f"{label}: error {e.mean():.4f}, score {s:.0f}"
        for label, e, s in zip(n["label"], errors(n), n["score"], strict=True)
    )
    return (
        "Rows of reconstructions of the same ten test images, and of draws from the prior, one row per gamma squared. "
        f"Mean squared error per pixel and Fréchet distance of the samples: {told}."
    )


FIGURE = Figure(
    id="gam-strip",
    paper=PAPER,
    title="Reconstructions and samples over gamma²: one knob, two opposite goals",
    compute=compute_image_grids,
    table=rows,
    draw=draw,
    alt=alt,
    presets=methods.SWEEP,
)
