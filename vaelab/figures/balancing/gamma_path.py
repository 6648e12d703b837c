"""gam-gamma: gamma² at every step, by who sets it."""

from matplotlib.figure import Figure as Drawing

from vaelab import plots
from vaelab.figures.balancing import PAPER, looks, paths
from vaelab.figures.figure import Figure
from vaelab.run_store import Numbers


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.0)
    axes = figure.subplots()
    paths.curves(axes, n, n["variance"])
    axes.set(yscale="log", ylabel="gamma² (variance per pixel)", title="Who sets gamma, and how soon it gets there")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


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
    presets={
        "quick": {"seeds": 3, "variances": [0.1], **looks.MNIST},
        "paper": {"seeds": 3, "variances": [0.1], **looks.FULL_MNIST},
    },
)
