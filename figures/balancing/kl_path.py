"""gam-kl: the divergence of the training batches, by who sets gamma: its weight falls, its value rises.

Where gamma is small within the first steps, nats are cheap at once, and the divergence overshoots before it settles."""

from matplotlib.figure import Figure as Drawing

from figures.balancing import PAPER, paths
from figures.figure import Figure
from vaelab.run_store import Numbers

EARLY = 100  # steps


def draw(n: Numbers) -> Drawing:
    return paths.drawing(
        n,
        n["divergence"],
        ylabel="KL(q‖p), nats per image",
        ylim=(0, None),
        title="A small gamma overshoots at first; then the KL rises as its weight falls",
    )


def alt(n: Numbers) -> str:
    early = "; ".join(
        f"{label}: {v[:, n['step'] <= EARLY].mean(0).max():.2g}"
        for label, v in zip(n["label"], n["divergence"], strict=True)
    )
    return (
        f"KL(q‖p) in nats against the step. At the last: {paths.last(n, n['divergence'])}. Highest within the first "
        f"{EARLY} steps: {early}."
    )


FIGURE = Figure(
    id="gam-kl",
    paper=PAPER,
    shows="KL(q‖p) over the training: near nothing while gamma is 1, growing as gamma falls; where gamma is small "
    "at once it overshoots in the first steps",
    compute=paths.compute,
    rows=paths.rows,
    draw=draw,
    alt=alt,
    presets=paths.PRESETS,
)
