"""gam-variance-loss: what reconstructions lose of the variance of the data is their squared error, if z is drawn."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure as Drawing

from figures.balancing import PAPER, looks
from figures.figure import Figure, Row
from vaelab import plots, recipes
from vaelab.batches import device_name
from vaelab.datasets import load
from vaelab.encoding import encode
from vaelab.ensemble import fit_many
from vaelab.pixels import data_variance, unit
from vaelab.run_store import Numbers, Result, cached, recipe
from vaelab.runs import ONE_AT_A_TIME
from vaelab.settings import Train

WHERE = ("z drawn", "z at its mean")


@recipe("variance-loss-at-fixed-gamma", version=1)
def measured(
    *,
    variances: Sequence[float],
    seeds: int,
    data: str,
    network: str,
    hidden: Sequence[int],
    latent: int,
    steps: int,
    batch_size: int,
    lr: float,
    device: str,
) -> Numbers:
    """VAEs of fixed gammas, trained together, on test images x: variance [k]; and [k, seeds, 2], with z drawn and at
    its mean, lost, error, covariance and bias.

    lost: Var(x) - Var(x̂), the mean over pixels; error: squared, per pixel; covariance: of x̂ and x - x̂; bias: the mean
    over pixels of the squared mean of x - x̂.  lost = error - bias + 2 covariance.
    """
    images, test = (load(data, split, progress=False).images for split in ("train", "test"))
    x = unit(test)

    def make(variance: float, seed: int) -> Any:
        own: Any = {"network": network, "hidden": tuple(hidden)}
        return recipes.vae(tuple(images.shape[1:]), latent, gamma=variance**0.5, **own)

    settings = [{"variance": v, "seed": s} for v in variances for s in range(seeds)]
    config = Train(steps=steps, batch_size=batch_size, lr=lr, device=device, progress=False)
    found = []
    with ONE_AT_A_TIME:
        for experiment in fit_many(make, settings, images, config).experiments:
            q = encode(experiment, test)
            place = next(experiment.parameters()).device
            found.append([_parts(x, experiment.decode(z.to(place)).cpu()) for z in (q.sample(), q.mean)])
    columns = np.moveaxis(np.array(found).reshape(len(variances), seeds, 2, 4), -1, 0)
    names = ("lost", "error", "covariance", "bias")
    return {"variance": np.array(variances), **dict(zip(names, columns, strict=True))}


def _parts(x: torch.Tensor, rebuilt: torch.Tensor) -> list[float]:
    residual = x - rebuilt
    covariance = ((rebuilt - rebuilt.mean(0)) * (residual - residual.mean(0))).mean()
    lost, bias = data_variance(x) - data_variance(rebuilt), residual.mean(0).square().mean()
    return [float(lost), float(residual.square().mean()), float(covariance), float(bias)]


def compute(device: str, **settings: Any) -> Result:
    device = device_name(device)
    sums = [load(settings["data"], split, progress=False).sha256 for split in ("train", "test")]
    return cached(measured, {**settings, "device": device}, "+".join(sums))


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
    for j, (where, (mark, colour)) in enumerate(zip(WHERE, looks_of, strict=True)):
        error, lost = n["error"][..., j].mean(1), n["lost"][..., j].mean(1)
        axes.plot(error, lost, mark, color=colour, label=where)
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
    shows="The variance that reconstructions lose is their squared error where z is drawn, and more at the mean of z",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={
        "quick": {"seeds": 2, "variances": looks.VARIANCES, **looks.MNIST},
        "paper": {"seeds": 3, "variances": looks.VARIANCES, **looks.FULL_MNIST},
    },
)
