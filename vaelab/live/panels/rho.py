"""The rho panel: KL(q‖p) of one latent whose noise and signal keep a fixed ratio, and why its variance becomes 1."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure, SubFigure

from vaelab import plots
from vaelab.live.controls import Slider
from vaelab.live.figure import Scene, Values
from vaelab.live.figure_panel import Story, drawn, plot
from vaelab.live.panel import Panel
from vaelab.live.readout import Row

SIZES = {"notebook": (9.6, 3.6), "paper": (7.0, 2.7), "talk": (12.8, 5.2)}
VARIANCES = np.geomspace(0.002, 2, 200)
OTHERS = (0.2, 0.5, 1.0, 2.0)
LOW, HIGH = 0.1, 5.0
TOP = 4.0  # nats
CAPTION = (
    "If rescaling a latent costs the decoder nothing, the encoder keeps rho = σ/|μ| and slides along the curve (left) "
    "to the least KL. Whatever rho is, that minimum lies on the line σ² + μ² = 1 (right). Run the cell for the sliders."
)


def kl_at(variance: Any, rho: float) -> Any:
    """KL(N(mu, variance)‖N(0, 1)) in nats with mu² = variance/rho².  Source: Asperti 2019, the rho argument."""
    return 0.5 * (variance * (1 + rho**2) / rho**2 - np.log(variance) - 1)


def minimum(rho: float) -> tuple[float, float, float]:
    """sigma², mu² and KL where the KL is least: rho²/(1+rho²), 1/(1+rho²), ½ ln(1 + 1/rho²)."""
    return rho**2 / (1 + rho**2), 1 / (1 + rho**2), 0.5 * math.log1p(1 / rho**2)


def rho_panel(rho: float = 0.5, variance: float = 0.05, *, style: plots.Style = "notebook") -> Panel:
    """Sliders for rho = sigma/|mu| in [0.1, 5] and for the variance sigma² in [0.002, 2].

    Raises InvalidValue for a start outside the sliders.
    """
    controls = [
        Slider("rho", "rho = σ/|μ|", LOW, HIGH, rho, 0.02, log=True),
        Slider("variance", "variance σ²", float(VARIANCES[0]), float(VARIANCES[-1]), variance, 0.02, log=True),
    ]
    frames = [{"rho": r, "variance": minimum(r)[0]} for r in OTHERS]
    titles = [f"rho = {r:g}" for r in OTHERS]
    story = Story(partial(draw, stacked=True), frames, titles, _alt, CAPTION)
    presets: dict[str, dict[str, float]] = {
        "much noise": {"rho": 2.0, "variance": 0.8},
        "little noise": {"rho": 0.2, "variance": 0.038462},
        "too small": {"rho": 0.5, "variance": 0.01},
        "too large": {"rho": 0.5, "variance": 1.0},
    }
    return drawn(draw, SIZES, controls, words, story, presets, style)


def draw(figure: Figure | SubFigure, *, stacked: bool = False) -> Scene:
    """Left the KL against sigma², right the plane of sigma² and mu²."""
    left, right = figure.subplots(2, 1) if stacked else figure.subplots(1, 2)
    for other in OTHERS:
        left.plot(VARIANCES, kl_at(VARIANCES, other), color=plots.REFERENCE, lw=0.8, alpha=0.5)
        right.plot(minimum(other)[0], minimum(other)[1], "o", color=plots.REFERENCE, alpha=0.5, markersize=4)
    left.set(title="KL(q‖p) (nats)", xlabel="σ²", xscale="log", xlim=(VARIANCES[0], VARIANCES[-1]), ylim=(0, TOP))
    right.plot([0, 1], [1, 0], color=plots.MEAN, linestyle="-.", label="σ² + μ² = 1")
    right.set(title="μ²", xlabel="σ²", xlim=(0, 1.3), ylim=(0, 1.3))
    right.legend(loc="upper right", frameon=True, framealpha=1, edgecolor="none")
    curve, ray = plot(left, VARIANCES, color=plots.Q), plot(right, [0, 2], color=plots.Q)
    dots = [plot(ax, [0], marker="o", color=plots.P, linestyle="none", clip_on=False) for ax in (left, right)]
    best = [plot(ax, [0], marker="*", color=plots.MEAN, linestyle="none", markersize=13) for ax in (left, right)]

    def update(values: Values) -> bool:
        rho, variance = values["rho"], values["variance"]
        least_variance, least_square, least = minimum(rho)
        curve.set_ydata(kl_at(VARIANCES, rho))
        ray.set_ydata([0, 2 / rho**2])
        for star, y in zip(best, (least, least_square), strict=True):
            star.set_data([least_variance], [y])
        dots[0].set_data([variance], [min(kl_at(variance, rho), TOP)])
        dots[1].set_data([min(variance, 1.3)], [min(variance / rho**2, 1.3)])
        return False

    return Scene([curve, ray, *best, *dots], update)


def words(values: Values) -> tuple[Sequence[Row], str]:
    """The readout, and the picture in one sentence."""
    rho, variance = values["rho"], values["variance"]
    square, (least_variance, least_square, least) = variance / rho**2, minimum(rho)
    rows = [
        ("KL(q‖p)", f"{kl_at(variance, rho):.4f} nats"),
        ("σ² + μ²", f"{variance:.3f} + {square:.3f} = {variance + square:.3f}"),
        ("least KL", f"{least:.4f} nats"),
    ]
    sentence = (
        f"At rho = {rho:.2f} the KL is least at σ² = {least_variance:.3f}, μ² = {least_square:.3f}, whose sum is "
        f"{least_variance + least_square:.3f}; now it is {kl_at(variance, rho) - least:.3f} nats above."
    )
    return rows, sentence


def _alt() -> str:
    found = [(r, *minimum(r)) for r in OTHERS]
    listed = "; ".join(f"rho {r:g}: {kl:.2f} nats at σ² = {v:.2f}, μ² = {m:.2f}" for r, v, m, kl in found)
    return f"Film-strip over rho. The KL is least, in each frame on the line σ² + μ² = 1, at {listed}."
