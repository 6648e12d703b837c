"""var-rho: KL(q‖p) at fixed rho = sigma/|mu| is least where sigma² + mu² = 1, for any rho.

The argument holds for one posterior of free scale; training frees the common scale of all images.
"""

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.variance_law import figure
from figures.variance_law.theory import kl_at_fixed_ratio
from vaelab import plots
from vaelab.runs.store import Numbers


def alt(n: Numbers) -> str:
    minima = [
        f"rho {rho:g}: {v:.2f} + {m:.2f}, {k:.2f} nats" for rho, (v, m, k) in zip(n["rho"], n["best"], strict=True)
    ]
    return (
        f"KL of one latent against sigma², one curve per rho = sigma/|mu|, and the minima on the unit circle of "
        f"sigma and mu. Sigma² + mu² at the minimum, and the KL there: {'; '.join(minima)}."
    )


@figure(
    "var-rho",
    kl_at_fixed_ratio,
    {"kl": "rho variance", "best": ("rho", ("least_variance", "least_mean_squared", "least_kl"))},
    alt,
    quick={"rhos": [0.2, 0.5, 1.0, 2.0], "low": 0.003, "high": 3.0, "points": 181},
)
def draw(n: Numbers) -> Drawing:
    """The KL of a latent whose noise and signal keep their ratio is least where sigma² + mu² = 1."""
    figure = plots.new_figure(7.0, 2.8)
    left, right = figure.subplots(1, 2)
    shades = plots.color_steps("#9fb2ff", "#0a1f73", len(n["rho"]))
    angle = np.linspace(0, np.pi / 2, 91)
    right.plot(np.cos(angle), np.sin(angle), color=plots.MEAN, linestyle="--")
    for rho, values, (v, square, least), shade in zip(n["rho"], n["kl"], n["best"], shades, strict=True):
        left.plot(n["variance"], values, color=shade, label=f"ρ = {rho:g}")
        left.plot(v, least, "o", color=plots.P)
        right.plot([0, 2], [0, 2 / rho], color=shade, linewidth=0.8)
        right.plot(np.sqrt(v), np.sqrt(square), "o", color=plots.P)
    left.plot([], [], "o", color=plots.P, label="minimum")
    left.set(title="KL(q‖p) along σ = ρ|μ|", xlabel="σ²", ylabel="KL(q‖p), nats", xscale="log", ylim=(0, 4))
    left.set_xticks([0.01, 0.1, 1], labels=["0.01", "0.1", "1"])
    right.set(title="the minima lie where σ² + μ² = 1", xlabel="σ", ylabel="|μ|", aspect="equal")
    right.set(xlim=(0, 1.25), ylim=(0, 1.25))
    left.legend(ncols=2)
    return figure
