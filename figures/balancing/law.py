"""gam-law: per latent the variance of the means and the mean of the variances, at several gammas; 1 in all, at rest."""

import numpy as np
import torch
from matplotlib.figure import Figure as Drawing

from figures.balancing import PAPER, methods
from figures.balancing.measures import compute_law
from figures.figure import Figure, Row
from vaelab import plots
from vaelab.metrics import active_units
from vaelab.runs.store import Numbers


def rows(n: Numbers) -> list[Row]:
    return [
        {
            "method": str(label),
            "seed": seed,
            "latent": latent + 1,
            "variance_of_means": float(n["of_means"][i, seed, latent]),
            "mean_of_variances": float(n["of_noise"][i, seed, latent]),
            "sum": float(n["of_means"][i, seed, latent] + n["of_noise"][i, seed, latent]),
        }
        for i, label in enumerate(n["label"])
        for seed in range(n["of_means"].shape[1])
        for latent in range(n["of_means"].shape[2])
    ]


def active(n: Numbers) -> np.ndarray:
    """How many latents are active, by the threshold of Burda et al.: [k, seeds]."""
    return np.array([[active_units(torch.from_numpy(one)) for one in seeds] for seeds in n["of_means"]])


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.6)
    latents = np.arange(1, n["of_means"].shape[-1] + 1)
    for axes, label, means, noise, count in zip(
        figure.subplots(1, len(n["label"]), sharey=True),
        n["label"],
        n["of_means"][:, 0],
        n["of_noise"][:, 0],
        active(n)[:, 0],
        strict=True,
    ):
        axes.bar(latents, means, color=plots.Q, label="variance of the means")
        axes.bar(latents, noise, bottom=means, color=plots.JS, label="mean of the variances")
        axes.axhline(1, color="black", linewidth=0.8, linestyle="--", label="the law: 1")
        axes.set(title=f"{str(label).replace('computed, ', '')}\n{count} active", xlabel="latent")
    figure.axes[0].set_ylabel("variance")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def alt(n: Numbers) -> str:
    total = n["of_means"] + n["of_noise"]
    told = "; ".join(
        f"{label}: {count.mean():.1f} active, sums average {sums.mean():.3f}, from {sums.min():.2f} to {sums.max():.2f}"
        for label, count, sums in zip(n["label"], active(n), total, strict=True)
    )
    return f"Stacked bars per latent, variance of the means plus mean of the variances, all seeds told. {told}."


FIGURE = Figure(
    id="gam-law",
    paper=PAPER,
    title="The variance law, 1 per latent, at several gammas: it holds at rest, which comes late where gamma is small",
    compute=compute_law,
    table=rows,
    draw=draw,
    alt=alt,
    presets={
        "quick": {"seeds": 3, "variances": [0.3, 0.05, 0.003], **methods.DIGITS},
        "paper": {"seeds": 3, "variances": [0.3, 0.05, 0.003], **methods.FULL_MNIST},
    },
)
