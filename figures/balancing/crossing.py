"""gam-crossing: the error against a fixed gamma², and the diagonal; a computed gamma ends where they cross."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import NullLocator

from figures.balancing import PAPER, ends, looks
from figures.figure import Figure
from vaelab import plots
from vaelab.run_store import Numbers

NEAR = 0.3  # of the crossing, in ln gamma²


def crossing(n: Numbers) -> float:
    """Where the error with z drawn, mean over seeds, equals gamma²; interpolated between gammas, in logarithms."""
    x, y = np.log(n["variance"][n["fixed"]].mean(1)), np.log(n["error_sampled"][n["fixed"]].mean(1))
    order = np.argsort(x)
    above = (y - x)[order]
    i = int(np.argmax(above < 0))
    share = above[i - 1] / (above[i - 1] - above[i])
    return float(np.exp(x[order][i - 1] + share * (x[order][i] - x[order][i - 1])))


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.2)
    axes = figure.subplots()
    ends.sweep(axes, n, n["error_sampled"])
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
    ends.points(inset, n, n["variance"], n["error_sampled"])
    inset.plot(span, span, ":", color="black", linewidth=0.8)
    inset.set(xscale="log", yscale="log", xlim=(0.93 * x.min(), 1.07 * x.max()), ylim=(0.97 * y.min(), 1.03 * y.max()))
    for axis in (inset.xaxis, inset.yaxis):
        axis.set_major_locator(NullLocator())
        axis.set_minor_locator(NullLocator())
    axes.indicate_inset_zoom(inset)


def alt(n: Numbers) -> str:
    told = "; ".join(
        f"{label} {v.mean():.4f}" for label, v in zip(n["label"], n["variance"], strict=True) if "fixed" not in label
    )
    return (
        "Squared error of test images against gamma squared for VAEs trained at fixed gammas, with the diagonal, which "
        f"it crosses at {crossing(n):.4f}. Where the others end, gamma squared: {told}."
    )


FIGURE = Figure(
    id="gam-crossing",
    paper=PAPER,
    shows="The error against a fixed gamma² crosses the diagonal where a computed or optimal gamma ends; a learned one "
    "gets there later",
    compute=ends.compute,
    rows=ends.rows,
    draw=draw,
    alt=alt,
    presets=looks.SWEEP,
)
