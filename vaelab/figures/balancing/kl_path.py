"""gam-kl: the divergence of the training batches, by who sets gamma: its weight falls, its value rises."""

from matplotlib.figure import Figure as Drawing

from vaelab import plots
from vaelab.figures.balancing import PAPER, looks, paths
from vaelab.figures.figure import Figure
from vaelab.run_store import Numbers


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.0)
    axes = figure.subplots()
    paths.curves(axes, n, n["divergence"])
    axes.set(ylabel="KL(q‖p), nats per image", ylim=(0, None), title="The weight of the KL falls, its value rises")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def alt(n: Numbers) -> str:
    lowest = "; ".join(
        f"{label}: {v[:, n['step'] > 1].mean(0).min():.2g}"
        for label, v in zip(n["label"], n["divergence"], strict=True)
    )
    return (
        f"KL(q‖p) in nats against the step. At the last: {paths.last(n, n['divergence'])}. Lowest on the way: {lowest}."
    )


FIGURE = Figure(
    id="gam-kl",
    paper=PAPER,
    shows="KL(q‖p) over the training: near nothing while gamma is 1, and growing as gamma falls",
    compute=paths.compute,
    rows=paths.rows,
    draw=draw,
    alt=alt,
    presets={
        "quick": {"seeds": 3, "variances": [0.1], **looks.MNIST},
        "paper": {"seeds": 3, "variances": [0.1], **looks.FULL_MNIST},
    },
)
