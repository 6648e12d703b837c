"""gam-law: the two parts of the variance law per latent; they add up to 1 after convergence.

gam-variance-loss: for the best decoder of sampled z, the variance that reconstructions lose is their
squared error.
"""

from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure as Drawing

from figures.alt import itemize
from figures.balancing import figure, methods
from figures.balancing.trainings import compute_law, compute_variance_loss
from vaelab import plots
from vaelab.metrics import active_units
from vaelab.runs.store import Numbers

VARIANCES = [0.3, 0.05, 0.003]


def total(n: Numbers) -> np.ndarray:
    """Return the variance of every latent: [k, seeds, latent]."""
    return np.asarray(n["of_means"] + n["of_noise"])


def count_active(n: Numbers) -> np.ndarray:
    """Count active latents by the threshold of Burda et al.: [k, seeds]."""
    return np.array([[active_units(torch.from_numpy(variances)) for variances in seeds] for seeds in n["of_means"]])


def alt_law(n: Numbers) -> str:
    sums = total(n)
    columns = count_active(n).mean(1), sums.mean((1, 2)), sums.min((1, 2)), sums.max((1, 2))
    laws = itemize("{}: {:.3g} active, sums average {:.3f}, from {:.2f} to {:.2f}", n["label"], *columns)
    return f"Stacked bars per latent, variance of the means plus mean of the variances; over all seeds: {laws}."


@figure(
    "gam-law",
    compute_law,
    {"of_means of_noise": "label seed latent", total: "label seed latent"},
    alt_law,
    seeds="bars: one seed of {}",
    quick={"seeds": 3, "variances": VARIANCES, **methods.DIGITS},
    full={"seeds": 3, "variances": VARIANCES, **methods.FULL_MNIST},
)
def draw_law(n: Numbers) -> Drawing:
    """The variance law, 1 per latent, at several gammas: after equal steps the sums are furthest
    from 1 where gamma is smallest."""
    drawing = plots.new_figure(7.0, 2.6)
    latents = np.arange(1, n["of_means"].shape[-1] + 1)
    panels = drawing.subplots(1, len(n["label"]), sharey=True)
    columns = n["label"], n["of_means"][:, 0], n["of_noise"][:, 0], count_active(n)[:, 0]
    for axes, label, means, noise, count in zip(panels, *columns, strict=True):
        axes.bar(latents, means, color=plots.Q, label="variance of the means")
        axes.bar(latents, noise, bottom=means, color=plots.JS, label="mean of the variances")
        axes.axhline(1, color="black", linewidth=0.8, linestyle="--", label="the law: 1")
        axes.set(title=f"{str(label).replace('computed, ', '')}\n{count} active", xlabel="latent")
    panels[0].set_ylabel("variance")
    drawing.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return drawing


LATENTS = ("z drawn", "z at its mean")


def alt_loss(n: Numbers) -> str:
    shares = n["lost"] / n["error"]
    ranges = [
        f"with {z}, lost over error lies between {shares[..., j].min():.2f} and {shares[..., j].max():.2f}"
        for j, z in enumerate(LATENTS)
    ]
    return (
        "The variance that reconstructions of test images lose against their squared error, for VAEs of fixed gammas "
        f"squared from {n['variance'].min():g} to {n['variance'].max():g}, with the diagonal. By gamma and seed, "
        f"{'; '.join(ranges)}."
    )


@figure(
    "gam-variance-loss",
    compute_variance_loss,
    {"lost error covariance bias": "variance seed z", "z": LATENTS},
    alt_loss,
    seeds="means over {} seeds",
    quick={"seeds": 2, "variances": methods.VARIANCES, **methods.MNIST},
    full=methods.FULL_SWEEP,
)
def draw_loss(n: Numbers) -> Drawing:
    """The variance that reconstructions lose is a little more than their squared error where z is
    drawn, and still more at the mean of z."""
    drawing = plots.new_figure(4.6, 3.2)
    axes = drawing.subplots()
    error, lost = n["error"].mean(1), n["lost"].mean(1)
    for j, (marker, color) in enumerate((("o", plots.Q), ("D", plots.JS))):
        axes.plot(error[:, j], lost[:, j], marker, color=color, label=LATENTS[j])
    for variance, x, y in zip(n["variance"], error[:, 1], lost[:, 1], strict=True):
        if variance > 0.03:
            text: Any = {"textcoords": "offset points", "ha": "right", "fontsize": 6.5}
            axes.annotate(f"γ² = {variance:g}", (x, y), (-6, -2), **text)
    span = np.array([0.7 * n["error"].min(), 1.08 * n["error"].max()])
    axes.plot(span, span, ":", color="black", linewidth=0.8, label="lost = error")
    axes.set(xlim=span, ylim=(span[0], 1.08 * max(float(n["lost"].max()), float(n["error"].max()))))
    labels = {"xlabel": "squared error per pixel", "ylabel": "variance lost, Var(x) − Var(x̂)"}
    axes.set(title="Blur is lost variance", **labels)
    axes.legend(loc="lower right")
    return drawing
