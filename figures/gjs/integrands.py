"""gjs-integrands: what the ordinary and the geometric Jensen-Shannon divergence integrate, for the four pairs of
Gaussians in the paper's notebook; dashed grey: as published, where standard deviations are averaged, not precisions.
"""

from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from figures.figure import Figure, Row
from figures.gjs import PAPER
from vaelab import plots, quadrature
from vaelab.gaussian import Gaussian
from vaelab.run_store import Numbers, Result, cached, recipe

CURVES = ("q", "p", "geometric mean", "published mean", "JS", "geometric JS", "published geometric JS")
INTEGRALS = CURVES[4:]


@recipe("integrands-in-one-dimension", version=1)
def numbers(*, pairs: list[list[float]], low: float, high: float) -> Numbers:
    """For pairs (mean of q, its sigma, mean of p, its sigma), at alpha = 1/2: curves [pairs, 7, m] over z [m] in steps
    of 0.02, and integrals [pairs, 3] in nats."""
    found = [_pair(pair, low, high) for pair in pairs]
    return {
        "pairs": np.array(pairs),
        "x": found[0][0],
        "curves": np.array([curves for _, curves, _ in found]),
        "integrals": np.array([integrals for *_, integrals in found]),
    }


def _pair(pair: list[float], low: float, high: float) -> tuple[np.ndarray, np.ndarray, list[float]]:
    mean_q, sigma_q, mean_p, sigma_p = pair
    q, p = _gaussian(mean_q, sigma_q), _gaussian(mean_p, sigma_p)
    grid = quadrature.line(low - 30, high + 30, 50 * int(high - low + 60) + 1)  # the picture shows its middle
    lq, lp = q.log_prob(grid.points), p.log_prob(grid.points)
    middle = torch.logaddexp(lq, lp) - np.log(2)
    right = quadrature.geometric_mean(q.log_prob, p.log_prob, 0.5, grid)
    wrong = published_mean(mean_q, sigma_q, mean_p, sigma_p).log_prob(grid.points)
    parts = [0.5 * lq.exp() * (lq - m) + 0.5 * lp.exp() * (lp - m) for m in (middle, right, wrong)]
    curves = torch.stack([lq.exp(), lp.exp(), right.exp(), wrong.exp(), *parts])
    shown = slice(1500, -1500)
    return grid.points[shown].numpy(), curves[:, shown].numpy(), [float(grid.integrate(part)) for part in parts]


def _gaussian(mean: float, sigma: float) -> Gaussian:
    return Gaussian(torch.tensor([mean], dtype=torch.float64), torch.tensor([2 * np.log(sigma)], dtype=torch.float64))


def published_mean(mean_q: float, sigma_q: float, mean_p: float, sigma_p: float) -> Gaussian:
    """The "geometric mean" at alpha = 1/2 of the published notebook: standard deviations where variances belong."""
    sigma = 1 / (0.5 / sigma_q + 0.5 / sigma_p)
    return _gaussian(sigma * (0.5 * mean_q / sigma_q + 0.5 * mean_p / sigma_p), sigma)


def compute(device: str, **settings: Any) -> Result:
    return cached(numbers, settings)


def rows(n: Numbers) -> list[Row]:
    return [
        {"pair": pair_name(pair), "z": float(x), **dict(zip(CURVES, map(float, at), strict=True))}
        for pair, curves in zip(n["pairs"], n["curves"], strict=True)
        for x, at in zip(n["x"][::2], curves.T[::2], strict=True)
    ]


def pair_name(pair: Any) -> str:
    """q and p in words."""
    mean_q, sigma_q, mean_p, sigma_p = pair
    return f"q = N({mean_q:g}, {sigma_q:g}²), p = N({mean_p:g}, {sigma_p:g}²)"


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.5)
    grid = figure.subplots(2, len(n["pairs"]), sharex=True)
    for column, pair, values, integrals in zip(grid.T, n["pairs"], n["curves"], n["integrals"], strict=True):
        curve = dict(zip(CURVES, values, strict=True))
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
    axes.plot(x, curve["published mean"], "--", color=plots.REFERENCE, linewidth=0.9, label="as published")
    axes.set(ylim=(0, None), xlim=(x[0], x[-1]))


def _integrands(axes: Axes, x: np.ndarray, curve: dict[str, np.ndarray], integral: dict[str, float]) -> None:
    gjs = curve["geometric JS"]
    axes.plot(x, curve["JS"], color="black", linewidth=0.9, label="JS")
    axes.plot(x, gjs, color=plots.JS, label="geometric JS")
    axes.plot(x, curve["published geometric JS"], "--", color=plots.REFERENCE, linewidth=0.9)
    axes.fill_between(x, 0, gjs, where=gjs < 0, color=plots.JS, alpha=0.3, linewidth=0, label="negative")
    axes.axhline(0, color="0.7", linewidth=0.5, zorder=0)
    low, high = axes.get_ylim()
    axes.set(xlabel="z", ylim=(low, high + 0.5 * (high - low)))
    lines = zip(INTEGRALS, ("black", plots.JS, plots.REFERENCE), ("JS", "geometric", "published"), strict=True)
    for line, (name, colour, word) in enumerate(lines):
        axes.text(0.97, 0.98 - 0.11 * line, f"{word} {integral[name]:.3f}", color=colour, fontsize="small",
                  ha="right", va="top", transform=axes.transAxes)  # fmt: skip


def alt(n: Numbers) -> str:
    lowest = n["curves"][:, CURVES.index("geometric JS")].min(1)
    parts = [
        f"{pair_name(pair)}: JS {js:.3f}, geometric JS {gjs:.3f} nats with an integrand down to {low:.3f}, "
        f"with the published mean {wrong:.3f}"
        for pair, (js, gjs, wrong), low in zip(n["pairs"], n["integrals"], lowest, strict=True)
    ]
    return f"Densities and integrands for {len(parts)} pairs of Gaussians. {'; '.join(parts)}."


SETTINGS = {
    "pairs": [[-2.0, 1.0, 2.0, 2.0], [0.0, 0.5, 0.0, 3.0], [2.0, 1.0, -2.0, 1.0], [-5.0, 1.0, 5.0, 2.0]],
    "low": -9.0,
    "high": 11.0,
}

FIGURE = Figure(
    id="gjs-integrands",
    paper=PAPER,
    shows="What JS and geometric JS integrate, for four pairs of Gaussians: the geometric one dips below zero",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={"quick": SETTINGS, "paper": SETTINGS},
)
