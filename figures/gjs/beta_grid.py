"""gjs-beta-grid: what the weight of a divergence does to reconstruction: the beta-VAE, and the primed geometric JS."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.figure import Figure, Row
from figures.gjs import PAPER, published, variants
from figures.gjs.variants import MEASURES
from vaelab import plots
from vaelab.run_store import Numbers, Result


def compute(
    device: str, *, betas: list[float], weights: list[float], alphas: list[float], seeds: int, **training: Any
) -> Result:
    """The numbers of `variants.measured`: the beta-VAE for each beta, the primed for each weight and alpha."""
    grid = [variants.gjs("primed", alpha, weight) for weight in weights for alpha in alphas]
    every = [*map(variants.vae, betas), *grid]
    return variants.measured(every, variants.trained(every, device, seeds, **training))


def rows(n: Numbers) -> list[Row]:
    return [
        {
            "variant": str(name),
            "weight": float(weight),
            "alpha": "" if np.isnan(alpha) else float(alpha),
            "seed": seed,
            **{m: float(values[1, j, seed]) for j, m in enumerate(MEASURES)},
        }
        for name, weight, alpha, values in zip(n["variant"], n["weight"], n["alpha"], n["values"], strict=True)
        for seed in range(values.shape[-1])
    ]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.9)
    left, right = figure.subplots(1, 2, sharey=True)
    beta = np.isnan(n["alpha"])
    order = np.argsort(n["weight"][beta])
    curve = variants.test(n, "reconstruction", beta)[order]
    plots.spread(left, n["weight"][beta][order], curve, plots.Q, marker="o", label="KL(q‖p)")
    left.axvline(1, color="black", linewidth=0.5, linestyle="--", zorder=0)
    left.set(title="beta-VAE", xlabel="β", xlim=(0, None), ylabel="reconstruction, test\n(squared error per image)")
    weights = sorted(set(n["weight"][~beta]))
    for weight, colour in zip(weights, plots.between("#ffb37a", "#7a2c00", len(weights)), strict=True):
        where = variants.chosen(n, "primed", weight)
        seeds = variants.test(n, "reconstruction", where)
        plots.spread(right, n["alpha"][where], seeds, colour, marker="o", label=f"weight {weight:g}")
    right.set(title="primed geometric JS", xlabel="α", xlim=(0, 1))
    right.legend()
    return figure


def alt(n: Numbers) -> str:
    beta = np.isnan(n["alpha"])
    test = variants.test(n, "reconstruction", slice(None)).mean(-1)
    low, high = (f(n["weight"][beta]) for f in (np.min, np.max))
    ends = [test[beta & (n["weight"] == w)][0] for w in (low, high)]
    families = [
        f"weight {w:g} goes from {test[where][0]:.1f} to {test[where][-1]:.1f}"
        for w in sorted(set(n["weight"][~beta]))
        for where in [variants.chosen(n, "primed", w)]
    ]
    return (
        f"Test reconstruction error of the beta-VAE rises from {ends[0]:.1f} at beta {low:g} to {ends[1]:.1f} at "
        f"{high:g}. Primed geometric JS against alpha: {', '.join(families)}."
    )


QUICK = {
    "betas": [0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0, 2.0, 4.0],
    "weights": [1.0, 2.0, 4.0],
    "alphas": [0.1, 0.3, 0.5, 0.7, 0.9],
}
PUBLISHED = {"betas": [0.25, 0.5, 0.75, 1.0, 2.0, 3.0, 4.0], "weights": [1.0, 2.0, 3.0, 4.0], "alphas": QUICK["alphas"]}

FIGURE = Figure(
    id="gjs-beta-grid",
    paper=PAPER,
    shows="Reconstruction against the weight of the divergence, for the beta-VAE and the primed geometric JS",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={
        "quick": {**QUICK, "seeds": 1, **variants.MNIST},
        "paper": {**PUBLISHED, "seeds": 3, **published.MNIST},
    },
)
