"""gam-gamma: gamma² at every step, by who sets it."""

from matplotlib.figure import Figure as Drawing

from figures.balancing import PAPER, paths
from figures.figure import Figure
from vaelab.run_store import Numbers


def draw(n: Numbers) -> Drawing:
    return paths.drawing(
        n,
        n["variance"],
        yscale="log",
        ylabel="gamma² (variance per pixel)",
        title="Who sets gamma, and how soon it gets there",
    )


def alt(n: Numbers) -> str:
    return f"gamma squared against the step, both logarithmic. At the last step: {paths.last(n, n['variance'])}."


FIGURE = Figure(
    id="gam-gamma",
    paper=PAPER,
    shows="gamma² over the training: fixed, learned, computed by either rule, the optimum of the batch",
    compute=paths.compute,
    rows=paths.rows,
    draw=draw,
    alt=alt,
    presets=paths.PRESETS,
)
