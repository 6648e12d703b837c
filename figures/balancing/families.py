"""gam-families: error against rate for all that sets the balance: near one curve, and many ways to pick its point."""

from typing import Any

from matplotlib.figure import Figure as Drawing

from figures.balancing import PAPER, ends, looks
from figures.balancing.methods import Method
from figures.figure import Figure
from vaelab import plots
from vaelab.run_store import Numbers, Result


def methods(kappa_squared: float, target: float, steps: int) -> list[Method]:
    """The families, set by their own numbers."""
    half, quarter = float(steps // 2), float(steps // 4)
    annealed = [Method("linear annealing", half), Method("cyclical annealing", quarter), Method("free bits", 1.0)]
    others = [Method("GECO", kappa_squared), Method("ControlVAE", target), *annealed]
    return [looks.B, looks.OPTIMAL, looks.PER_IMAGE, Method("rule B", None, 4.0), *others]


def compute(device: str, *, kappa_squared: float, target: float, **settings: Any) -> Result:
    """As `ends.compute`, for `methods`."""
    return ends.compute(device, methods=methods(kappa_squared, target, settings["steps"]), **settings)


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.4)
    axes = figure.subplots()
    fixed = n["fixed"]
    rate, error = n["rate"][fixed].mean(1), n["error_sampled"][fixed].mean(1)
    axes.plot(rate, error, "o-", color=looks.look("fixed")[0], label="fixed gamma²")
    for x, y, label in zip(rate, error, n["label"][fixed], strict=True):
        place: Any = {"textcoords": "offset points", "fontsize": 6.5, "color": looks.look("fixed")[0]}
        axes.annotate(str(label).removeprefix("fixed "), (x, y), (3, 5), **place)
    ends.points(axes, n, n["rate"], n["error_sampled"])
    axes.set(
        yscale="log",
        xlabel="rate KL(q‖p), nats per image",
        ylabel="squared error per pixel, z drawn",
        title="Near one curve, or a little below it where gamma falls on the way",
    )
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def alt(n: Numbers) -> str:
    told = "; ".join(
        f"{label} {r.mean():.1f} nats, {e.mean():.4f}"
        for label, r, e in zip(n["label"], n["rate"], n["error_sampled"], strict=True)
    )
    return f"Squared error per pixel against KL(q‖p) on test images, mean over seeds: {told}."


FIGURE = Figure(
    id="gam-families",
    paper=PAPER,
    shows="Error against rate for every way of setting the balance: near one curve, or a little below it where gamma "
    "falls on the way",
    compute=compute,
    rows=ends.rows,
    draw=draw,
    alt=alt,
    presets={
        "quick": {"kappa_squared": 0.015, "target": 50.0, "seeds": 3, "variances": looks.VARIANCES, **looks.MNIST},
        "paper": {"kappa_squared": 0.01, "target": 60.0, "seeds": 3, "variances": looks.VARIANCES, **looks.FULL_MNIST},
    },
)
