"""Final values of trainings: gam-crossing, gam-score, gam-families, and gam-strip.

The error as a function of a fixed γ² crosses the diagonal. A computed gamma ends on the diagonal
too, but elsewhere: at equal rate its error is lower than that of a fixed one.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import NullLocator

from figures.alt import itemize
from figures.balancing import figure, methods
from figures.balancing.styles import line_style
from figures.balancing.trainings import MEASURES, compute_endpoints, compute_families, compute_image_grids
from vaelab import plots
from vaelab.runs.store import Numbers

MARKERS = "Ds^vPXo*p"
INSET = 0.3  # reach of the enlarged part around the crossing, in ln γ²
TABLE: dict[Any, str] = {f"variance {' '.join(MEASURES)}": "label seed"}
SEEDS = "{} seeds: the line is a mean, its band the range; a marker per seed"


def draw_sweep(axes: Axes, n: Numbers, values: np.ndarray) -> None:
    """Draw values [k, seeds] against γ²: fixed gammas as a line, the others as points."""
    x, y = n["variance"][n["fixed"]].mean(1), values[n["fixed"]]
    order = np.argsort(x)
    color, _ = line_style("fixed")
    axes.plot(x[order], y[order].mean(1), "o-", color=color, label="fixed gamma")
    axes.fill_between(x[order], y[order].min(1), y[order].max(1), color=color, alpha=0.2, linewidth=0)
    draw_points(axes, n, n["variance"], values)
    axes.set(xscale="log", xlabel="γ² (variance per pixel)")


def draw_points(axes: Axes, n: Numbers, x: np.ndarray, y: np.ndarray) -> None:
    """Draw the methods that find their own gamma, one marker per seed."""
    free = ~n["fixed"]
    for label, x_seeds, y_seeds, marker in zip(n["label"][free], x[free], y[free], MARKERS, strict=False):
        color, _ = line_style(str(label))
        look: Any = {"markersize": 4.5, "fillstyle": "none", "markeredgewidth": 1}
        axes.plot(x_seeds, y_seeds, marker, color=color, label=label, **look)


def crossing(n: Numbers) -> float:
    """Return the γ² at which the error with z sampled, mean over seeds, equals it.

    Interpolated between the fixed gammas, in logarithms.
    """
    x, y = np.log(n["variance"][n["fixed"]].mean(1)), np.log(n["error_sampled"][n["fixed"]].mean(1))
    order = np.argsort(x)
    above = (y - x)[order]
    i = int(np.argmax(above < 0))
    share = above[i - 1] / (above[i - 1] - above[i])
    return float(np.exp(x[order][i - 1] + share * (x[order][i] - x[order][i - 1])))


def error_over_fixed(n: Numbers) -> np.ndarray:
    """Return the error over that of a fixed gamma at equal rate, z sampled, by seed: [k, seeds].

    Interpolated between the fixed gammas in the logarithm of the error; nan for these.
    """
    ratios = np.full(n["rate"].shape, np.nan)
    for seed, (rate, error) in enumerate(zip(n["rate"].T, np.log(n["error_sampled"]).T, strict=True)):
        order = np.flatnonzero(n["fixed"])[np.argsort(rate[n["fixed"]])]
        expected = np.interp(rate[~n["fixed"]], rate[order], error[order])
        ratios[~n["fixed"], seed] = np.exp(error[~n["fixed"]] - expected)
    return ratios


def describe_ratios(n: Numbers) -> str:
    """Describe `error_over_fixed` by method, from the lowest to the highest seed."""
    ratios = error_over_fixed(n)[~n["fixed"]]
    ranges = itemize("{} {:.2f} to {:.2f}", n["label"][~n["fixed"]], ratios.min(1), ratios.max(1))
    return f"Their error over that of a fixed gamma at equal rate, from seed to seed: {ranges}."


def itemize_free(template: str, n: Numbers, name: str) -> str:
    """Itemize the means over seeds of the methods that find their own gamma."""
    return itemize(template, n["label"][~n["fixed"]], n[name][~n["fixed"]].mean(1))


def alt_crossing(n: Numbers) -> str:
    return (
        "Squared error of test images against gamma squared for VAEs trained at fixed gammas, with the diagonal, which "
        f"it crosses at {crossing(n):.4f}. Where the others end, gamma squared, mean over seeds: "
        f"{itemize_free('{} {:.4f}', n, 'variance')}. {describe_ratios(n)}"
    )


@figure(
    "gam-crossing",
    compute_endpoints,
    {**TABLE, error_over_fixed: "label seed"},
    alt_crossing,
    seeds=SEEDS,
    **methods.SWEEPS,
)
def draw_crossing(n: Numbers) -> Drawing:
    """The error against a fixed γ² and the diagonal that it crosses; learned, computed and
    optimal gammas end elsewhere, with less error at equal rate."""
    drawing = plots.new_figure(7.0, 3.2)
    axes = drawing.subplots()
    draw_sweep(axes, n, n["error_sampled"])
    span = np.array([n["variance"].min(), n["variance"].max()])
    axes.plot(span, span, ":", color="black", linewidth=0.8, label="error = γ²")
    axes.set(yscale="log", ylim=(0.5 * n["error_sampled"].min(), 1.6 * n["error_sampled"].max()))
    axes.set_title(f"Fixed gammas cross the diagonal at γ² = {crossing(n):.4f}")
    axes.set_ylabel("squared error per pixel, z drawn")
    _draw_inset(axes, n, span)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return drawing


def _draw_inset(axes: Axes, n: Numbers, span: np.ndarray) -> None:
    """Enlarge the points near the crossing, which overlap."""
    x, y = (n[name][~n["fixed"]] for name in ("variance", "error_sampled"))
    near = np.abs(np.log(x / crossing(n))) < INSET
    if not near.any():
        return
    x, y = x[near], y[near]
    inset = axes.inset_axes((0.05, 0.5, 0.36, 0.45))
    draw_points(inset, n, n["variance"], n["error_sampled"])
    inset.plot(span, span, ":", color="black", linewidth=0.8)
    inset.set(xscale="log", yscale="log", xlim=(0.93 * x.min(), 1.07 * x.max()), ylim=(0.97 * y.min(), 1.03 * y.max()))
    for axis in (inset.xaxis, inset.yaxis):
        axis.set_major_locator(NullLocator())
        axis.set_minor_locator(NullLocator())
    axes.indicate_inset_zoom(inset)


def best_fixed(n: Numbers) -> tuple[str, float]:
    """Return the label of the fixed gamma with the best samples, and its score, mean over seeds."""
    means = np.where(n["fixed"], n["score_sampled"].mean(1), np.inf)
    i = int(np.argmin(means))
    return str(n["label"][i]), float(means[i])


def alt_score(n: Numbers) -> str:
    name, value = best_fixed(n)
    return (
        "Fréchet distance on the features of a small classifier (no FID) from test images to reconstructions and to "
        f"samples, against gamma squared. Samples are best at a hand-tuned {name}: {value:.0f}. The others: "
        f"{itemize_free('{} {:.0f}', n, 'score_sampled')}. Training images: {n['score_train'].mean():.0f}."
    )


@figure("gam-score", compute_endpoints, TABLE, alt_score, seeds=SEEDS, **methods.SWEEPS)
def draw_score(n: Numbers) -> Drawing:
    """Distances of samples and of reconstructions over γ²: samples are best at a larger gamma
    than reconstructions."""
    drawing = plots.new_figure(7.0, 3.2)
    left, right = drawing.subplots(1, 2)
    for axes, name, what in ((left, "score_rebuilt", "reconstructions"), (right, "score_sampled", "samples")):
        draw_sweep(axes, n, n[name])
        axes.set(yscale="log", title=f"{what}: lower is better")
    left.axhline(n["score_train"].mean(), color="black", linewidth=0.8, linestyle=":", label="training images")
    left.set_ylabel("Fréchet distance\non classifier features")
    drawing.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return drawing


def alt_families(n: Numbers) -> str:
    ends = itemize("{} {:.1f} nats, {:.4f}", n["label"], n["rate"].mean(1), n["error_sampled"].mean(1))
    return f"Squared error per pixel against KL(q‖p) on test images, mean over seeds: {ends}. {describe_ratios(n)}"


@figure(
    "gam-families",
    compute_families,
    {**TABLE, error_over_fixed: "label seed"},
    alt_families,
    seeds="{} seeds: the line joins means; a marker per seed",
    quick={"kappa_squared": 0.015, "target": 50.0, **methods.SWEEP},
    full={"kappa_squared": 0.01, "target": 60.0, **methods.FULL_SWEEP},
)
def draw_families(n: Numbers) -> Drawing:
    """Error against rate for nine ways to set the balance: near the curve of fixed gammas, or below
    it."""
    drawing = plots.new_figure(7.0, 3.4)
    axes = drawing.subplots()
    rate, error = (n[name][n["fixed"]].mean(1) for name in ("rate", "error_sampled"))
    color, _ = line_style("fixed")
    axes.plot(rate, error, "o-", color=color, label="fixed γ²")
    for x, y, label in zip(rate, error, n["label"][n["fixed"]], strict=True):
        text: Any = {"textcoords": "offset points", "fontsize": 6.5, "color": color}
        axes.annotate(str(label).removeprefix("fixed "), (x, y), (3, 5), **text)
    draw_points(axes, n, n["rate"], n["error_sampled"])
    axes.set(yscale="log", xlabel="rate KL(q‖p), nats per image", ylabel="squared error per pixel, z drawn")
    ratios = error_over_fixed(n)[~n["fixed"]]
    axes.set_title(f"At equal rate, {ratios.min():.2f} to {ratios.max():.2f} of the error of a fixed gamma")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return drawing


def squared_error(n: Numbers) -> np.ndarray:
    """Return the error per pixel of every reconstruction: [k, n]."""
    residual = (n["rebuilt"].astype(float) - n["shown"]) / 255
    return np.asarray(np.square(residual).mean((2, 3, 4)))


def alt_strip(n: Numbers) -> str:
    ends = itemize("{}: error {:.4f}, score {:.0f}", n["label"], squared_error(n).mean(1), n["score"])
    return (
        "Rows of reconstructions of the same ten test images, and of draws from the prior, one row per gamma squared. "
        f"Mean squared error per pixel and Fréchet distance of the samples: {ends}."
    )


@figure(
    "gam-strip",
    compute_image_grids,
    {squared_error: "label image", "score": "label"},
    alt_strip,
    seeds="one seed of {}",
    **methods.SWEEPS,
)
def draw_strip(n: Numbers) -> Drawing:
    """Reconstructions and samples over γ²: the best samples need a larger gamma than the best
    reconstructions."""
    labels = [str(label).replace("fixed", "γ² =").replace(", from", "\nfrom") for label in n["label"]]
    images = np.concatenate([n["shown"][None], n["rebuilt"]])
    samples = np.concatenate([np.full_like(n["sampled"][:1], 255), n["sampled"]])  # white beside the test images
    drawing = plots.new_figure(7.0, 0.3 * len(images) + 0.35)
    left, right = drawing.subplots(1, 2)
    plots.image_grid(left, images, ["test image", *labels])
    plots.image_grid(right, samples)
    left.set_title("reconstructions")
    right.set_title("draws from the prior")
    return drawing
