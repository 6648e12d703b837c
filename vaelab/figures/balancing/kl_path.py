"""gam-kl: the divergence of the training batches, by who sets gamma: its weight falls, its value rises."""

from matplotlib.figure import Figure as Drawing

from vaelab.figures.balancing import PAPER, paths
from vaelab.figures.figure import Figure
from vaelab.run_store import Numbers


def draw(n: Numbers) -> Drawing:
    return paths.drawing(
        n,
        n["divergence"],
        ylabel="KL(q‖p), nats per image",
        ylim=(0, None),
        title="The weight of the KL falls, its value rises",
    )


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
    presets=paths.PRESETS,
)
