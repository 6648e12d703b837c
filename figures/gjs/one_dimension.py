"""Two Gaussians: gjs-1d (figure 1 of the paper) and gjs-integrands, for the pairs of the notebook.

A notebook of the authors averages standard deviations (dashed gray); the correct mean averages
precisions. Whether the paper prints values with that mean is not known.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from figures.gjs import figure
from figures.gjs.theory import CURVES, CURVES_OF_PAIRS, INTEGRALS, divergences_in_one_dimension, integrands_of_pairs
from vaelab import plots
from vaelab.runs.store import Numbers

ALPHAS = [a / 10 for a in range(11)]
PAIRS = [[-2.0, 1.0, 2.0, 2.0], [0.0, 0.5, 0.0, 3.0], [2.0, 1.0, -2.0, 1.0], [-5.0, 1.0, 5.0, 2.0]]


def alt_one_dimension(n: Numbers) -> str:
    kl_qp, kl_pq, js, gjs = n["integrals"]
    integrand = n["curves"][-1]
    return (
        f"Two Gaussian densities q and p, a family of geometric means moving as one bump from q to p, and integrands: "
        f"KL(q‖p) = {kl_qp:.3f}, KL(p‖q) = {kl_pq:.3f}, JS = {js:.3f} and geometric JS = {gjs:.3f} nats. "
        "The integrand of the geometric JS is negative between the modes, "
        f"lowest ({integrand.min():.3f}) at z = {n['x'][integrand.argmin()]:.2f}."
    )


@figure(
    "gjs-1d",
    divergences_in_one_dimension,
    {"curve": CURVES, "curves": "curve x", "family": "alphas x"},
    alt_one_dimension,
    quick={"means": [-2.0, 2.0], "sigmas": [1.0, 2.0], "alphas": ALPHAS, "low": -6.0, "high": 9.0},
    title="Two Gaussians, the geometric means between them, and the integrands of KL, JS and geometric JS",
)
def draw_one_dimension(n: Numbers) -> Drawing:
    x, (q, p, mean, *integrands), values = n["x"], n["curves"], n["integrals"]
    figure = plots.new_figure(7.0, 4.4)
    (densities, family), (kls, jss) = figure.subplots(2, 2, sharex=True)
    densities.plot(x, q, color=plots.Q, label="q")
    densities.plot(x, p, color=plots.P, label="p")
    densities.plot(x, mean, color=plots.MEAN, linestyle=":", label="geometric mean, α = 0.5")
    densities.set(title="Densities", ylabel="density")
    shades = plots.color_steps(plots.Q, plots.P, len(n["alphas"]))
    for a, values_a, shade in zip(n["alphas"], n["family"], shades, strict=True):
        family.plot(x, values_a, color=shade, label=f"α = {a:g}" if a in (0, 0.5, 1) else None)
    family.set(title="Geometric means, α from 0 to 1")
    names = ("KL(q‖p)", "KL(p‖q)", "JS", "geometric JS, α = 0.5")
    labels = [f"{name}: {value:.3f} nats" for name, value in zip(names, values, strict=True)]
    kls.plot(x, integrands[0], color=plots.Q, label=labels[0])
    kls.plot(x, integrands[1], color=plots.P, label=labels[1])
    kls.set(title="What the two KL divergences integrate", xlabel="z", ylabel="integrand")
    jss.plot(x, integrands[2], color="black", label=labels[2])
    jss.plot(x, integrands[3], color=plots.JS, linestyle="--", label=labels[3])
    jss.fill_between(x, 0, integrands[3], where=integrands[3] < 0, color=plots.JS, alpha=0.2, linewidth=0)
    jss.set(title="JS is never negative, geometric JS is in places", xlabel="z")
    for axes in (densities, family, kls, jss):
        axes.axhline(0, color="0.7", linewidth=0.5, zorder=0)
        axes.legend(loc="upper left")
    densities.set_ylim(top=0.58)
    family.set_ylim(top=0.58)
    jss.set_ylim(top=0.62)
    return figure


def pair_name(pair: Any) -> str:
    """Return the names of q and p."""
    mean_q, sigma_q, mean_p, sigma_p = pair
    return f"q = N({mean_q:g}, {sigma_q:g}²), p = N({mean_p:g}, {sigma_p:g}²)"


def alt_integrands(n: Numbers) -> str:
    lowest = n["curves"][:, CURVES_OF_PAIRS.index("geometric JS")].min(1)
    parts = [
        f"{pair_name(pair)}: JS {js:.3f}, geometric JS {gjs:.3f} nats with an integrand down to {low:.3f}, "
        f"with the mean of the authors' notebook {wrong:.3f}"
        for pair, (js, gjs, wrong), low in zip(n["pairs"], n["integrals"], lowest, strict=True)
    ]
    return f"Densities and integrands for {len(parts)} pairs of Gaussians. {'; '.join(parts)}."


@figure(
    "gjs-integrands",
    integrands_of_pairs,
    {"pairs": ("pair", ("mean_q", "sigma_q", "mean_p", "sigma_p")), "curves": ("pair", CURVES_OF_PAIRS, "x")},
    alt_integrands,
    quick={"pairs": PAIRS, "low": -9.0, "high": 11.0},
    title="What JS and geometric JS integrate, for four pairs of Gaussians: the geometric one dips below zero",
)
def draw_integrands(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.5)
    grid = figure.subplots(2, len(n["pairs"]), sharex=True)
    for column, pair, values, integrals in zip(grid.T, n["pairs"], n["curves"], n["integrals"], strict=True):
        curve = dict(zip(CURVES_OF_PAIRS, values, strict=True))
        _densities(column[0], n["x"], curve)
        column[0].set_title(pair_name(pair).replace(", p", "\np"))
        _integrands(column[1], n["x"], curve, dict(zip(INTEGRALS, integrals, strict=True)))
    grid[0, 0].set_ylabel("density")
    grid[1, 0].set_ylabel("integrand")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    more, names = grid[1, 0].get_legend_handles_labels()
    figure.legend(handles + more, labels + names, loc="outside lower center", ncols=7)
    return figure


def _densities(axes: Axes, x: np.ndarray, curve: dict[str, np.ndarray]) -> None:
    axes.plot(x, curve["q"], color=plots.Q, label="q")
    axes.plot(x, curve["p"], color=plots.P, label="p")
    axes.plot(x, curve["geometric mean"], color=plots.MEAN, label="their geometric mean")
    axes.plot(x, curve["notebook's mean"], "--", color=plots.REFERENCE, linewidth=0.9, label="authors' notebook")
    axes.set(ylim=(0, None), xlim=(x[0], x[-1]))


def _integrands(axes: Axes, x: np.ndarray, curve: dict[str, np.ndarray], integral: dict[str, float]) -> None:
    gjs = curve["geometric JS"]
    axes.plot(x, curve["JS"], color="black", linewidth=0.9, label="JS")
    axes.plot(x, gjs, color=plots.JS, label="geometric JS")
    axes.plot(x, curve["notebook's geometric JS"], "--", color=plots.REFERENCE, linewidth=0.9)
    axes.fill_between(x, 0, gjs, where=gjs < 0, color=plots.JS, alpha=0.3, linewidth=0, label="negative")
    axes.axhline(0, color="0.7", linewidth=0.5, zorder=0)
    low, high = axes.get_ylim()
    axes.set(xlabel="z", ylim=(low, high + 0.5 * (high - low)))
    lines = zip(INTEGRALS, ("black", plots.JS, plots.REFERENCE), ("JS", "geometric", "notebook"), strict=True)
    style: dict[str, Any] = {"fontsize": "small", "ha": "right", "va": "top", "transform": axes.transAxes}
    for line, (name, color, word) in enumerate(lines):
        axes.text(0.97, 0.98 - 0.11 * line, f"{word} {integral[name]:.3f}", color=color, **style)
