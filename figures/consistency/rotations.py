"""cr-rotation-limit: when does a transformation keep the meaning of a digit?  Rotations by up to 15, ... 180 degrees.

A six turned by 180 degrees is a nine: consistency with such views asks the encoder to forget what the class is.

cr-tangent: what a small rotation costs: R/delta² tends to a quadratic form in the encoder's derivative.

    R/δ² -> ½ Σ (dm/dδ)²/σ² + ¼ Σ (d ln σ²/dδ)²,   δ in radians

Consistency is tangent propagation in the metric of the posteriors.
"""

from matplotlib.figure import Figure as Drawing

from figures.consistency import PAPER, methods
from figures.consistency.measures import DELTAS
from figures.consistency.trainings import ROTATION_MEASURES, compute_rotation_limit, compute_tangents
from figures.figure import Figure, Row
from vaelab import plots
from vaelab.runs.store import Numbers


def rows_rotation_limit(n: Numbers) -> list[Row]:
    return [
        {
            "arm": str(arm),
            "largest_rotation_degrees": float(angle),
            "seed": seed,
            **{name: float(n[name][k, i, seed]) for name in ROTATION_MEASURES},
        }
        for k, arm in enumerate(n["arm"])
        for i, angle in enumerate(n["angle"])
        for seed in range(n["nll"].shape[2])
    ]


def draw_rotation_limit(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.0)
    panels = figure.subplots(1, 3)
    styles = {"linestyle": "--", "marker": "o", "markersize": 3}, {"marker": "o", "markersize": 3}
    for k, (arm, look) in enumerate(zip(n["arm"], styles, strict=True)):
        color = (plots.MEAN, plots.JS)[k]
        for ax, name in zip(panels, ("probe", "six_nine", "nll"), strict=True):
            plots.seed_band(ax, n["angle"], n[name][k], color, label=str(arm), **look)
    panels[0].set(title="probe, ten digits", ylabel="share right, upright test images")
    panels[1].set(title="probe, 6 against 9")
    panels[2].set(title="NLL (nats), upright")
    for ax in panels:
        ax.set(xlabel="rotations of views up to (°)", xticks=n["angle"])
    panels[2].legend()
    figure.suptitle(str(n["data"]))
    return figure


def alt_rotation_limit(n: Numbers) -> str:
    told = "; ".join(
        f"up to {angle:g} degrees: probe {n['probe'][1, i].mean():.3f} (without {n['probe'][0, i].mean():.3f}), "
        f"6 against 9 {n['six_nine'][1, i].mean():.3f} ({n['six_nine'][0, i].mean():.3f})"
        for i, angle in enumerate(n["angle"])
    )
    return (
        f"Linear probes and NLL against the largest rotation of the views, with consistency and without "
        f"({n['arm'][1]}; {n['data']}). {told}."
    )


ANGLES = [15.0, 45.0, 90.0, 135.0, 180.0]
ROTATION_LIMIT = Figure(
    id="cr-rotation-limit",
    paper=PAPER,
    title="Linear probes, over ten digits and of 6 against 9, as the views turn further "
    f"(quick: {methods.SMALL['limit']:,} images of {methods.SMALL['side']} × {methods.SMALL['side']} pixels)",
    compute=compute_rotation_limit,
    table=rows_rotation_limit,
    draw=draw_rotation_limit,
    alt=alt_rotation_limit,
    presets={
        "quick": {"angles": [15.0, 90.0, 180.0], "consistency": 5.0, "seeds": 2, **methods.SMALL},
        "paper": {"angles": ANGLES, "consistency": 5.0, "seeds": 3, **methods.MINI},
    },
)
LAMBDAS = [0.0, 0.1, 1.0, 5.0]


def rows_tangents(n: Numbers) -> list[Row]:
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


def draw_tangents(n: Numbers) -> Drawing:
    figure = plots.new_figure(5.4, 3.2)
    ax = figure.subplots()
    shades = [plots.Q, *plots.color_steps("#b6d7a8", "#1d5c2e", len(n["arm"]) - 1)]
    for arm, values, limit, color in zip(n["arm"], n["tangent"], n["tangent_limit"], shades, strict=True):
        plots.seed_band(ax, DELTAS, values.T, color, marker="o", markersize=3, label=str(arm))
        ax.plot(DELTAS[0] * 0.5, limit.mean(), marker="<", color=color, markersize=6, clip_on=False)
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


def alt_tangents(n: Numbers) -> str:
    told = "; ".join(
        f"{arm}: {v.mean(0)[0]:.1f} at 0.3 degrees, {v.mean(0)[-1]:.1f} at 30, limit {limit.mean():.1f}"
        for arm, v, limit in zip(n["arm"], n["tangent"], n["tangent_limit"], strict=True)
    )
    return f"R over delta squared against the angle of a rotation, settling for small angles ({n['data']}). {told}."


TANGENTS = Figure(
    id="cr-tangent",
    paper=PAPER,
    title="The gap of small rotations over the squared angle, and its limit from the encoder's derivative",
    compute=compute_tangents,
    table=rows_tangents,
    draw=draw_tangents,
    alt=alt_tangents,
    presets={
        "quick": {"lambdas": LAMBDAS, "seeds": 3, **methods.QUICK},
        "paper": {"lambdas": LAMBDAS, "seeds": 3, **methods.MINI},
    },
)
