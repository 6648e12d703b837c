"""var-point-vs-average: mean² + sigma² of single images scatters; its average over images is about 1.

The rho argument is about one posterior, but a network can rescale all of them only together: a law of averages.
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.figure import Figure, Row
from figures.variance_law import PAPER
from figures.variance_law.followed import WIDE, WIDE_PAPER, followed, posteriors
from vaelab import plots
from vaelab.run_store import Numbers, Result, merge_results

BINS = np.linspace(0, 4, 61)


def compute(device: str, *, seeds: int, **training: Any) -> Result:
    """Numbers: square, variance [seeds, n, latent] of the test images, mean² and sigma²; active [seeds, latent]."""
    results = followed(device, seeds, **training)
    every = posteriors(results)
    numbers = {
        "square": np.stack([(p.mean**2).numpy() for p in every]),
        "variance": np.stack([p.logvar.exp().numpy() for p in every]),
        "active": np.stack([p.variance_law().active.numpy() for p in every]),
    }
    return merge_results(numbers, results)


def rows(n: Numbers) -> list[Row]:
    total = n["square"] + n["variance"]
    return [
        {
            **{"seed": seed, "latent": k, "active": "yes" if n["active"][seed, k] else "no"},
            **{"average": float(values.mean()), "standard_deviation": float(values.std())},
            **{name: float(np.percentile(values, q)) for name, q in (("low_5", 5), ("median", 50), ("high_95", 95))},
            "share_of_images_within_a_tenth": float((np.abs(values - 1) < 0.1).mean()),
        }
        for seed, columns in enumerate(total)
        for k, values in enumerate(columns.T)
    ]


def strongest(n: Numbers) -> int:
    """The latent of seed 0 with the largest signal."""
    return int(n["square"][0].mean(0).argmax())


def draw(n: Numbers) -> Drawing:
    k = strongest(n)
    square, variance = n["square"][0], n["variance"][0]
    used = (square + variance)[:, n["active"][0]]
    figure = plots.new_figure(7.0, 2.8)
    left, right = figure.subplots(1, 2)
    left.plot(variance[:, k], square[:, k], ".", color=plots.Q, markersize=1.5, alpha=0.5, rasterized=True)
    top = max(1.05, 1.1 * float(np.percentile(variance[:, k], 99.8)))
    left.plot([0, 1], [1, 0], color=plots.P, linestyle="--", label="σ² + μ² = 1, point by point")
    left.plot(variance[:, k].mean(), square[:, k].mean(), "*", color="black", markersize=8, label="the averages")
    left.set(title=f"one latent, {len(square)} test images", xlabel="σ²(x)", ylabel="μ²(x)", xlim=(0, top), ylim=(0, 4))
    left.legend(loc="upper right")
    right.hist(used.flatten().clip(0, BINS[-1]), BINS, color=plots.Q, alpha=0.35, density=True)
    right.axvline(1, color=plots.P, linestyle="--", label="1")
    right.axvline(used.mean(), color="black", label=f"average: {used.mean():.2f}")
    right.set(title=f"σ² + μ² in the {used.shape[1]} active latents", xlabel="σ²(x) + μ²(x)", ylabel="density")
    right.set(xlim=(0, BINS[-1]), yticks=[])
    right.set_xticks(range(5), ["0", "1", "2", "3", "≥ 4"])
    right.legend(loc="upper right")
    return figure


def alt(n: Numbers) -> str:
    used = np.concatenate([(s + v)[:, a] for s, v, a in zip(n["square"], n["variance"], n["active"], strict=True)], 1)
    low, middle, high = np.percentile(used, (5, 50, 95))
    return (
        f"Mean² against sigma² of one latent, image by image: a cloud that ignores the line where they sum to 1. "
        f"Over the active latents of all seeds the sum averages {used.mean():.2f}, but its median is {middle:.2f}, "
        f"and 90 % of "
        f"images lie between {low:.2f} and {high:.2f}; {(np.abs(used - 1) < 0.1).mean():.0%} come within a tenth of 1."
    )


FIGURE = Figure(
    id="var-point-vs-average",
    paper=PAPER,
    shows="Mean² + sigma² image by image: it scatters, and only its average is about 1",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={"quick": {"seeds": 2, **WIDE}, "paper": {"seeds": 3, **WIDE_PAPER}},
)
