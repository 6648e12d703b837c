"""var-marginals: the density of Q(z) in every latent over N(0, 1): the same variance, and another shape."""

from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure as Drawing

from figures.figure import Figure, Row
from figures.variance_law import PAPER
from figures.variance_law.followed import WIDE, WIDE_PAPER, followed, posterior
from vaelab import plots
from vaelab.run_store import Numbers, Result, merge_results

REACH, POINTS, COLUMNS = 4.0, 161, 5
DRAWS = 4000


def compute(device: str, *, seeds: int, **training: Any) -> Result:
    """Numbers of seed 0 (of `seeds`, which other figures read), latents sorted by the variance of their means: z [m],
    density [latent, m], variance, kurtosis, skewness, kl, kl_error [latent], the last two of Q(z_j) from N(0, 1)."""
    results = followed(device, seeds, **training)
    q = posterior(results[0].numbers)
    law, moments, distance = q.variance_law(), q.moments(), q.dimension_wise_kl(DRAWS)
    order = law.of_means.argsort(descending=True)
    z = torch.linspace(-REACH, REACH, POINTS, dtype=torch.float64)
    columns = {
        "variance": law.total,
        "of_means": law.of_means,
        "skewness": moments.skewness,
        "kurtosis": moments.kurtosis,
        "kl": distance.value,
        "kl_error": distance.standard_error,
    }
    numbers = {
        "z": z.numpy(),
        "density": np.stack([q.density_1d(z, int(k)).numpy() for k in order]),
        **{name: values[order].numpy() for name, values in columns.items()},
    }
    return merge_results(numbers, results)


def rows(n: Numbers) -> list[Row]:
    return [
        {
            **{"latent": k + 1, "z": float(z), "density": float(density)},
            **{name: float(n[name][k]) for name in ("variance", "kurtosis", "kl", "kl_error")},
        }
        for k, values in enumerate(n["density"])
        for z, density in zip(n["z"], values, strict=True)
    ]


def draw(n: Numbers) -> Drawing:
    d = len(n["density"])
    lines = -(-d // COLUMNS)
    figure = plots.new_figure(7.0, 0.35 + 1.25 * lines)
    every = figure.subplots(lines, COLUMNS, sharex=True, sharey=True, squeeze=False).flatten()
    prior = np.exp(-0.5 * n["z"] ** 2) / np.sqrt(2 * np.pi)
    for k, axes in enumerate(every[:d]):
        axes.fill_between(n["z"], 0, n["density"][k], color=plots.Q, alpha=0.3, linewidth=0)
        axes.plot(n["z"], n["density"][k], color=plots.Q, linewidth=0.8)
        axes.plot(n["z"], prior, color=plots.P, linewidth=0.8, linestyle="--")
        words = f"V {n['variance'][k]:.2f}\nkurt {n['kurtosis'][k]:.2f}\nKL {n['kl'][k]:.3f}"
        axes.text(0.98, 0.97, words, transform=axes.transAxes, ha="right", va="top", fontsize=5.5)
        axes.set(xticks=[-2, 0, 2], yticks=[])
        axes.spines.left.set_visible(False)
    for axes in every[d:]:
        axes.set_visible(False)
    for axes in every[d - COLUMNS : d]:
        axes.set_xlabel("z")
    figure.suptitle("Q(z) in each latent (filled) and N(0, 1) (dashed); KL(Q‖p) in nats")
    return figure


def alt(n: Numbers) -> str:
    return (
        f"Densities of Q(z) in {len(n['density'])} latents over N(0, 1), sorted by signal. Variances from "
        f"{n['variance'].min():.2f} to {n['variance'].max():.2f}, kurtosis from {n['kurtosis'].min():.2f} to "
        f"{n['kurtosis'].max():.2f}, KL from the prior {n['kl'].min():.3f} to {n['kl'].max():.3f} nats."
    )


FIGURE = Figure(
    id="var-marginals",
    paper=PAPER,
    shows="The density of Q(z) in every latent over N(0, 1): the same variance, another shape",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={"quick": {"seeds": 2, **WIDE}, "paper": {"seeds": 3, **WIDE_PAPER}},
)
