"""gam-variance-loss: what reconstructions lose of the variance of the data is their squared error."""

import numpy as np
from matplotlib.figure import Figure as Drawing

from vaelab import plots
from vaelab.figures.balancing import PAPER, ends, looks
from vaelab.figures.figure import Figure, Row
from vaelab.run_store import Numbers


def lost(n: Numbers) -> np.ndarray:
    """Var(x) - Var(x̂), the mean over pixels: [k, seeds]."""
    gap: np.ndarray = n["data_variance"] - n["rebuilt_variance"]
    return gap


def rows(n: Numbers) -> list[Row]:
    return [
        {
            "method": str(label),
            "seed": seed,
            "error": float(n["error"][i, seed]),
            "variance_lost": float(lost(n)[i, seed]),
            "twice_covariance": float(2 * n["covariance"][i, seed]),
        }
        for i, label in enumerate(n["label"])
        for seed in range(n["error"].shape[1])
    ]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.2)
    axes = figure.subplots()
    fixed = n["fixed"]
    axes.plot(n["error"][fixed].ravel(), lost(n)[fixed].ravel(), "o", color=looks.look("fixed")[0], label="fixed gamma")
    ends.points(axes, n, n["error"], lost(n))
    span = np.array([0, 1.1 * n["error"].max()])
    axes.plot(span, span, ":", color="black", linewidth=0.8, label="lost = error")
    axes.set(
        xlabel="squared error per pixel at the mean of z",
        ylabel="Var(x) − Var(x̂), per pixel",
        title="Blur is lost variance",
        xlim=span,
        ylim=(0, 1.1 * max(float(lost(n).max()), float(n["error"].max()))),
    )
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def alt(n: Numbers) -> str:
    share = lost(n) / n["error"]
    return (
        "The variance that reconstructions lose against their squared error, a point per training, with the diagonal. "
        f"Lost over error lies between {share.min():.2f} and {share.max():.2f}; it is 1 where residuals are "
        "uncorrelated with the reconstruction."
    )


FIGURE = Figure(
    id="gam-variance-loss",
    paper=PAPER,
    shows="The variance that reconstructions lose against the squared error: nearly equal, whoever sets gamma",
    compute=ends.compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={
        "quick": {"seeds": 3, "variances": looks.VARIANCES, **looks.MNIST},
        "paper": {"seeds": 3, "variances": looks.VARIANCES, **looks.FULL_MNIST},
    },
)
