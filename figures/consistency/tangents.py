"""cr-tangent: what a small rotation costs: R/delta² tends to a quadratic form in the encoder's derivative.

    R/δ² -> ½ Σ (dm/dδ)²/σ² + ¼ Σ (d ln σ²/dδ)²,   δ in radians

Consistency is tangent propagation in the metric of the posteriors (sheet, identity 6).
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.consistency import PAPER, arms
from figures.consistency.measures import DELTAS
from figures.consistency.protocol import in_words
from figures.figure import Figure, Row
from vaelab import plots
from vaelab.run_store import Numbers, Result

LAMBDAS = [0.0, 0.1, 1.0, 5.0]


def compute(device: str, *, lambdas: list[float], seeds: int, **setting: Any) -> Result:
    """tangent [k, seeds, deltas] and tangent_limit [k, seeds], medians over test images: the VAE, then the lambdas;
    data, in words."""
    chosen = [arms.vae(), *map(arms.cr, lambdas)]
    results, data = arms.trained(chosen, device, seeds, **setting), np.array(in_words(seeds, **setting))
    return arms.gathered(chosen, results, ("tangent", "tangent_limit"), data=data)


def rows(n: Numbers) -> list[Row]:
    return [
        {
            "arm": str(arm),
            "seed": seed,
            "delta_degrees": float(delta),
            "gap_over_delta_squared": float(n["tangent"][k, seed, i]),
            "limit": float(n["tangent_limit"][k, seed]),
        }
        for k, arm in enumerate(n["arm"])
        for seed in range(n["tangent"].shape[1])
        for i, delta in enumerate(DELTAS)
    ]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(5.4, 3.2)
    ax = figure.subplots()
    shades = [plots.Q, *plots.between("#b6d7a8", "#1d5c2e", len(n["arm"]) - 1)]
    for arm, values, limit, colour in zip(n["arm"], n["tangent"], n["tangent_limit"], shades, strict=True):
        plots.spread(ax, DELTAS, values.T, colour, marker="o", markersize=3, label=str(arm))
        ax.plot(DELTAS[0] * 0.5, limit.mean(), marker="<", color=colour, markersize=6, clip_on=False)
    ax.set(
        xscale="log",
        yscale="log",
        xlim=(DELTAS[0] * 0.5, DELTAS[-1] * 1.2),
        xlabel="rotation δ (degrees)",
        ylabel="R / δ²  (nats per radian²)",
        title="the cost of a rotation; triangles: the limit from the derivative",
        xticks=DELTAS,
        xticklabels=[f"{d:g}" for d in DELTAS],
    )
    ax.minorticks_off()
    low, high = ax.get_ylim()
    ticks = [t for t in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if low < t < high]
    ax.set_yticks(ticks, [f"{t}" for t in ticks])
    figure.suptitle(str(n["data"]))
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def alt(n: Numbers) -> str:
    told = "; ".join(
        f"{arm}: {v.mean(0)[0]:.1f} at 0.3 degrees, {v.mean(0)[-1]:.1f} at 30, limit {limit.mean():.1f}"
        for arm, v, limit in zip(n["arm"], n["tangent"], n["tangent_limit"], strict=True)
    )
    return f"R over delta squared against the angle of a rotation, settling for small angles ({n['data']}). {told}."


FIGURE = Figure(
    id="cr-tangent",
    paper=PAPER,
    shows="The gap of small rotations over the squared angle, and its limit from the encoder's derivative",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={
        "quick": {"lambdas": LAMBDAS, "seeds": 3, **arms.QUICK},
        "paper": {"lambdas": LAMBDAS, "seeds": 3, **arms.MINI},
    },
)
