"""gjs-rate-distortion: distortion against rate for every variant.

A lower reconstruction error may only show that a divergence constrains less, so variants are
compared at equal rate, KL(q‖p) of the encoder. For active latents, the primed dual is alpha KL(q‖p)
plus a constant, so its point should be near that of the beta-VAE with beta = alpha, unless that
constant, large at small alpha, makes latents inactive.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from figures.gjs import figure, published, variants
from figures.gjs.limits import note
from figures.gjs.styles import COLORS
from figures.gjs.trainings import compute_rate_distortion
from figures.gjs.variants import BETA, FAMILIES, KL, REVERSE, on_test, rows_of
from vaelab import plots
from vaelab.runs.store import Numbers

BETAS = [0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0, 2.0, 4.0]
PAPER_BETAS = sorted({*published.ALPHAS, 1.0, 2.0, 4.0})
NEAR = 0.1  # largest relative difference of rate or distortion between points that are called near


def alt(n: Numbers) -> str:
    pairs = "; ".join(
        f"alpha {a:g}: rate {dual[0]:.1f}, distortion {dual[1]:.1f}, the beta-VAE {beta[0]:.1f}, {beta[1]:.1f}"
        for a, dual, beta in twins(n)
    )
    reverse = on_test(n, rows_of(n, REVERSE), "rate").mean()
    alphas = {"near": near(n), "far": [alpha for alpha, *_ in twins(n) if alpha not in near(n)]}
    lies = [f"{word} at alpha {', '.join(f'{a:g}' for a in group)}" for word, group in alphas.items() if group]
    return (
        "Distortion, z sampled, against rate for the beta-VAE, KL(p‖q), the primed, primed dual and plain geometric "
        f"JS. From the beta-VAE with beta = alpha, the primed dual lies {' and '.join(lies)} (near: both within "
        f"{NEAR:.0%}): {pairs}. KL(p‖q) spends {reverse:.0f} nats."
    )


@figure(
    "gjs-rate-distortion",
    compute_rate_distortion,
    variants.TABLE,
    alt,
    seeds="means over {} seeds",
    quick={"alphas": variants.ALPHAS, "betas": BETAS, "seeds": 2, **variants.MNIST},
    full={"alphas": list(published.ALPHAS), "betas": PAPER_BETAS, "seeds": 3, **published.MNIST},
    title="Distortion against rate for the beta-VAE, KL(p‖q) and three geometric JS; the primed dual at alpha beside "
    "the beta-VAE with beta = alpha",
)
def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.2)
    left, right = figure.subplots(1, 2)
    _every_variant(left, n)
    _pairs(right, n)
    left.set(title="one mark per α or β", ylabel="distortion, test, z sampled\n(squared error per image)")
    right.set(title="primed dual at α, beside the beta-VAE at β = α")
    for axes in (left, right):
        axes.set_xlabel("rate KL(q‖p), nats")
        axes.legend()
    return figure


def points(n: Numbers, rows: Any) -> np.ndarray:
    """Return rate and distortion with z sampled, means over seeds: [2, rows]."""
    return np.stack([on_test(n, rows, m).mean(-1) for m in ("rate", "reconstruction_sampled")])


def _beta_curve(axes: Axes, n: Numbers) -> None:
    rows = np.flatnonzero(np.isin(n["variant"], (KL, BETA)))
    axes.plot(*points(n, rows[np.argsort(n["weight"][rows])]), "-s", color=plots.Q, label="beta-VAE", zorder=1)


def _every_variant(axes: Axes, n: Numbers) -> None:
    """Draw the families in order of alpha, with labels at the ends."""
    _beta_curve(axes, n)
    for family in FAMILIES[:3]:
        rows = np.flatnonzero(rows_of(n, family))
        color = COLORS[family]
        axes.plot(*points(n, rows), "-o", color=color, label=family, linewidth=0.8)
        for i in rows[[0, -1]]:
            note(axes, f"{n['alpha'][i]:g}", points(n, [i])[:, 0], (3, 3), color)
    axes.plot(*points(n, rows_of(n, REVERSE)), "D", color=plots.P, label="KL(p‖q)")
    vae = points(n, rows_of(n, KL))
    axes.plot(*vae, "s", color="white", markeredgecolor=plots.Q, label="the VAE", zorder=3)


def _pairs(axes: Axes, n: Numbers) -> None:
    """Draw every dual point and its beta-VAE, joined."""
    _beta_curve(axes, n)
    pairs = twins(n)
    for k, (alpha, dual, beta) in enumerate(pairs):
        axes.plot(*np.stack([dual, beta], 1), ":", color="black", linewidth=0.8, zorder=0)
        axes.plot(*dual, "o", color=plots.DUAL, label=None if k else "primed dual")
        note(axes, f"{alpha:g}", dual, (4, 3), plots.DUAL)
        note(axes, f"{alpha:g}", beta, (-10, -9), plots.Q)
    ends = np.concatenate([np.stack(pair[1:]) for pair in pairs])
    margin = 0.12 * np.ptp(ends, axis=0)
    (left, bottom), (right, top) = ends.min(0) - margin, ends.max(0) + margin
    axes.set(xlim=(left, right), ylim=(bottom, top))


def near(n: Numbers) -> list[float]:
    """Return the alphas at which rate and distortion of the dual are near those of the beta-VAE."""
    return [alpha for alpha, dual, beta in twins(n) if (np.abs(dual / beta - 1) < NEAR).all()]


def twins(n: Numbers) -> list[tuple[float, np.ndarray, np.ndarray]]:
    """Return alpha and the points of the dual and of the beta-VAE with beta = alpha."""
    point = points(n, slice(None)).T
    betas = {float(n["weight"][i]): point[i] for i in np.flatnonzero(np.isin(n["variant"], (KL, BETA)))}
    duals = np.flatnonzero(rows_of(n, "primed dual"))
    return [(float(n["alpha"][i]), point[i], betas[n["alpha"][i]]) for i in duals if n["alpha"][i] in betas]
