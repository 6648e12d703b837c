"""gam-law: the two parts of the variance law per latent at several gammas; they add up to 1 after convergence."""

import numpy as np
import torch
from matplotlib.figure import Figure as Drawing

from figures.alt import itemize
from figures.balancing import figure, methods
from figures.balancing.trainings import compute_law
from vaelab import plots
from vaelab.metrics import active_units
from vaelab.runs.store import Numbers

VARIANCES = [0.3, 0.05, 0.003]


def total(n: Numbers) -> np.ndarray:
    """Return the variance of every latent: [k, seeds, latent]."""
    variance: np.ndarray = n["of_means"] + n["of_noise"]
    return variance


def count_active(n: Numbers) -> np.ndarray:
    """Count active latents by the threshold of Burda et al.: [k, seeds]."""
    return np.array([[active_units(torch.from_numpy(variances)) for variances in seeds] for seeds in n["of_means"]])


def alt(n: Numbers) -> str:
    sums = total(n)
    columns = count_active(n).mean(1), sums.mean((1, 2)), sums.min((1, 2)), sums.max((1, 2))
    laws = itemize("{}: {:.1f} active, sums average {:.3f}, from {:.2f} to {:.2f}", n["label"], *columns)
    return f"Stacked bars per latent, variance of the means plus mean of the variances; over all seeds: {laws}."


@figure(
    "gam-law",
    compute_law,
    {"of_means of_noise": "label seed latent", total: "label seed latent"},
    alt,
    title="The variance law, 1 per latent, at several gammas: it holds at rest, which comes late where gamma is small",
    quick={"seeds": 3, "variances": VARIANCES, **methods.DIGITS},
    full={"seeds": 3, "variances": VARIANCES, **methods.FULL_MNIST},
)
def draw(n: Numbers) -> Drawing:
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
