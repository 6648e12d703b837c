"""cr-lambda: NLL, rate, information, probe accuracy, R and nu against lambda.

The small protocol: quick with one hidden layer and a third of the passes, paper whole.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D

from figures.alt import itemize
from figures.consistency import describe_images, figure, methods
from figures.consistency.measures import SCALARS
from figures.consistency.trainings import compute_lambdas
from vaelab import plots
from vaelab.runs.store import Numbers

LAMBDAS = [0.0, 0.1, 1.0, 5.0]
ZERO = 0.03  # position of lambda = 0 on the logarithmic axis
R_COLOR, TRANSFORMED_COLOR = "#7a3b9c", "#c97b1e"
WITHOUT_VIEWS: Any = (":", "-.")  # the VAE, and the VAE twice as long
NEAR_CEILING = 0.5  # nats; the posteriors of different images hardly overlap there


def _draw_curve(axes: Axes, n: Numbers, name: str, color: str, **line: Any) -> None:
    """Draw a measure over lambda with its range over seeds; level lines are VAEs without views."""
    x = np.maximum(n["lambda"][2:], ZERO)
    plots.seed_band(axes, x, n[name][2:], color, marker="o", markersize=3, **line)
    for values, style in zip(n[name][:2], WITHOUT_VIEWS, strict=True):
        axes.axhline(values.mean(), color=color, linestyle=style, linewidth=1)


def alt(n: Numbers) -> str:
    nll, rate, information, probe, r = (n[m].mean(1) for m in ("nll", "rate", "information", "probe", "gap"))
    ceiling = float(n["ceiling"][0, 0])
    bounds = [f"{v:g}" for v in n["lambda"][2:][information[2:] > ceiling - NEAR_CEILING]]
    bounded = f" Near it, at lambda {', '.join(bounds)}, it is only a lower bound." if bounds else ""
    by_lambda = itemize(
        "lambda {:g}: NLL {:.1f}, rate {:.1f}, information {:.2f}, probe {:.3f}, R {:.2f}",
        *(values[2:] for values in (n["lambda"], nll, rate, information, probe, r)),
    )
    plain, twice = (
        f"NLL {nll[k]:.1f}, information {information[k]:.2f}, probe {probe[k]:.3f}, R {r[k]:.2f}" for k in (0, 1)
    )
    return (
        f"Six measures of a VAE with consistency against lambda ({describe_images(n)}). "
        f"{by_lambda}; the VAE without views: {plain}; the same trained twice as long: {twice}. The "
        f"information's ceiling is {ceiling:.2f}.{bounded}"
    )


@figure(
    "cr-lambda",
    compute_lambdas,
    {"lambda": "arm", " ".join(SCALARS): "arm seed"},
    alt,
    quick={"lambdas": LAMBDAS, "seeds": 3, **methods.QUICK},
    full={"lambdas": LAMBDAS, "seeds": 3, **methods.MINI},
)
def draw(n: Numbers) -> Drawing:
    """NLL, rate, information with its ceiling, linear probe, the gap R and nu against lambda."""
    drawing = plots.new_figure(7.0, 4.2)
    axes = drawing.subplots(2, 3).flatten()
    _draw_curve(axes[0], n, "nll", plots.JS)
    axes[0].set(title="NLL (nats)")
    _draw_curve(axes[1], n, "rate", plots.Q)
    axes[1].set(title="rate KL(q‖p) (nats)", ylim=(0, None))
    _draw_curve(axes[2], n, "information", plots.DUAL)
    ceiling = float(n["ceiling"][0, 0])
    axes[2].axhline(ceiling, color="black", linewidth=0.8)
    place: Any = {"xycoords": ("axes fraction", "data"), "xytext": (0, 2), "textcoords": "offset points"}
    axes[2].annotate(f"ceiling ln n = {ceiling:.2f}", (0.97, ceiling), ha="right", va="bottom", **place)
    axes[2].set(title="information I(x; z) (nats)", ylim=(0, 1.2 * ceiling))
    _draw_curve(axes[3], n, "probe", plots.MEAN, label="as they are")
    _draw_curve(axes[3], n, "probe_moved", TRANSFORMED_COLOR, label="transformed")
    axes[3].set(title="accuracy of a linear probe, test images")
    axes[3].legend()
    _draw_curve(axes[4], n, "gap", R_COLOR)
    axes[4].set(title="R = KL(q(z|view)‖q(z|image))", yscale="log")
    low, high = n["gap"].min(), n["gap"].max()
    ticks = [t for t in (0.1, 0.3, 1, 3, 10, 30, 100, 300) if low / 3 < t < 3 * high]
    axes[4].set_yticks(ticks, [f"{t:g}" for t in ticks])
    _draw_curve(axes[5], n, "rho", R_COLOR)
    axes[5].set(title="ν: how far means move, squared", ylim=(0, None))
    for ax in axes:
        ax.set(xscale="log", xticks=(ZERO, 0.1, 1, 5), xticklabels=("0", "0.1", "1", "5"), xlabel="λ")
        ax.minorticks_off()
    lines = [Line2D([], [], color="black", linewidth=1, linestyle=style) for style in WITHOUT_VIEWS]
    drawing.suptitle(describe_images(n))
    drawing.legend(lines, [f"{method}, no views" for method in n["arm"][:2]], loc="outside lower center", ncols=2)
    return drawing
