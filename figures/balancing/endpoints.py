"""gam-crossing: the error against a fixed gamma², and the diagonal; a computed gamma ends where they cross.

gam-score: how good samples and reconstructions are, against a fixed gamma²; the other methods as points.

gam-families: error against rate for all that sets the balance: near one curve, and many ways to pick its point.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import NullLocator

from figures.balancing import PAPER, methods
from figures.balancing.measures import (
    MEASURES,
    compute_endpoints,
    compute_families,
)
from figures.balancing.styles import look
from figures.figure import Figure, Row
from vaelab import plots
from vaelab.runs.store import Numbers

MARKS = "Ds^vPXo*p"
NEAR = 0.3  # of the crossing, in ln gamma²


def rows(n: Numbers) -> list[Row]:
    return [
        {
            "method": str(label),
            "seed": seed,
            "gamma_squared": float(n["variance"][i, seed]),
            **{name: float(n[name][i, seed]) for name in MEASURES},
        }
        for i, label in enumerate(n["label"])
        for seed in range(n["variance"].shape[1])
    ]


def sweep(axes: Axes, n: Numbers, values: np.ndarray, *, marks: bool = True) -> None:
    """values [k, seeds] against gamma²: fixed ones as a line with its band, the others as points of their own."""
    fixed = n["fixed"]
    x, y = n["variance"][fixed].mean(1), values[fixed]
    order = np.argsort(x)
    color = look("fixed")[0]
    axes.plot(x[order], y[order].mean(1), "o-", color=color, label="fixed gamma")
    axes.fill_between(x[order], y[order].min(1), y[order].max(1), color=color, alpha=0.2, linewidth=0)
    if marks:
        points(axes, n, n["variance"], values)
    axes.set(xscale="log", xlabel="gamma² (variance per pixel)")


def points(axes: Axes, n: Numbers, x: np.ndarray, y: np.ndarray) -> None:
    """The methods that find their own gamma: a mark per seed."""
    others = zip(n["label"][~n["fixed"]], x[~n["fixed"]], y[~n["fixed"]], MARKS, strict=False)
    for label, own_x, own_y, mark in others:
        color, _ = look(str(label))
        axes.plot(own_x, own_y, mark, color=color, markersize=4.5, fillstyle="none", markeredgewidth=1, label=label)


def crossing(n: Numbers) -> float:
    """Where the error with z drawn, mean over seeds, equals gamma²; interpolated between gammas, in logarithms."""
    x, y = np.log(n["variance"][n["fixed"]].mean(1)), np.log(n["error_sampled"][n["fixed"]].mean(1))
    order = np.argsort(x)
    above = (y - x)[order]
    i = int(np.argmax(above < 0))
    share = above[i - 1] / (above[i - 1] - above[i])
    return float(np.exp(x[order][i - 1] + share * (x[order][i] - x[order][i - 1])))


def draw_crossing(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.2)
    axes = figure.subplots()
    sweep(axes, n, n["error_sampled"])
    span = np.array([n["variance"].min(), n["variance"].max()])
    axes.plot(span, span, ":", color="black", linewidth=0.8, label="error = gamma²")
    axes.set(
        yscale="log",
        ylabel="squared error per pixel, z drawn",
        title=f"They all look for the crossing, here at gamma² = {crossing(n):.4f}",
        ylim=(0.5 * n["error_sampled"].min(), 1.6 * n["error_sampled"].max()),
    )
    _closer(axes, n, span)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def _closer(axes: Axes, n: Numbers, span: np.ndarray) -> None:
    """Those that end near the crossing, enlarged in the empty corner: they lie on one another."""
    x, y = (n[name][~n["fixed"]] for name in ("variance", "error_sampled"))
    near = np.abs(np.log(x / crossing(n))) < NEAR
    if not near.any():
        return
    x, y = x[near], y[near]
    inset = axes.inset_axes((0.05, 0.5, 0.36, 0.45))
    points(inset, n, n["variance"], n["error_sampled"])
    inset.plot(span, span, ":", color="black", linewidth=0.8)
    inset.set(xscale="log", yscale="log", xlim=(0.93 * x.min(), 1.07 * x.max()), ylim=(0.97 * y.min(), 1.03 * y.max()))
    for axis in (inset.xaxis, inset.yaxis):
        axis.set_major_locator(NullLocator())
        axis.set_minor_locator(NullLocator())
    axes.indicate_inset_zoom(inset)


def alt_crossing(n: Numbers) -> str:
    told = "; ".join(
        f"{label} {v.mean():.4f}" for label, v in zip(n["label"], n["variance"], strict=True) if "fixed" not in label
    )
    return (
        "Squared error of test images against gamma squared for VAEs trained at fixed gammas, with the diagonal, which "
        f"it crosses at {crossing(n):.4f}. Where the others end, gamma squared: {told}."
    )


CROSSING = Figure(
    id="gam-crossing",
    paper=PAPER,
    title="The error against a fixed gamma² crosses the diagonal where a computed or optimal gamma ends; a learned one "
    "gets there later",
    compute=compute_endpoints,
    table=rows,
    draw=draw_crossing,
    alt=alt_crossing,
    presets=methods.SWEEP,
)


def draw_score(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.2)
    left, right = figure.subplots(1, 2)
    for axes, name, what in ((left, "score_rebuilt", "reconstructions"), (right, "score_sampled", "samples")):
        sweep(axes, n, n[name])
        axes.set(yscale="log", title=f"{what}: lower is better")
    left.axhline(n["score_train"].mean(), color="black", linewidth=0.8, linestyle=":", label="training images")
    left.set_ylabel("Fréchet distance\non classifier features")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def best(n: Numbers) -> tuple[str, float]:
    """The fixed gamma with the best samples, and its score, mean over seeds."""
    means = n["score_sampled"].mean(1)
    i = min((i for i in range(len(means)) if n["fixed"][i]), key=lambda i: means[i])
    return str(n["label"][i]), float(means[i])


def alt_score(n: Numbers) -> str:
    told = "; ".join(
        f"{label} {v.mean():.0f}"
        for label, v in zip(n["label"], n["score_sampled"], strict=True)
        if "fixed" not in label
    )
    name, value = best(n)
    return (
        "Fréchet distance on the features of a small classifier (no FID) from test images to reconstructions and to "
        f"samples, against gamma squared. Samples are best at a hand-tuned {name}: {value:.0f}. The others: {told}. "
        f"Training images: {n['score_train'].mean():.0f}."
    )


SCORE = Figure(
    id="gam-score",
    paper=PAPER,
    title="Samples over gamma²: a valley between blurred ones and ones that miss the data; reconstructions only gain",
    compute=compute_endpoints,
    table=rows,
    draw=draw_score,
    alt=alt_score,
    presets=methods.SWEEP,
)


def draw_families(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.4)
    axes = figure.subplots()
    fixed = n["fixed"]
    rate, error = n["rate"][fixed].mean(1), n["error_sampled"][fixed].mean(1)
    axes.plot(rate, error, "o-", color=look("fixed")[0], label="fixed gamma²")
    for x, y, label in zip(rate, error, n["label"][fixed], strict=True):
        place: Any = {"textcoords": "offset points", "fontsize": 6.5, "color": look("fixed")[0]}
        axes.annotate(str(label).removeprefix("fixed "), (x, y), (3, 5), **place)
    points(axes, n, n["rate"], n["error_sampled"])
    axes.set(
        yscale="log",
        xlabel="rate KL(q‖p), nats per image",
        ylabel="squared error per pixel, z drawn",
        title="Near one curve, or a little below it where gamma falls on the way",
    )
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def alt_families(n: Numbers) -> str:
    told = "; ".join(
        f"{label} {r.mean():.1f} nats, {e.mean():.4f}"
        for label, r, e in zip(n["label"], n["rate"], n["error_sampled"], strict=True)
    )
    return f"Squared error per pixel against KL(q‖p) on test images, mean over seeds: {told}."


FAMILIES = Figure(
    id="gam-families",
    paper=PAPER,
    title="Error against rate for every way of setting the balance: near one curve, or a little below it where gamma "
    "falls on the way",
    compute=compute_families,
    table=rows,
    draw=draw_families,
    alt=alt_families,
    presets={
        "quick": {"kappa_squared": 0.015, "target": 50.0, "seeds": 3, "variances": methods.VARIANCES, **methods.MNIST},
        "paper": {
            "kappa_squared": 0.01,
            "target": 60.0,
            "seeds": 3,
            "variances": methods.VARIANCES,
            **methods.FULL_MNIST,
        },
    },
)
