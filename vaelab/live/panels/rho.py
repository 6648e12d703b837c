"""The rho panel: KL(q‖p) of one latent at a fixed ratio of noise to signal."""

import math
from functools import partial
from typing import Any

import numpy as np

from vaelab import plots
from vaelab._utils.typed import typed
from vaelab.live.controls import Slider
from vaelab.live.figure import AnyFigure, Scene, Values, empty_line
from vaelab.live.panel import Panel
from vaelab.live.spec import PanelSpec, Readout

VARIANCES = np.geomspace(0.002, 2, 200)
RHOS = (0.2, 0.5, 1.0, 2.0)
MAX_KL = 4.0  # nats
CAPTION = (
    "If the decoder can undo a rescaling of a latent, the encoder keeps rho = σ/|μ| and moves along the curve of "
    "the KL to its minimum. For every rho that minimum is on the line σ² + μ² = 1."
)


def _kl(variance: Any, rho: float) -> Any:
    """Compute KL(N(mu, variance) || N(0, 1)) in nats with mu² = variance/rho²."""
    return 0.5 * (variance * (1 + rho**2) / rho**2 - np.log(variance) - 1)


def _minimum(rho: float) -> tuple[float, float, float]:
    """Return sigma² = rho²/(1 + rho²), mu² = 1/(1 + rho²) and the least KL, ½ ln(1 + 1/rho²)."""
    return rho**2 / (1 + rho**2), 1 / (1 + rho**2), 0.5 * math.log1p(1 / rho**2)


@typed
def rho_panel(rho: float = 0.5, variance: float = 0.05, *, style: plots.Style = "notebook") -> Panel:
    """Build a panel on the variance law: KL(q‖p) against sigma² at a fixed rho = sigma/|mu|.

    Args:
        rho: Start of the first slider, in [0.1, 5].
        variance: Start of the second, sigma² in [0.002, 2].
        style: "notebook", "paper" or "talk".

    Returns:
        The panel.

    Raises:
        InvalidType, InvalidValue: If a start is out of range.

    Example:
        >>> panel = rho_panel(rho=1.0, variance=0.5)
        >>> "smallest KL <b>0.3466 nats" in panel.readout.value
        True

    References:
        Asperti (2019), https://doi.org/10.1007/978-3-030-37599-7_7.
    """
    presets = {
        "much noise": (2.0, 0.8),
        "little noise": (0.2, 0.038462),
        "too small": (0.5, 0.01),
        "too large": (0.5, 1.0),
    }
    spec = PanelSpec(
        draw=_draw,
        sizes={"notebook": (9.6, 3.6), "paper": (7.0, 2.7), "talk": (12.8, 5.2)},
        controls=[
            Slider("rho", "ρ = σ/|μ|", 0.1, 5.0, rho, log=True),
            Slider("variance", "variance σ²", 0.002, 2.0, variance, log=True),
        ],
        presets={label: {"rho": r, "variance": v} for label, (r, v) in presets.items()},
        readout=_readout,
        frames={f"ρ = {r:g}": {"rho": r, "variance": _minimum(r)[0]} for r in RHOS},
        alt=_alt,
        filmstrip_alt=_filmstrip_alt,
        caption=CAPTION,
    )
    return Panel(spec, style)


def _draw(figure: AnyFigure, *, stacked: bool = False) -> Scene:
    """Draw the KL against sigma², and the plane of sigma² and mu²."""
    colors = plots.palette()
    left, right = figure.subplots(2, 1) if stacked else figure.subplots(1, 2)
    for rho in RHOS:
        left.plot(VARIANCES, _kl(VARIANCES, rho), color=colors.REFERENCE, lw=0.8, alpha=0.5)
        right.plot(*_minimum(rho)[:2], "o", color=colors.REFERENCE, alpha=0.5, markersize=4)
    left.set(title="KL(q‖p) (nats)", xlabel="σ²", xscale="log", xlim=(VARIANCES[0], VARIANCES[-1]), ylim=(0, MAX_KL))
    right.plot([0, 1], [1, 0], color=colors.MEAN, linestyle="-.", label="σ² + μ² = 1")
    right.set(title="μ²", xlabel="σ²", xlim=(0, 1.3), ylim=(0, 1.3))
    right.legend(loc="upper right", frameon=True, framealpha=1, edgecolor="none")
    curve, ray = empty_line(left, VARIANCES, color=colors.Q), empty_line(right, [0, 2], color=colors.Q)
    point = partial(empty_line, x=[0], linestyle="none")
    dots = [point(ax, marker="o", color=colors.P, clip_on=False) for ax in (left, right)]
    stars = [point(ax, marker="*", color=colors.MEAN, markersize=13) for ax in (left, right)]

    def update(values: Values) -> bool:
        rho, variance = values["rho"], values["variance"]
        best_variance, best_square, smallest = _minimum(rho)
        curve.set_ydata(_kl(VARIANCES, rho))
        ray.set_ydata([0, 2 / rho**2])
        for star, y in zip(stars, (smallest, best_square), strict=True):
            star.set_data([best_variance], [y])
        dots[0].set_data([variance], [min(_kl(variance, rho), MAX_KL)])
        dots[1].set_data([min(variance, 1.3)], [min(variance / rho**2, 1.3)])
        return False

    return Scene([curve, ray, *stars, *dots], update)


def _readout(values: Values) -> Readout:
    """Return the KL here and at its minimum."""
    rho, variance = values["rho"], values["variance"]
    square, kl, (best_variance, best_square, smallest) = variance / rho**2, _kl(variance, rho), _minimum(rho)
    rows = [
        ("KL(q‖p)", f"{kl:.4f} nats"),
        ("σ² + μ²", f"{variance:.3f} + {square:.3f} = {variance + square:.3f}"),
        ("smallest KL", f"{smallest:.4f} nats"),
    ]
    sentence = (
        f"At ρ = {rho:.2f} the KL is smallest at σ² = {best_variance:.3f}, μ² = {best_square:.3f}, whose sum is "
        f"{best_variance + best_square:.3f}; here it is {kl - smallest:.3f} nats above."
    )
    return Readout(rows, sentence)


def _alt(values: Values) -> str:
    """Describe the curve and the point on it."""
    rho, variance = values["rho"], values["variance"]
    best_variance, _, smallest = _minimum(rho)
    side = "left of" if variance < best_variance else "right of" if variance > best_variance else "at"
    return (
        f"Left: the curve of KL(q‖p) against σ² at rho = {rho:.2f} has its minimum of {smallest:.2f} nats at "
        f"σ² = {best_variance:.3f}; the point is {side} it, at σ² = {variance:.3f} and {_kl(variance, rho):.2f} nats. "
        f"Right: on the ray of this rho it has σ² + μ² = {variance * (1 + 1 / rho**2):.2f}, the minimum 1."
    )


def _filmstrip_alt() -> str:
    minima = [(r, *_minimum(r)) for r in RHOS]
    listed = "; ".join(f"rho {r:g}: {kl:.2f} nats at σ² = {v:.2f}, μ² = {m:.2f}" for r, v, m, kl in minima)
    return f"Filmstrip over rho. In each frame the smallest KL is on the line σ² + μ² = 1: {listed}."
