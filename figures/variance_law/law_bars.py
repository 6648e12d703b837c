"""var-law-bars: per latent, the variance of the means and the mean of the variances; their sum should be 1.

One panel per data set, on its test images.  Collapsed latents obey the law trivially, so the active ones are counted
and averaged apart.

var-point-vs-average: mean² + sigma² of single images scatters; its average over images is about 1.

The rho argument is about one posterior, but a network can rescale all of them only together: a law of averages.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from figures.variance_law import figure
from figures.variance_law.measures import compute_law_bars, compute_point_vs_average
from figures.variance_law.trainings import WIDE, WIDE_PAPER
from vaelab import plots
from vaelab.runs.store import Numbers

QUICK: dict[str, Any] = {
    **{"data": ["mnist-mini", "fashion-mini"], "epochs": [20, 30]},
    **{"seeds": 3, "latent": 16, "hidden": (128,)},
}

PUBLISHED: dict[str, Any] = {
    **{"data": ["mnist", "fashion-mnist", "cifar10"], "epochs": [50, 50, 100], "seeds": 3, "latent": 16},
    **{"network": "conv", "hidden": None, "batch_size": 100, "lr": 1e-3},
}


def alt_law_bars(n: Numbers) -> str:
    told = []
    for i, name in enumerate(n["data"]):
        total = n["of_means"][i] + n["of_noise"][i]
        for group, where in groups(n["active"][i].astype(bool)):
            of = total[where]
            told.append(
                f"{name}: over {of.size} {group} latents the sum averages {of.mean():.3f}, from {of.min():.2f} to "
                f"{of.max():.2f}."
            )
    _, seeds, latent = n["of_means"].shape
    return (
        f"Stacked bars for {latent} latents and {seeds} seeds: variance of the means plus mean of the variances. "
        f"{' '.join(told)}"
    )


@figure(
    "var-law-bars",
    compute_law_bars,
    {"of_means of_noise active": "data seed latent"},
    alt_law_bars,
    title="The variance law: variance of the means + mean of the variances, about 1 on average, active or not",
    quick=QUICK,
    full=PUBLISHED,
)
def draw_law_bars(n: Numbers) -> Drawing:
    panels = len(n["data"])
    figure = plots.new_figure(7.0, 0.5 + 1.6 * panels)
    every = figure.subplots(panels, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for i, axes in enumerate(every):
        _bars(axes, n["of_means"][i], n["of_noise"][i])
        total, active = n["of_means"][i] + n["of_noise"][i], n["active"][i].astype(bool)
        counts = ", ".join(map(str, active.sum(1)))
        told = [f"{name} {total[where].mean():.2f}" for name, where in groups(active)]
        axes.set(title=f"{n['data'][i]}: {counts} active latents; mean sum: {', '.join(told)}", ylabel="variance")
    every[-1].set(xlabel="latent, sorted by the variance of its means", xticks=range(1, n["of_means"].shape[2] + 1))
    every[0].set_ylim(0, 1.1 * max(1.25, float((n["of_means"] + n["of_noise"]).max())))
    figure.legend(*every[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def _bars(axes: Axes, of_means: np.ndarray, of_noise: np.ndarray) -> None:
    """Stacked bars [seeds, latent], the seeds side by side."""
    seeds, latent = of_means.shape
    width = 0.8 / seeds
    for seed in range(seeds):
        x = np.arange(1, latent + 1) + (seed - (seeds - 1) / 2) * width
        names = ("variance of the means", "mean of the variances") if seed == 0 else (None, None)
        axes.bar(x, of_means[seed], width * 0.9, color=plots.Q, label=names[0])
        axes.bar(x, of_noise[seed], width * 0.9, bottom=of_means[seed], color=plots.JS, label=names[1])
    axes.axhline(1, color="black", linewidth=0.8, linestyle="--", label="the law: 1")


def groups(active: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Active and inactive latents, those groups that have any: name and mask."""
    return [(name, where) for name, where in (("active", active), ("inactive", ~active)) if where.any()]


SUMMARY = ("average", "standard_deviation", "low_5", "median", "high_95", "share_of_images_within_a_tenth")


def summary(n: Numbers) -> np.ndarray:
    """`SUMMARY` of mean² + sigma² over the images, [seeds, latent, 6]."""
    total = n["square"] + n["variance"]
    near = (np.abs(total - 1) < 0.1).mean(1)
    return np.stack([total.mean(1), total.std(1), *np.percentile(total, (5, 50, 95), axis=1), near], -1)


BINS = np.linspace(0, 4, 61)


def strongest(n: Numbers) -> int:
    """The latent of seed 0 with the largest signal."""
    return int(n["square"][0].mean(0).argmax())


def alt_point_vs_average(n: Numbers) -> str:
    used = np.concatenate([(s + v)[:, a] for s, v, a in zip(n["square"], n["variance"], n["active"], strict=True)], 1)
    low, middle, high = np.percentile(used, (5, 50, 95))
    return (
        f"Mean² against sigma² of one latent, image by image: a cloud that ignores the line where they sum to 1. "
        f"Over the active latents of all seeds the sum averages {used.mean():.2f}, but its median is {middle:.2f}, "
        f"and 90 % of "
        f"images lie between {low:.2f} and {high:.2f}; {(np.abs(used - 1) < 0.1).mean():.0%} come within a tenth of 1."
    )


@figure(
    "var-point-vs-average",
    compute_point_vs_average,
    {"active": "seed latent", summary: ("seed", "latent", SUMMARY)},
    alt_point_vs_average,
    title="Mean² + sigma² image by image: it scatters, and only its average is about 1",
    quick={"seeds": 2, **WIDE},
    full={"seeds": 3, **WIDE_PAPER},
)
def draw_point_vs_average(n: Numbers) -> Drawing:
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
