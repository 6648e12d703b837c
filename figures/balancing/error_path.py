"""gam-error: the squared error of the training batches, by who sets gamma."""

from matplotlib.figure import Figure as Drawing

from figures.balancing import PAPER, paths
from figures.figure import Figure
from vaelab.run_store import Numbers


def draw(n: Numbers) -> Drawing:
    return paths.drawing(
        n, n["mse"], yscale="log", ylabel="squared error per pixel, z drawn", title="The error follows gamma"
    )


def alt(n: Numbers) -> str:
    return f"Squared error per pixel of the training batches against the step. At the last: {paths.last(n, n['mse'])}."


FIGURE = Figure(
    id="gam-error",
    paper=PAPER,
    shows="The squared error over the training, by who sets gamma: a learned gamma lags until it arrives",
    compute=paths.compute,
    rows=paths.rows,
    draw=draw,
    alt=alt,
    presets=paths.PRESETS,
)
