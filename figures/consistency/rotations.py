"""cr-rotation-limit: views by rotations of up to 15 to 180 degrees, which change sixes into nines.

cr-tangent: for small rotations R/delta² tends to a quadratic form in the encoder's derivative.

    R/δ² -> ½ Σ (dm/dδ)²/σ² + ¼ Σ (d ln σ²/dδ)²,   δ in radians

Consistency is tangent propagation in the metric of the posteriors.
"""

from matplotlib.figure import Figure as Drawing

from figures.alt import itemize
from figures.consistency import describe_images, figure, methods
from figures.consistency.measures import DELTAS
from figures.consistency.trainings import ROTATION_MEASURES, compute_rotation_limit, compute_tangents
from vaelab import plots
from vaelab.runs.store import Numbers

LAMBDAS = [0.0, 0.1, 1.0, 5.0]


def alt_rotation_limit(n: Numbers) -> str:
    (plain_probe, probe), (plain_pair, pair) = (n[name].mean(2) for name in ("probe", "six_nine"))
    ends = itemize(
        "up to {:g} degrees: probe {:.3f} (without {:.3f}), 6 against 9 {:.3f} ({:.3f})",
        *(n["angle"], probe, plain_probe, pair, plain_pair),
    )
    return (
        f"Linear probes and NLL against the largest rotation of the views, with consistency and without "
        f"({n['arm'][1]}; {describe_images(n)}). {ends}."
    )


@figure(
    "cr-rotation-limit",
    compute_rotation_limit,
    {" ".join(ROTATION_MEASURES): "arm angle seed"},
    alt_rotation_limit,
    title="Linear probes, over ten digits and of 6 against 9, as the views turn further "
    f"(quick: {methods.SMALL['limit']:,} images of {methods.SMALL['side']} × {methods.SMALL['side']} pixels)",
    quick={"angles": [15.0, 90.0, 180.0], "consistency": 5.0, "seeds": 2, **methods.SMALL},
    full={"angles": [15.0, 45.0, 90.0, 135.0, 180.0], "consistency": 5.0, "seeds": 3, **methods.MINI},
)
def draw_rotation_limit(n: Numbers) -> Drawing:
    drawing = plots.new_figure(7.0, 3.0)
    panels = drawing.subplots(1, 3)
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
    drawing.suptitle(describe_images(n))
    return drawing


def alt_tangents(n: Numbers) -> str:
    columns = n["tangent"][..., 0].mean(1), n["tangent"][..., -1].mean(1), n["tangent_limit"].mean(1)
    ends = itemize("{}: {:.1f} at 0.3 degrees, {:.1f} at 30, limit {:.1f}", n["arm"], *columns)
    return (
        f"R over delta squared, median over images, against the angle of a rotation, and its limit for small angles "
        f"({describe_images(n)}). {ends}."
    )


@figure(
    "cr-tangent",
    compute_tangents,
    {"tangent": "arm seed delta", "tangent_limit": "arm seed", "delta": DELTAS.tolist()},
    alt_tangents,
    quick={"lambdas": LAMBDAS, "seeds": 3, **methods.QUICK},
    full={"lambdas": LAMBDAS, "seeds": 3, **methods.MINI},
)
def draw_tangents(n: Numbers) -> Drawing:
    """The gap of small rotations over the squared angle, and its limit from the encoder's
    derivative."""
    drawing = plots.new_figure(5.4, 3.2)
    ax = drawing.subplots()
    shades = [plots.Q, *plots.color_steps("#b6d7a8", "#1d5c2e", len(n["arm"]) - 1)]
    for arm, values, limit, color in zip(n["arm"], n["tangent"], n["tangent_limit"], shades, strict=True):
        plots.seed_band(ax, DELTAS, values.T, color, marker="o", markersize=3, label=str(arm))
        ax.plot(DELTAS[0] * 0.5, limit.mean(), marker="<", color=color, markersize=6, clip_on=False)
    ax.set(xscale="log", yscale="log", xlim=(DELTAS[0] * 0.5, DELTAS[-1] * 1.2))
    ax.set(xlabel="rotation δ (degrees)", ylabel="R / δ²  (nats per radian²)")
    ax.set_title("the cost of a rotation; triangles: the limit from the derivative")
    ax.set_xticks(DELTAS, [f"{d:g}" for d in DELTAS])
    ax.minorticks_off()
    low, high = ax.get_ylim()
    ticks = [t for t in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if low < t < high]
    ax.set_yticks(ticks, [f"{t}" for t in ticks])
    drawing.suptitle(describe_images(n))
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return drawing
