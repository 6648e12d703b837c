"""gjs-reconstructions: the same test images through every variant, decoded at the posterior mean."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.figure import Figure, Row
from figures.gjs import PAPER, published, variants
from vaelab import plots
from vaelab.run_store import Numbers, Result, merge_results


def compute(device: str, *, primed: list[float], dual: list[float], seeds: int, **training: Any) -> Result:
    """The trainings of seed 0 (of `seeds`, which other figures read too).

    Numbers: variant, alpha [k], shown [n, c, h, w] and reconstructions [k, n, c, h, w], uint8.
    """
    every = [variants.vae(), variants.reverse(), *variants.both(primed, dual)]
    results = [row[0] for row in variants.trained(every, device, seeds, **training)]
    numbers = {
        "variant": np.array([v.name for v in every]),
        "alpha": np.array([v.alpha for v in every]),
        "shown": results[0].numbers["shown"],
        "reconstructions": np.stack([r.numbers["reconstructions"] for r in results]),
    }
    return merge_results(numbers, results)


def errors(n: Numbers) -> np.ndarray:
    """The squared error of every image in every row, summed over pixels: [k, n]."""
    difference = (n["reconstructions"].astype(float) - n["shown"]) / 255
    squares: np.ndarray = (difference**2).sum((2, 3, 4))
    return squares


def rows(n: Numbers) -> list[Row]:
    return [
        {
            "variant": str(variant),
            "alpha": "" if np.isnan(alpha) else float(alpha),
            "image": image,
            "squared_error": float(value),
        }
        for variant, alpha, values in zip(n["variant"], n["alpha"], errors(n), strict=True)
        for image, value in enumerate(values)
    ]


def draw(n: Numbers) -> Drawing:
    grid = np.concatenate([n["shown"][None], n["reconstructions"]])[:, :, 0] / 255
    figure = plots.new_figure(5.0, 0.34 * len(grid) + 0.05)
    axes = figure.subplots()
    mean = errors(n).mean(1)
    names = [variants.label(str(v), a) for v, a in zip(n["variant"], n["alpha"], strict=True)]
    plots.images(axes, grid, ["test image", *names])
    height = grid.shape[-2]
    for i, value in enumerate(mean, start=1):
        axes.text(grid.shape[1] * height + 6, (i + 0.5) * height, f"{value:.1f}", va="center", fontsize="small")
    axes.text(grid.shape[1] * height + 6, 0.5 * height, "squared\nerror", va="center", fontsize="small")
    return figure


def alt(n: Numbers) -> str:
    mean = errors(n).mean(1)
    names = [variants.label(str(v), a) for v, a in zip(n["variant"], n["alpha"], strict=True)]
    low, high = int(mean.argmin()), int(mean.argmax())
    return (
        f"{n['shown'].shape[0]} test images and their reconstructions by {len(names)} VAEs, one row each. The mean "
        f"squared error of these images is lowest for {names[low]} ({mean[low]:.1f}) and highest for {names[high]} "
        f"({mean[high]:.1f})."
    )


SHOWN: dict[str, Any] = {"primed": [0.1, 0.5, 0.9], "dual": [0.1, 0.3, 0.9]}

FIGURE = Figure(
    id="gjs-reconstructions",
    paper=PAPER,
    shows="The same test images through every variant, with the squared error of each",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={
        "quick": {**SHOWN, "seeds": 3, **variants.MNIST},
        "paper": {**SHOWN, "seeds": 3, **published.MNIST},
    },
)
