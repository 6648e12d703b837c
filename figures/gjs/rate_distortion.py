"""gjs-rate-distortion: every variant on one plane, distortion against rate: the fair comparison.

A lower reconstruction error alone may only say that a divergence asks for less.  At equal rate, KL(q‖p) of the encoder
whatever was trained, the question is fair.  The primed dual at alpha is, for latents that are used, alpha KL(q‖p) plus
a constant, so its point should lie beside that of the beta-VAE with beta = alpha.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from figures.gjs import figure, published, variants
from figures.gjs.styles import COLORS
from figures.gjs.trainings import (
    compute_rate_distortion,
)
from figures.gjs.variants import BETA, FAMILIES, KL, REVERSE
from vaelab import plots
from vaelab.runs.store import Numbers

DISTORTIONS = ("reconstruction_sampled", "reconstruction")  # with z drawn, as in the loss; and at the posterior mean


BETAS = [0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0, 2.0, 4.0]

PAPER_BETAS = sorted({*published.ALPHAS, 1.0, 2.0, 4.0})


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


@figure(
    "gjs-rate-distortion",
    compute_rate_distortion,
    variants.TABLE,
    alt,
    title="Distortion against rate for every variant: the fair comparison, with the primed dual beside the beta-VAE",
    quick={"alphas": variants.ALPHAS, "betas": BETAS, "seeds": 2, **variants.MNIST},
    full={"alphas": list(published.ALPHAS), "betas": PAPER_BETAS, "seeds": 3, **published.MNIST},
)
def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.2)
    left, right = figure.subplots(1, 2)
    _every_variant(left, n)
    _pairs(right, n)
    left.set(title="every variant, one mark per α", ylabel="distortion, test, z sampled\n(squared error per image)")
    right.set(title="primed dual at α, beside the beta-VAE at β = α")
    for axes in (left, right):
        axes.set_xlabel("rate KL(q‖p), nats")
        axes.legend()
    return figure


def points(n: Numbers, rows: Any) -> np.ndarray:
    """Rate and distortion of a sampled z, means over seeds: [2, rows]."""
    return np.stack([variants.test(n, m, rows).mean(-1) for m in ("rate", "reconstruction_sampled")])


def _beta_curve(axes: Axes, n: Numbers) -> None:
    rows = np.flatnonzero(np.isin(n["variant"], (KL, BETA)))
    axes.plot(*points(n, rows[np.argsort(n["weight"][rows])]), "-s", color=plots.Q, label="beta-VAE", zorder=1)


def _every_variant(axes: Axes, n: Numbers) -> None:
    """Settings of a family joined in order of alpha, the ends named."""
    _beta_curve(axes, n)
    for family in FAMILIES[:3]:
        rows = np.flatnonzero(variants.chosen(n, family))
        color = COLORS[family]
        axes.plot(*points(n, rows), "-o", color=color, label=family, linewidth=0.8)
        for i in rows[[0, -1]]:
            _name(axes, f"{n['alpha'][i]:g}", points(n, [i])[:, 0], color, (3, 3))
    axes.plot(*points(n, variants.chosen(n, REVERSE)), "D", color=plots.P, label="KL(p‖q)")
    vae = points(n, variants.chosen(n, KL))
    axes.plot(*vae, "s", color="white", markeredgecolor=plots.Q, label="the VAE", zorder=3)


def _pairs(axes: Axes, n: Numbers) -> None:
    """Every dual point joined to the beta-VAE that it should be, within the range of these."""
    _beta_curve(axes, n)
    pairs = twins(n)
    for k, (alpha, dual, beta) in enumerate(pairs):
        axes.plot(*np.stack([dual, beta], 1), ":", color="black", linewidth=0.8, zorder=0)
        axes.plot(*dual, "o", color=plots.DUAL, label=None if k else "primed dual")
        _name(axes, f"{alpha:g}", dual, plots.DUAL, (4, 3))
        _name(axes, f"{alpha:g}", beta, plots.Q, (-10, -9))
    seen = np.concatenate([np.stack(pair[1:]) for pair in pairs])
    margin = 0.12 * np.ptp(seen, axis=0)
    (left, bottom), (right, top) = seen.min(0) - margin, seen.max(0) + margin
    axes.set(xlim=(left, right), ylim=(bottom, top))


def _name(axes: Axes, text: str, point: np.ndarray, color: str, offset: tuple[int, int]) -> None:
    axes.annotate(text, tuple(point), offset, textcoords="offset points", color=color, fontsize="small")


def twins(n: Numbers) -> list[tuple[float, np.ndarray, np.ndarray]]:
    """For every alpha that is also a beta: (rate, distortion of a sampled z) of the primed dual at alpha, and of the
    beta-VAE at beta = alpha, means over seeds."""
    point = points(n, slice(None)).T
    betas = {float(n["weight"][i]): point[i] for i in np.flatnonzero(np.isin(n["variant"], (KL, BETA)))}
    duals = np.flatnonzero(variants.chosen(n, "primed dual"))
    return [(float(n["alpha"][i]), point[i], betas[n["alpha"][i]]) for i in duals if n["alpha"][i] in betas]
