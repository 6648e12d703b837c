"""gjs-small-sigma: what each divergence charges a latent for a sharp posterior, and the entrance fee of the dual.

The primed divergence is a wall, α²/(2s); its dual grows as slowly as α KL, but for a constant per active latent,
c(α) = ½ ln α + (1-α)²/(2α): a beta-VAE with beta = α and an entrance fee.
"""

import math
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from figures.figure import Figure, Row
from figures.gjs import PAPER
from vaelab import plots
from vaelab.divergences import geometric_js, kl
from vaelab.gaussian import Gaussian
from vaelab.run_store import Numbers, Result, cached, recipe

SHOWN = (0.1, 0.5)
ZERO, LOWEST = 0.394230, (5**0.5 - 1) / 2  # of the entrance fee; it is lowest at the golden ratio


def entrance_fee(alpha: float) -> float:
    """c(α), the limit of (primed dual - α KL(q‖p)) for variances towards 0, per latent in nats.  Sheet 1.7."""
    return 0.5 * math.log(alpha) + (1 - alpha) ** 2 / (2 * alpha)


@recipe("divergences-at-small-sigma", version=1)
def numbers(*, alphas: list[float], mean: float, smallest: float, steps: int) -> Numbers:
    """For q = N(mean, s) and p = N(0, 1): s [k], kl (q‖p, p‖q) [2, k], primed and dual [alphas, k]; fee [alphas] of
    the formula."""
    logvar = torch.linspace(math.log(smallest), 0, steps, dtype=torch.float64)
    q = Gaussian(torch.full_like(logvar, mean), logvar)
    p = Gaussian.standard(logvar)
    return {
        "s": logvar.exp().numpy(),
        "alpha": np.array(alphas),
        "kl": torch.stack([kl(q, p), kl(p, q)]).numpy(),
        "primed": torch.stack([geometric_js(q, p, a) for a in alphas]).numpy(),
        "dual": torch.stack([geometric_js(q, p, a, dual=True) for a in alphas]).numpy(),
        "fee": np.array([entrance_fee(a) for a in alphas]),
    }


def compute(device: str, **settings: Any) -> Result:
    return cached(numbers, settings)


def rows(n: Numbers) -> list[Row]:
    return [
        {
            "alpha": float(a),
            "variance": float(s),
            "kl_qp": float(n["kl"][0, j]),
            "kl_pq": float(n["kl"][1, j]),
            "primed": float(n["primed"][i, j]),
            "wall": float(a**2 / (2 * s)),
            "primed_dual": float(n["dual"][i, j]),
            "dual_minus_alpha_kl": float(n["dual"][i, j] - a * n["kl"][0, j]),
            "entrance_fee": float(n["fee"][i]),
        }
        for i, a in enumerate(n["alpha"])
        for j, s in enumerate(n["s"])
    ]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.6)
    walls, fees, fee = figure.subplots(1, 3, width_ratios=(1.25, 1, 1))
    shades = plots.between(plots.DUAL, plots.Q, len(n["alpha"]))
    _walls(walls, n)
    _differences(fees, n, shades)
    x = np.linspace(0.05, 1, 200)
    fee.plot(x, [entrance_fee(a) for a in x], color=plots.DUAL)
    fee.scatter(n["alpha"], n["fee"], color=shades, s=14, zorder=3)
    fee.axhline(0, color="0.7", linewidth=0.5, zorder=0)
    for at, offset in ((ZERO, (0, 8)), (LOWEST, (-12, -14))):
        fee.plot(at, entrance_fee(at), "o", color="black", markersize=3)
        _note(fee, f"{round(entrance_fee(at), 3) + 0.0:g} at {at:.3f}", (at, entrance_fee(at)), offset, "black")
    fee.set(title="the entrance fee c(α)", xlabel="α", ylabel="nats per active latent", xlim=(0, 1), ylim=(-1, 5))
    return figure


def _walls(axes: Axes, n: Numbers) -> None:
    """Labels stand at the curves: walls where they leave the picture, the slow ones at its left edge."""
    top, s = 10.0, n["s"]
    axes.plot(s, n["kl"][0], color=plots.Q)
    _note(axes, "KL(q‖p)", (s[0], n["kl"][0, 0]), (3, 3), plots.Q)
    steep = [("KL(p‖q)", n["kl"][1], plots.P, "-", 7)]
    for a, line, shift in zip(SHOWN, ("-", "--"), (9, -11), strict=True):
        (i,) = np.flatnonzero(n["alpha"] == a)
        steep.append((f"primed, α = {a:g}", n["primed"][i], plots.JS, line, shift))
        axes.plot(s, a**2 / (2 * s), ":", color="black", linewidth=0.9)
        axes.plot(s, n["dual"][i], line, color=plots.DUAL)
        _note(axes, f"dual, α = {a:g}", (s[0], n["dual"][i, 0]), (3, -9), plots.DUAL)
    for label, values, colour, line, shift in steep:
        axes.plot(s, values, line, color=colour)
        leaves = float(np.interp(-top, -values, s))
        axes.annotate(label, (leaves, top), (shift, -2), textcoords="offset points", color=colour, fontsize="small",
                      rotation=90, va="top")  # fmt: skip
    axes.set(title="q = N(0, s); dotted: α²/(2s)", xlabel="s, the variance of q", ylabel="nats", xscale="log")
    axes.set(ylim=(0, top), xlim=(s[0], 1))


def _differences(axes: Axes, n: Numbers, shades: list[tuple[float, float, float]]) -> None:
    for a, dual, c, shade in zip(n["alpha"], n["dual"], n["fee"], shades, strict=True):
        axes.plot(n["s"], dual - a * n["kl"][0], color=shade)
        axes.axhline(c, color=shade, linewidth=0.7, linestyle=":")
        offset = (4, 3) if a != 0.75 else (4, -9)
        _note(axes, f"α = {a:g}: c = {c:.3f}", (n["s"][0], c), offset, shade)
    axes.set(title="dual - α KL(q‖p) goes to c(α)", xlabel="s, the variance of q", ylabel="nats", xscale="log")
    axes.set(xlim=(n["s"][0], 1), ylim=(-0.5, 3.3))


def _note(axes: Axes, text: str, at: tuple[float, float], offset: tuple[float, float], colour: Any) -> None:
    axes.annotate(text, at, offset, textcoords="offset points", fontsize="small", color=colour)


def alt(n: Numbers) -> str:
    fees = ", ".join(f"{c:.3f} at {a:g}" for a, c in zip(n["alpha"], n["fee"], strict=True))
    return (
        f"Divergence against the variance s of q from {n['s'][0]:g} to 1: the primed ones climb as alpha squared over "
        f"2s, KL(q‖p) and the dual only as a logarithm. The dual minus alpha KL(q‖p) levels off at the entrance fee "
        f"c(alpha): {fees} nats; it is zero at 0.394 and lowest, -0.123, at the golden ratio 0.618."
    )


SETTINGS = {"alphas": [0.1, 0.25, 0.5, 0.75], "mean": 0.0, "smallest": 1e-4, "steps": 161}

FIGURE = Figure(
    id="gjs-small-sigma",
    paper=PAPER,
    shows="Sharp posteriors: the primed divergence is a 1/s wall, its dual alpha KL plus an entrance fee per latent",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={"quick": SETTINGS, "paper": SETTINGS},
)
