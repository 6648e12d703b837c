"""gjs-variance-law: the variance of the aggregate posterior under each divergence.

If means were Gaussian and the posteriors of a latent equally wide, its ratio R = Var(mean) /
E[sigma²] would determine V; the best scale of the posteriors themselves needs no such assumption.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from figures.gjs import figure, published, variants
from figures.gjs.styles import COLORS
from figures.gjs.trainings import compute_aggregate_variance
from vaelab import plots
from vaelab.runs.store import Numbers

ALPHAS: dict[str, Any] = {"primed": [0.1, 0.5, 0.9], "dual": [0.2, 0.3, 0.5, 0.9]}


def variants_of(n: Numbers) -> list[tuple[str, float, np.ndarray]]:
    """Return every variant and alpha with active latents, and their rows."""
    names, alphas = n["variant"], np.nan_to_num(n["alpha"], nan=-1)
    pairs = dict.fromkeys(zip(names.tolist(), alphas.tolist(), strict=True))
    masks = [(name, alpha, (names == name) & (alphas == alpha) & n["active"]) for name, alpha in pairs]
    return [(name, np.nan if alpha == -1 else alpha, where) for name, alpha, where in masks if where.any()]


def alt(n: Numbers) -> str:
    parts = [
        f"{variants.label(v, a)}: {n['measured'][w].mean():.2f} measured, {n['predicted'][w].mean():.2f} predicted "
        f"from the SNR, {n['predicted_own'][w].mean():.2f} from the posteriors"
        for v, a, w in variants_of(n)
    ]
    return f"Total variance of each active latent, measured against predicted; means over latents. {'; '.join(parts)}."


@figure(
    "gjs-variance-law",
    compute_aggregate_variance,
    {"alpha seed ratio measured predicted predicted_own active": "variant"},
    alt,
    seeds="{} seeds: a mark per latent and seed",
    quick={**ALPHAS, "seeds": 3, **variants.MNIST},
    full={**ALPHAS, "seeds": 3, **published.MNIST},
    title="Which variance of the aggregate posterior each divergence leads to: predicted against measured, per latent",
)
def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.9)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    _plane(left, n, "predicted")
    _plane(right, n, "predicted_own")
    left.set(title="from the SNR alone", ylabel="V measured, test images", xlabel="V predicted")
    right.set(title="from the latent's own posteriors", xlabel="V predicted")
    right.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def _plane(axes: Axes, n: Numbers, prediction: str) -> None:
    """Draw one mark per latent, darker for larger alpha."""
    ends = [0.6 * n["measured"].min(), 1.6 * max(n["measured"].max(), n["predicted"].max())]  # of the diagonal
    axes.plot(ends, ends, color="black", linewidth=0.6, linestyle="--", zorder=0)
    for variant, alpha, where in variants_of(n):
        shade = 1.0 if np.isnan(alpha) else 0.25 + 0.75 * alpha
        color = plots.color_steps("#ffffff", COLORS[variant], 101)[round(100 * shade)]
        marker = {"primed": "o", "primed dual": "^"}.get(variant, "s")
        style: dict[str, Any] = {"color": color, "markeredgewidth": 0.3, "markeredgecolor": "black", "markersize": 3}
        name = variants.label(variant, alpha)
        axes.plot(n[prediction][where], n["measured"][where], marker, label=name, **style)
    axes.set(xscale="log", yscale="log", aspect="equal")
