"""cr-triplet: consistency beside a contrastive loss on the same views: what each pays in NLL for a better probe."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing
from matplotlib.patheffects import withStroke

from figures.consistency import PAPER, methods
from figures.consistency.measures import SCALARS
from figures.consistency.trainings import compute_triplets
from figures.figure import Figure, Row
from vaelab import plots
from vaelab.runs.store import Numbers


def rows(n: Numbers) -> list[Row]:
    return [
        {"arm": str(arm), "seed": seed, **{name: float(n[name][k, seed]) for name in SCALARS}}
        for k, arm in enumerate(n["arm"])
        for seed in range(n["nll"].shape[1])
    ]


def family(n: Numbers, triplet: bool) -> np.ndarray:
    """The rows of the triplet loss, or those of consistency with augmentation alone; in order of strength."""
    names = np.array([str(arm).startswith(methods.TRIPLET) for arm in n["arm"]])
    chosen = np.flatnonzero(names == triplet)
    return chosen if triplet else chosen[1:]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.0)
    panels = figure.subplots(1, 2)
    titles = ("linear probe, all labels", "ρ: how far means move (0: not at all)")
    for ax, name, title in zip(panels, ("probe", "rho"), titles, strict=True):
        for triplet, color, label in ((False, plots.MEAN, "consistency, λ"), (True, plots.P, "triplet loss, weight")):
            chosen = family(n, triplet)
            start = chosen if not triplet else np.concatenate([family(n, False)[:1], chosen])
            ax.plot(n["nll"][start].mean(1), n[name][start].mean(1), color=color, linewidth=0.8)
            for i in chosen:
                ax.plot(n["nll"][i], n[name][i], "o", color=color, markersize=3, alpha=0.5, markeredgewidth=0)
                place = (n["nll"][i].mean(), n[name][i].mean())
                ax.plot(*place, "o", color=color, markersize=5, label=label if i == chosen[-1] else None)
                look: Any = {"color": color, "path_effects": [withStroke(linewidth=2, foreground="white")]}
                ax.annotate(f"{n['strength'][i]:g}", place, (5, 5), textcoords="offset points", zorder=4, **look)
        ax.plot(n["nll"][0], n[name][0], "s", color=plots.Q, markersize=3, alpha=0.5, markeredgewidth=0)
        ax.plot(n["nll"][0].mean(), n[name][0].mean(), "s", color=plots.Q, markersize=5, label="VAE, no views")
        ax.set(title=title, xlabel="NLL (nats)")
        ax.margins(0.12)
        ax.locator_params(axis="x", nbins=5, integer=True)
    panels[0].legend()
    figure.suptitle(str(n["data"]))
    return figure


def alt(n: Numbers) -> str:
    told = "; ".join(
        f"{arm}: NLL {n['nll'][k].mean():.1f}, probe {n['probe'][k].mean():.3f}, rho {n['rho'][k].mean():.2f}"
        for k, arm in enumerate(n["arm"])
    )
    return f"Linear probe and rho against NLL, for consistency and a triplet loss on equal views ({n['data']}). {told}."


LAMBDAS, WEIGHTS = [0.0, 0.1, 1.0, 5.0], [1.0, 10.0]
FIGURE = Figure(
    id="cr-triplet",
    paper=PAPER,
    title="Consistency and a triplet loss on the same views: linear probe and rho against NLL",
    compute=compute_triplets,
    table=rows,
    draw=draw,
    alt=alt,
    presets={
        "quick": {"lambdas": LAMBDAS, "weights": WEIGHTS, "seeds": 3, **methods.QUICK},
        "paper": {"lambdas": LAMBDAS, "weights": WEIGHTS, "seeds": 3, **methods.MINI},
    },
)
