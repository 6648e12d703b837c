"""cr-triplet: consistency beside a contrastive loss on the same views: what each pays in NLL for a better probe."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing
from matplotlib.patheffects import withStroke

from figures.alt import itemize
from figures.consistency import figure, methods
from figures.consistency.measures import SCALARS
from figures.consistency.trainings import compute_triplets
from vaelab import plots
from vaelab.runs.store import Numbers


def family(n: Numbers, triplet: bool) -> np.ndarray:
    """Return the indices of the triplet loss, or of consistency and augmentation alone; in order of strength."""
    is_triplet = np.array([str(arm).startswith(methods.TRIPLET) for arm in n["arm"]])
    rows = np.flatnonzero(is_triplet == triplet)
    return rows if triplet else rows[1:]


LAMBDAS, WEIGHTS = [0.0, 0.1, 1.0, 5.0], [1.0, 10.0]


def alt(n: Numbers) -> str:
    means = (n[name].mean(1) for name in ("nll", "probe", "rho"))
    ends = itemize("{}: NLL {:.1f}, probe {:.3f}, rho {:.2f}", n["arm"], *means)
    return f"Linear probe and rho against NLL, for consistency and a triplet loss on equal views ({n['data']}). {ends}."


@figure(
    "cr-triplet",
    compute_triplets,
    {" ".join(SCALARS): "arm seed"},
    alt,
    title="Consistency and a triplet loss on the same views: linear probe and rho against NLL",
    quick={"lambdas": LAMBDAS, "weights": WEIGHTS, "seeds": 3, **methods.QUICK},
    full={"lambdas": LAMBDAS, "weights": WEIGHTS, "seeds": 3, **methods.MINI},
)
def draw(n: Numbers) -> Drawing:
    drawing = plots.new_figure(7.0, 3.0)
    panels = drawing.subplots(1, 2)
    titles = ("linear probe, all labels", "ρ: how far means move (0: not at all)")
    for ax, name, title in zip(panels, ("probe", "rho"), titles, strict=True):
        for triplet, color, label in ((False, plots.MEAN, "consistency, λ"), (True, plots.P, "triplet loss, weight")):
            rows = family(n, triplet)
            start = rows if not triplet else np.concatenate([family(n, False)[:1], rows])
            ax.plot(n["nll"][start].mean(1), n[name][start].mean(1), color=color, linewidth=0.8)
            for i in rows:
                ax.plot(n["nll"][i], n[name][i], "o", color=color, markersize=3, alpha=0.5, markeredgewidth=0)
                place = (n["nll"][i].mean(), n[name][i].mean())
                ax.plot(*place, "o", color=color, markersize=5, label=label if i == rows[-1] else None)
                look: Any = {"color": color, "path_effects": [withStroke(linewidth=2, foreground="white")]}
                ax.annotate(f"{n['strength'][i]:g}", place, (5, 5), textcoords="offset points", zorder=4, **look)
        ax.plot(n["nll"][0], n[name][0], "s", color=plots.Q, markersize=3, alpha=0.5, markeredgewidth=0)
        ax.plot(n["nll"][0].mean(), n[name][0].mean(), "s", color=plots.Q, markersize=5, label="VAE, no views")
        ax.set(title=title, xlabel="NLL (nats)")
        ax.margins(0.12)
        ax.locator_params(axis="x", nbins=5, integer=True)
    panels[0].legend()
    drawing.suptitle(str(n["data"]))
    return drawing
