"""cr-lambda: one knob, and four optima: NLL, rate, information, probe and the gap itself against lambda.

The small protocol: quick with one hidden layer and a third of the passes, paper whole.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D

from figures.consistency import PAPER, methods
from figures.consistency.measures import SCALARS
from figures.consistency.trainings import compute_lambdas
from figures.figure import Figure, Row
from vaelab import plots
from vaelab.runs.store import Numbers

LAMBDAS = [0.0, 0.1, 1.0, 5.0]
ZERO = 0.03  # where lambda = 0 stands on the logarithmic axis
GAP, MOVED = "#7a3b9c", "#c97b1e"
WITHOUT_VIEWS: Any = (":", "-.")  # the VAE, and the VAE twice as long


def rows(n: Numbers) -> list[Row]:
    return [
        {
            "arm": str(arm),
            "lambda": "" if np.isnan(lam) else float(lam),
            "seed": seed,
            **{name: float(n[name][k, seed]) for name in SCALARS},
        }
        for k, (arm, lam) in enumerate(zip(n["arm"], n["lambda"], strict=True))
        for seed in range(n["nll"].shape[1])
    ]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 4.2)
    axes = figure.subplots(2, 3).flatten()
    _curve(axes[0], n, "nll", plots.JS)
    axes[0].set(title="NLL (nats)")
    _curve(axes[1], n, "rate", plots.Q)
    axes[1].set(title="rate KL(q‖p) (nats)", ylim=(0, None))
    _curve(axes[2], n, "information", plots.DUAL)
    ceiling = float(n["ceiling"][0, 0])
    axes[2].axhline(ceiling, color="black", linewidth=0.8)
    axes[2].annotate(
        f"ceiling ln n = {ceiling:.2f}",
        (0.97, ceiling),
        (0, 2),
        ("axes fraction", "data"),
        "offset points",
        ha="right",
        va="bottom",
    )
    axes[2].set(title="information I(x; z) (nats)", ylim=(0, 1.2 * ceiling))
    _curve(axes[3], n, "probe", plots.MEAN, label="as they are")
    _curve(axes[3], n, "probe_moved", MOVED, label="transformed")
    axes[3].set(title="linear probe, test images")
    axes[3].legend()
    _curve(axes[4], n, "gap", GAP)
    axes[4].set(title="R = KL(q(z|view)‖q(z|image))", yscale="log")
    low, high = n["gap"].min(), n["gap"].max()
    ticks = [t for t in (0.1, 0.3, 1, 3, 10, 30, 100, 300) if low / 3 < t < 3 * high]
    axes[4].set_yticks(ticks, [f"{t:g}" for t in ticks])
    _curve(axes[5], n, "rho", GAP)
    axes[5].set(title="ρ: how far means move, squared", ylim=(0, None))
    for ax in axes:
        ax.set(xscale="log", xticks=(ZERO, 0.1, 1, 5), xticklabels=("0", "0.1", "1", "5"), xlabel="λ (nats)")
        ax.minorticks_off()
    lines = [Line2D([], [], color="black", linewidth=1, linestyle=style) for style in WITHOUT_VIEWS]
    figure.suptitle(str(n["data"]))
    figure.legend(lines, [f"{arm}, no views" for arm in n["arm"][:2]], loc="outside lower center", ncols=2)
    return figure


def _curve(ax: Axes, n: Numbers, name: str, color: str, **line: Any) -> None:
    """A measure over lambda, a band from the lowest to the highest seed; level: the VAE and the VAE twice as long."""
    lam = n["lambda"]
    x = np.maximum(lam[2:], ZERO)
    plots.seed_band(ax, x, n[name][2:], color, marker="o", markersize=3, **line)
    for values, style in zip(n[name][:2], WITHOUT_VIEWS, strict=True):
        ax.axhline(values.mean(), color=color, linestyle=style, linewidth=1)


def means(n: Numbers, name: str) -> dict[float, float]:
    """A measure by lambda, mean over seeds; nan is the VAE."""
    return {float(lam): float(v.mean()) for lam, v in zip(n["lambda"][2:], n[name][2:], strict=True)}


def alt(n: Numbers) -> str:
    told = []
    for lam in n["lambda"][2:]:
        nll, rate, information, probe, gap = (
            means(n, m)[float(lam)] for m in ("nll", "rate", "information", "probe", "gap")
        )
        told.append(
            f"lambda {lam:g}: NLL {nll:.1f}, rate {rate:.1f}, information {information:.2f}, probe {probe:.3f}, "
            f"R {gap:.2f}"
        )
    plain, twice = (
        f"NLL {n['nll'][k].mean():.1f}, information {n['information'][k].mean():.2f}, "
        f"probe {n['probe'][k].mean():.3f}, R {n['gap'][k].mean():.2f}"
        for k in (0, 1)
    )
    by_lambda = means(n, "information")
    trend = "rises" if by_lambda[float(n["lambda"][-1])] > by_lambda[0.0] else "does not rise"
    return (
        f"Five measures of a VAE with consistency against lambda ({n['data']}). The information {trend} with lambda. "
        f"{'; '.join(told)}; the VAE without views: {plain}; the same trained twice as long: {twice}. The "
        f"information's ceiling is {float(n['ceiling'][0, 0]):.2f}."
    )


FIGURE = Figure(
    id="cr-lambda",
    paper=PAPER,
    title="NLL, rate, information with its ceiling, linear probe and the gap R against lambda",
    compute=compute_lambdas,
    table=rows,
    draw=draw,
    alt=alt,
    presets={
        "quick": {"lambdas": LAMBDAS, "seeds": 3, **methods.QUICK},
        "paper": {"lambdas": LAMBDAS, "seeds": 3, **methods.MINI},
    },
)
