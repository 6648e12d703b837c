"""gam-error: the squared error of the training batches, by who sets gamma."""

from matplotlib.figure import Figure as Drawing

from vaelab import plots
from vaelab.figures.balancing import PAPER, looks, paths
from vaelab.figures.figure import Figure
from vaelab.run_store import Numbers


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.0)
    axes = figure.subplots()
    paths.curves(axes, n, n["mse"])
    axes.set(yscale="log", ylabel="squared error per pixel, z drawn", title="The error follows gamma")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


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
    presets={
        "quick": {"seeds": 3, "variances": [0.1], **looks.MNIST},
        "paper": {"seeds": 3, "variances": [0.1], **looks.FULL_MNIST},
    },
)
