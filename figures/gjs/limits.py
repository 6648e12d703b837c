"""Closed forms: gjs-limits, against alpha, and gjs-small-sigma, for sharp posteriors.

For small s, the primed divergence grows as α²/(2s), its dual only as α KL plus a constant per
active latent, the entrance fee c(α) = ½ ln α + (1-α)²/(2α).
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from figures.gjs import figure
from figures.gjs.styles import COLORS
from figures.gjs.theory import divergences_against_alpha, divergences_at_small_sigma, entrance_fee
from figures.gjs.variants import FAMILIES
from vaelab import plots
from vaelab.runs.store import Numbers

ZERO, LOWEST = 0.394230, (5**0.5 - 1) / 2  # of the entrance fee; it is lowest at the golden ratio


def alt_limits(n: Numbers) -> str:
    mean, variance = n["pair"]
    ends = [f"{name} from {v[0]:.3f} to {v[-1]:.3f}" for name, v in zip(FAMILIES, n["value"], strict=True)]
    return (
        f"Four divergences between N({mean:g}, {variance:g}) and N(0, 1) against alpha: {', '.join(ends)} nats. "
        f"KL(q‖p) = {n['ends'][0]:.3f} and KL(p‖q) = {n['ends'][1]:.3f} end the primed ones, in opposite order."
    )


@figure(
    "gjs-limits",
    divergences_against_alpha,
    {"divergence": FAMILIES, "value": "divergence alpha"},
    alt_limits,
    quick={"mean": 1.3, "variance": 0.2, "steps": 200},
    title="The four geometric Jensen-Shannon divergences against alpha, with the ends that each reaches",
)
def draw_limits(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.7)
    left, right = figure.subplots(1, 2)
    for level, label, color, x, offset in (
        (n["ends"][0], "KL(q‖p)", plots.Q, 0.97, 8),
        (n["ends"][1], "KL(p‖q)", plots.P, 0.62, -8),
    ):
        left.axhline(level, color=color, linewidth=0.8, linestyle=":")
        note(left, f"{label} = {level:.3f}", (x, level), (0, offset), color, ha="right", va="center")
    for axes, names in ((left, FAMILIES[:2]), (right, FAMILIES[2:])):
        for name in names:
            _family(axes, n, name)
        axes.set(xlabel="α", xlim=(-0.03, 1.03), xticks=[0, 0.25, 0.5, 0.75, 1])
    left.set(title="primed: from one KL to the other", ylabel="divergence (nats)", ylim=(-0.15, None))
    right.set(title="plain: from 0 to 0", ylim=(-0.03, 1.25 * n["value"][2:].max()))
    left.legend(loc="upper center", bbox_to_anchor=(0.5, 0.85))
    right.legend(loc="upper right")
    return figure


def _family(axes: Axes, n: Numbers, name: str) -> None:
    """Draw a curve with its ends as open circles and its extreme as a dot."""
    a, values, color = n["alpha"], n["value"][FAMILIES.index(name)], COLORS[name]
    best = values.argmin() if "primed" in name else values.argmax()
    axes.plot(a, values, color=color, label=name)
    axes.plot(a[[0, -1]], values[[0, -1]], "o", color=color, markerfacecolor="white", markersize=5, clip_on=False)
    axes.plot(a[best], values[best], "o", color=color, markersize=3)
    side = "right" if name == "primed" else "left" if name == "primed dual" else "center"
    offset = 8 if name == "plain" else -8
    extreme = (a[best], values[best])
    note(axes, f"{extreme[1]:.3f} at {extreme[0]:.2f}", extreme, (0, offset), color, ha=side, va="center")


def excess(n: Numbers) -> np.ndarray:
    """Return the dual less alpha KL(q‖p), [alpha, s], nats."""
    difference: np.ndarray = n["dual"] - n["alpha"][:, None] * n["kl"][0]
    return difference


def alt_small_sigma(n: Numbers) -> str:
    fees = ", ".join(f"{c:.3f} at {a:g}" for a, c in zip(n["alpha"], n["fee"], strict=True))
    return (
        f"Divergence against the variance s of q from {n['s'][0]:g} to 1: the primed ones climb as alpha squared over "
        f"2s, KL(q‖p) and the dual only as a logarithm. The dual minus alpha KL(q‖p) levels off at the entrance fee "
        f"c(alpha): {fees} nats; it is zero at 0.394 and lowest, -0.123, at the golden ratio 0.618."
    )


@figure(
    "gjs-small-sigma",
    divergences_at_small_sigma,
    {"kl": (("kl_qp", "kl_pq"), "s"), "primed dual": "alpha s", excess: "alpha s", "fee": "alpha"},
    alt_small_sigma,
    quick={"alphas": [0.1, 0.25, 0.5, 0.75], "mean": 0.0, "smallest": 1e-4, "steps": 161},
    title="Sharp posteriors: the primed divergence is a 1/s wall, its dual alpha KL plus an entrance fee per latent",
)
def draw_small_sigma(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.6)
    walls, fees, fee = figure.subplots(1, 3, width_ratios=(1.25, 1, 1))
    shades = plots.color_steps(plots.DUAL, plots.Q, len(n["alpha"]))
    _walls(walls, n)
    for a, values, c, shade in zip(n["alpha"], excess(n), n["fee"], shades, strict=True):
        fees.plot(n["s"], values, color=shade)
        fees.axhline(c, color=shade, linewidth=0.7, linestyle=":")
        note(fees, f"α = {a:g}: c = {c:.3f}", (n["s"][0], c), (4, -9 if a == 0.75 else 3), shade)
    fees.set(title="dual - α KL(q‖p) goes to c(α)", xlabel="s, the variance of q", ylabel="nats", xscale="log")
    fees.set(xlim=(n["s"][0], 1), ylim=(-0.5, 3.3))
    x = np.linspace(0.05, 1, 200)
    fee.plot(x, [entrance_fee(a) for a in x], color=plots.DUAL)
    fee.scatter(n["alpha"], n["fee"], color=shades, s=14, zorder=3)
    fee.axhline(0, color="0.7", linewidth=0.5, zorder=0)
    for at, offset in ((ZERO, (0, 8)), (LOWEST, (-12, -14))):
        fee.plot(at, entrance_fee(at), "o", color="black", markersize=3)
        note(fee, f"{round(entrance_fee(at), 3) + 0.0:g} at {at:.3f}", (at, entrance_fee(at)), offset, "black")
    fee.set(title="the entrance fee c(α)", xlabel="α", ylabel="nats per active latent", xlim=(0, 1), ylim=(-1, 5))
    return figure


def _walls(axes: Axes, n: Numbers) -> None:
    """Draw the divergences against s, with their names where the curves leave the picture."""
    top, s = 10.0, n["s"]
    axes.plot(s, n["kl"][0], color=plots.Q)
    note(axes, "KL(q‖p)", (s[0], n["kl"][0, 0]), (3, 3), plots.Q)
    steep = [("KL(p‖q)", n["kl"][1], plots.P, "-", 7)]
    for a, line, shift in zip((0.1, 0.5), ("-", "--"), (9, -11), strict=True):
        (i,) = np.flatnonzero(n["alpha"] == a)
        steep.append((f"primed, α = {a:g}", n["primed"][i], plots.JS, line, shift))
        axes.plot(s, a**2 / (2 * s), ":", color="black", linewidth=0.9)
        axes.plot(s, n["dual"][i], line, color=plots.DUAL)
        note(axes, f"dual, α = {a:g}", (s[0], n["dual"][i, 0]), (3, -9), plots.DUAL)
    for label, values, color, line, shift in steep:
        axes.plot(s, values, line, color=color)
        leaves = float(np.interp(-top, -values, s))
        note(axes, label, (leaves, top), (shift, -2), color, rotation=90, va="top")
    axes.set(title="q = N(0, s); dotted: α²/(2s)", xlabel="s, the variance of q", ylabel="nats", xscale="log")
    axes.set(ylim=(0, top), xlim=(s[0], 1))


def note(axes: Axes, text: str, at: Any, offset: tuple[float, float], color: Any, **style: Any) -> None:
    """Write a small text at some points from a position of the data."""
    axes.annotate(text, tuple(at), offset, textcoords="offset points", color=color, fontsize="small", **style)
