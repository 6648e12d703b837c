"""pc-collapse: why VAEs of point clouds collapse to one shape.

What counts is the weight D/(2 gamma²) of the Chamfer distance against the rate, and so the effective
dimension D that the loss implies: with the mean over points, D = 3, even a computed or learned gamma
leaves it so small that the code is worth less than its rate.
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.alt import itemize
from figures.clouds import figure
from figures.clouds.trainings import MEASURES, PAPER, QUICK, compute_collapse
from vaelab import plots
from vaelab.runs.store import Numbers

COLORS = {"fixed": plots.P, "computed": plots.JS, "learned": plots.MEAN}
STARTS = {"alive": "^", "collapsed": "v"}


def select_rows(n: Numbers, method: str, start: str = "fresh") -> np.ndarray:
    """Return which rows [k] are of a method and a start."""
    rows: np.ndarray = (n["method"] == method) & (n["start"] == start)
    return rows


def alt_collapse(n: Numbers) -> str:
    computed = select_rows(n, "computed")
    columns = (n[name][computed].mean(1) for name in ("weight", "rate", "distance", "distinct"))
    ends = itemize(
        "D = {:g}: weight {:,.0f}, rate {:.2g} nats, Chamfer {:.3f}, distinct shapes {:.2g}",
        n["dimension"][computed],
        *columns,
    )
    starts = itemize(
        "from {} weights at D = {:g}: rate {:.2g} nats",
        *([row for start in STARTS for row in column[n["start"] == start]] for column in (n["start"], n["dimension"])),
        [rate for start in STARTS for rate in n["rate"][n["start"] == start].mean(1)],
    )
    return (
        "Rate, Chamfer distance, distinct shapes and the accuracy of linear classifiers against the weight of the "
        "Chamfer distance, for fixed, computed and learned gammas. Computed gammas, means over seeds: "
        f"{ends}; {starts}."
    )


@figure(
    "pc-collapse",
    compute_collapse,
    {" ".join(MEASURES): "run seed", "method": "run", "start": "run", "dimension": "run"},
    alt_collapse,
    title="A VAE of point clouds collapses where the weight D/(2γ²) of the Chamfer distance is small, whatever sets γ "
    "and wherever it starts",
    seeds="{} seeds, a marker each",
    quick={**QUICK, "seeds": 3},
    full={**PAPER, "seeds": 3},
)
def draw_collapse(n: Numbers) -> Drawing:
    drawing = plots.new_figure(7.0, 5.0)
    panels = drawing.subplots(2, 2, sharex=True).ravel()
    names = ("rate", "distance", "distinct", "svm_sampled")
    for axes, name in zip(panels, names, strict=True):
        if name == "svm_sampled":
            x, y = n["weight"].ravel(), n["svm_standardized"].ravel()
            axes.plot(x, y, "x", color=plots.REFERENCE, markersize=3, label="on standardized means")
        for method, color in COLORS.items():
            rows = select_rows(n, method)
            look: Any = {"color": color, "markersize": 4, "fillstyle": "none"}
            axes.plot(n["weight"][rows].ravel(), n[name][rows].ravel(), "o", label=f"{method} γ", **look)
        for start, marker in STARTS.items():
            rows = select_rows(n, "computed", start)
            look = {"color": COLORS["computed"], "markersize": 6, "fillstyle": "none", "markeredgewidth": 1.4}
            axes.plot(
                n["weight"][rows].ravel(), n[name][rows].ravel(), marker, label=f"computed γ, {start} start", **look
            )
        axes.set(xscale="log")
    panels[0].set(yscale="log", ylabel="rate (nats)", title="Rate at posterior means")
    panels[1].set(ylabel="Chamfer distance", title="How well shapes are decoded")
    panels[2].set(ylabel="distinct shapes", title="Pairs of decoded means, over pairs of data")
    panels[3].set(ylabel="share right", title="Linear SVM: on draws of z, and on\nstandardized means (×)")
    computed = select_rows(n, "computed")
    for d, x, y in zip(n["dimension"][computed], n["weight"][computed], n["rate"][computed], strict=True):
        panels[0].annotate(
            f"D = {d:g}",
            (np.exp(np.log(x).mean()), y.max()),
            (-4, 6),
            textcoords="offset points",
            ha="right",
            fontsize=7,
        )
    for axes in panels[2:]:
        axes.set_xlabel("weight D/(2γ²) of the Chamfer distance")
    handles, labels = panels[0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside lower center", ncols=3)
    return drawing
