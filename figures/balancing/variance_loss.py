"""gam-variance-loss: what reconstructions lose of the variance of the data is their squared error, if z is drawn."""

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.balancing import PAPER, methods
from figures.balancing.measures import compute_variance_loss
from figures.figure import Figure, Row
from vaelab import plots
from vaelab.runs.store import Numbers

WHERE = ("z drawn", "z at its mean")


def rows(n: Numbers) -> list[Row]:
    return [
        {
            "gamma_squared": float(variance),
            "seed": seed,
            "z": where,
            "variance_lost": float(n["lost"][i, seed, j]),
            "error": float(n["error"][i, seed, j]),
            "twice_covariance": 2 * float(n["covariance"][i, seed, j]),
            "bias_squared": float(n["bias"][i, seed, j]),
        }
        for i, variance in enumerate(n["variance"])
        for seed in range(n["lost"].shape[1])
        for j, where in enumerate(WHERE)
    ]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(4.6, 3.2)
    axes = figure.subplots()
    looks_of = (("o", plots.Q), ("D", plots.JS))
    for j, (where, (mark, color)) in enumerate(zip(WHERE, looks_of, strict=True)):
        error, lost = n["error"][..., j].mean(1), n["lost"][..., j].mean(1)
        axes.plot(error, lost, mark, color=color, label=where)
    for variance, error, lost in zip(n["variance"], n["error"][..., 1].mean(1), n["lost"][..., 1].mean(1), strict=True):
        if variance > 0.03:
            axes.annotate(
                f"γ² = {variance:g}", (error, lost), (-6, -2), textcoords="offset points", ha="right", fontsize=6.5
            )
    span = np.array([0.7 * n["error"].min(), 1.08 * n["error"].max()])
    axes.plot(span, span, ":", color="black", linewidth=0.8, label="lost = error")
    axes.set(
        xlabel="squared error per pixel",
        ylabel="variance lost, Var(x) − Var(x̂)",
        title="Blur is lost variance",
        xlim=span,
        ylim=(span[0], 1.08 * max(float(n["lost"].max()), float(n["error"].max()))),
    )
    axes.legend(loc="lower right")
    return figure


def alt(n: Numbers) -> str:
    told = []
    for j, where in enumerate(WHERE):
        share = n["lost"][..., j] / n["error"][..., j]
        told.append(f"with {where}, lost over error lies between {share.min():.2f} and {share.max():.2f}")
    return (
        "The variance that reconstructions of test images lose against their squared error, for VAEs of fixed gammas "
        f"squared from {n['variance'].min():g} to {n['variance'].max():g}, with the diagonal: {'; '.join(told)}."
    )


FIGURE = Figure(
    id="gam-variance-loss",
    paper=PAPER,
    title="The variance that reconstructions lose is their squared error where z is drawn, and more at the mean of z",
    compute=compute_variance_loss,
    table=rows,
    draw=draw,
    alt=alt,
    presets={
        "quick": {"seeds": 2, "variances": methods.VARIANCES, **methods.MNIST},
        "paper": {"seeds": 3, "variances": methods.VARIANCES, **methods.FULL_MNIST},
    },
)
