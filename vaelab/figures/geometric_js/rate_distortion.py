"""gjs-rate-distortion: every variant on one plane, distortion against rate: the fair comparison.

A lower reconstruction error alone may only say that a divergence asks for less.  At equal rate, KL(q‖p) of the encoder
whatever was trained, the question is fair.  The primed dual at alpha is, for latents that are used, alpha KL(q‖p) plus
a constant, so its point should lie beside that of the beta-VAE with beta = alpha.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from vaelab import plots
from vaelab.figures.figure import Figure, Row
from vaelab.figures.geometric_js import PAPER, published, variants
from vaelab.figures.geometric_js.variants import BETA, FAMILIES, KL, REVERSE
from vaelab.run_store import Numbers, Result

DISTORTIONS = {"reconstruction": "z at the posterior mean", "reconstruction_sampled": "z sampled"}


def compute(device: str, *, alphas: list[float], betas: list[float], seeds: int, **training: Any) -> Result:
    """The numbers of `variants.measured` for all variants."""
    families = [variants.gjs(family, a) for family in FAMILIES[:3] for a in alphas]
    every = [*map(variants.vae, betas), variants.reverse(), *families]
    return variants.measured(every, variants.trained(every, device, seeds, **training))


def rows(n: Numbers) -> list[Row]:
    measures = ("rate", *DISTORTIONS)
    return [
        {
            "variant": str(name),
            "beta": float(weight) if np.isnan(alpha) else "",
            "alpha": "" if np.isnan(alpha) else float(alpha),
            "seed": seed,
            **{m: float(variants.test(n, m, np.array([i]))[0, seed]) for m in measures},
        }
        for i, (name, weight, alpha) in enumerate(zip(n["variant"], n["weight"], n["alpha"], strict=True))
        for seed in range(n["values"].shape[-1])
    ]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.4)
    for axes, (measure, title) in zip(figure.subplots(1, 2), DISTORTIONS.items(), strict=True):
        _plane(axes, n, measure)
        axes.set(title=title, xlabel="rate KL(q‖p), nats")
    figure.axes[0].set_ylabel("distortion, test\n(squared error per image)")
    figure.axes[0].legend()
    return figure


def _plane(axes: Axes, n: Numbers, measure: str) -> None:
    """One point per setting, the mean over its seeds; settings of a family joined in order of alpha."""
    rate, distortion = (variants.test(n, name, slice(None)).mean(-1) for name in ("rate", measure))
    curve = np.isin(n["variant"], (KL, BETA))
    order = np.flatnonzero(curve)[np.argsort(n["weight"][curve])]
    axes.plot(rate[order], distortion[order], "-s", color=plots.Q, label="beta-VAE", zorder=1)
    for family in FAMILIES[:3]:
        where = variants.chosen(n, family)
        colour = variants.COLOURS[family]
        axes.plot(rate[where], distortion[where], "-o", color=colour, label=family, linewidth=0.8, zorder=2)
        for i in np.flatnonzero(where)[[0, -1]]:
            axes.annotate(
                f"{n['alpha'][i]:g}",
                (rate[i], distortion[i]),
                xytext=(3, 3),
                textcoords="offset points",
                color=colour,
                fontsize="x-small",
            )
    where = variants.chosen(n, REVERSE)
    axes.plot(rate[where], distortion[where], "D", color=plots.P, label="KL(p‖q)")
    where = variants.chosen(n, KL)
    axes.plot(rate[where], distortion[where], "s", color="white", markeredgecolor=plots.Q, label="the VAE", zorder=3)


def twins(n: Numbers) -> list[tuple[float, np.ndarray, np.ndarray]]:
    """For every alpha that is also a beta: (rate, distortion of a sampled z) of the primed dual at alpha, and of the
    beta-VAE at beta = alpha, means over seeds."""
    point = np.stack([variants.test(n, m, slice(None)).mean(-1) for m in ("rate", "reconstruction_sampled")], 1)
    betas = {float(n["weight"][i]): point[i] for i in np.flatnonzero(np.isin(n["variant"], (KL, BETA)))}
    duals = np.flatnonzero(variants.chosen(n, "primed dual"))
    return [(float(n["alpha"][i]), point[i], betas[n["alpha"][i]]) for i in duals if n["alpha"][i] in betas]


def alt(n: Numbers) -> str:
    pairs = "; ".join(
        f"alpha {a:g}: rate {dual[0]:.1f}, distortion {dual[1]:.1f}, the beta-VAE {beta[0]:.1f}, {beta[1]:.1f}"
        for a, dual, beta in twins(n)
    )
    reverse = variants.test(n, "rate", variants.chosen(n, REVERSE)).mean()
    return (
        "Distortion against rate for the beta-VAE, the primed, primed dual and plain geometric JS. With z sampled, the "
        f"primed dual at alpha lies near the beta-VAE with beta = alpha: {pairs}. KL(p‖q) spends {reverse:.0f} nats."
    )


BETAS = [0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0, 2.0, 4.0]
PAPER_BETAS = sorted({*published.ALPHAS, 1.0, 2.0, 4.0})

FIGURE = Figure(
    id="gjs-rate-distortion",
    paper=PAPER,
    shows="Distortion against rate for every variant: the fair comparison, with the primed dual beside the beta-VAE",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={
        "quick": {"alphas": variants.ALPHAS, "betas": BETAS, "seeds": 2, **variants.MNIST},
        "paper": {
            **{"alphas": list(published.ALPHAS), "betas": PAPER_BETAS, "seeds": 3},
            **{"data": "mnist", "side": 32, **published.SETTING},
        },
    },
)
