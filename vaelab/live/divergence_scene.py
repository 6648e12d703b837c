"""The divergence panel's picture: densities, integrands, and the chosen divergence against alpha."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from vaelab import plots
from vaelab.live.divergence_numbers import ALPHAS, Numbers, Setting, X, compute, nice
from vaelab.live.drawn import limits, plot
from vaelab.live.figure import Scene, Values

LINE, FLOOR = X.numpy(), np.zeros(len(X))  # matplotlib takes a tensor apart number by number
Part = tuple[list[Artist], Any]  # what moves, and move(numbers, setting) -> limits changed


def draw(figure: Figure | SubFigure, *, stacked: bool = False) -> Scene:
    """Build the picture; stacked=True puts its three parts below one another, for a film-strip."""
    axes = figure.subplots(3, 1) if stacked else figure.subplots(1, 3)
    parts = [densities(axes[0]), integrands(axes[1]), against_alpha(axes[2])]

    def update(values: Values) -> bool:
        setting = Setting(**values)
        numbers = compute(setting)
        changed = [move(numbers, setting) for _, move in parts]  # all of them, whatever the first says
        return any(changed)

    return Scene([artist for moving, _ in parts for artist in moving], update)


def densities(ax: Axes) -> Part:
    """q, p and their geometric mean G, each with its own colour and dash."""
    looks: Sequence[tuple[str, str, str]] = (
        ("q", plots.Q, "-"),
        ("p", plots.P, "--"),
        ("G", plots.MEAN, "-."),
    )
    lines = [plot(ax, X, color=c, linestyle=s, label=label) for label, c, s in looks]
    fills = [
        ax.fill_between(X, 0 * X, color=plots.Q, alpha=0.15, lw=0),
        ax.fill_between(X, 0 * X, color=plots.P, alpha=0.15, lw=0),
    ]
    ax.set(title="densities", xlabel="z", xlim=(-10, 10))
    ax.legend(loc="upper left", handlelength=1.6, borderaxespad=0.1)

    def move(n: Numbers, s: Setting) -> bool:
        for line, y in zip(lines, (n.q, n.p, n.mean), strict=True):
            line.set_ydata(y)
        for fill, y in zip(fills, (n.q, n.p), strict=True):
            fill.set_data(LINE, FLOOR, y)
        return limits(ax, 0, nice(1.1 * max(n.q.max(), n.p.max(), n.mean.max())))

    return [*fills, *lines], move


def integrands(ax: Axes) -> Part:
    """What is integrated for KL(q‖p) and for the chosen divergence; both may dip below zero."""
    reference = plot(ax, X, color=plots.REFERENCE, linestyle=":", label="KL(q‖p)")
    chosen = plot(ax, X, color=plots.JS, label="chosen JS")
    ax.axhline(0, color="black", lw=0.6)
    ax.set(title="integrands", xlabel="z", xlim=(-10, 10))

    def move(n: Numbers, s: Setting) -> bool:
        reference.set_ydata(n.kl_integrand)
        chosen.set_ydata(n.js_integrand)
        chosen.set_color(_colour(s))
        low = min(n.kl_integrand.min(), n.js_integrand.min())
        high = max(n.kl_integrand.max(), n.js_integrand.max())
        return limits(ax, -nice(-1.1 * low, least=1e-3), nice(1.1 * high))

    return [reference, chosen], move


def against_alpha(ax: Axes) -> Part:
    """The chosen divergence over alpha with its ends, a marker where the slider stands, and the two KLs."""
    looks = (("KL(q‖p)", plots.Q), ("KL(p‖q)", plots.P))
    kls = [plot(ax, [0, 1], color=colour, linestyle=":") for _, colour in looks]
    names = [
        ax.text(x, 0, label, color=colour, ha="center", va="bottom")
        for (label, colour), x in zip(looks, (0.3, 0.7), strict=True)
    ]
    curve = plot(ax, ALPHAS)
    ends = plot(ax, [0, 1], marker="o", markerfacecolor="white", linestyle="none", clip_on=False)
    marker = plot(ax, [0], marker="o", linestyle="none", clip_on=False)
    ax.set(title="divergence (nats)", xlabel="α", xlim=(0, 1), xticks=[0, 0.5, 1], xticklabels=["0", "½", "1"])

    def move(n: Numbers, s: Setting) -> bool:
        for line, label, value in zip(kls, names, (n.kl_qp, n.kl_pq), strict=True):
            line.set_ydata([value, value])
            label.set_y(value)
            line.set_visible(s.primed)
            label.set_visible(s.primed)
        curve.set_ydata(n.curve)
        ends.set_ydata(n.ends)
        marker.set_data([s.alpha], [n.value])
        for line in (curve, ends, marker):
            line.set_color(_colour(s))
        return limits(ax, 0, nice(1.15 * max(n.curve.max(), *((n.kl_qp, n.kl_pq) if s.primed else (0,)))))

    return [*kls, *names, curve, ends, marker], move


def _colour(s: Setting) -> str:
    return plots.DUAL if s.dual else plots.JS
