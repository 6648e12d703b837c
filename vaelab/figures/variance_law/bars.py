"""variance-law-bars: per latent, the variance of the means and the mean of the variances; their sum should be 1."""

from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure as Drawing

from vaelab import plots
from vaelab.figures.figure import Figure, Row
from vaelab.figures.variance_law import PAPER
from vaelab.posterior import MarginalPosterior
from vaelab.run_store import Numbers, Result, combined
from vaelab.runs import Run, train_all


def compute(device: str, *, seeds: int, **training: Any) -> Result:
    """A VAE per seed.

    Numbers [seeds, latent], latents sorted by the variance of their means: of_means, of_noise, active.
    """
    results = train_all([Run("vae", **training, seed=s) for s in range(seeds)], device)
    laws = [
        MarginalPosterior(*(torch.from_numpy(r.numbers[name]).double() for name in ("mean", "logvar"))).variance_law()
        for r in results
    ]
    order = [np.argsort(-law.of_means.numpy()) for law in laws]
    numbers = {
        name: np.stack([getattr(law, name).numpy()[o] for law, o in zip(laws, order, strict=True)])
        for name in ("of_means", "of_noise", "active")
    }
    return combined(numbers, results)


def rows(n: Numbers) -> list[Row]:
    return [
        {
            "seed": seed,
            "latent": latent,
            "variance_of_means": float(of_means),
            "mean_of_variances": float(of_noise),
            "sum": float(of_means + of_noise),
            "active": str(bool(active)).lower(),
        }
        for seed, columns in enumerate(zip(n["of_means"], n["of_noise"], n["active"], strict=True))
        for latent, (of_means, of_noise, active) in enumerate(zip(*columns, strict=True), start=1)
    ]


def draw(n: Numbers) -> Drawing:
    seeds, latent = n["of_means"].shape
    figure = plots.new_figure(7.0, 2.8)
    axes = figure.subplots()
    width = 0.8 / seeds
    for seed in range(seeds):
        x = np.arange(1, latent + 1) + (seed - (seeds - 1) / 2) * width
        first = seed == 0
        axes.bar(
            x,
            n["of_means"][seed],
            width * 0.9,
            color=plots.Q,
            label="variance of the means" if first else None,
        )
        axes.bar(
            x,
            n["of_noise"][seed],
            width * 0.9,
            bottom=n["of_means"][seed],
            color=plots.JS,
            label="mean of the variances" if first else None,
        )
    axes.axhline(1, color="black", linewidth=0.8, linestyle="--", label="the law: 1")
    active = n["active"].sum(1)
    axes.set(
        title=f"Variance of Q(z) per latent, {seeds} seeds side by side; active latents: {', '.join(map(str, active))}",
        xlabel="latent, sorted by the variance of its means",
        ylabel="variance",
        xticks=range(1, latent + 1),
        ylim=(0, 1.45),
    )
    axes.legend(loc="upper right", ncols=3)
    return figure


def alt(n: Numbers) -> str:
    total = n["of_means"] + n["of_noise"]
    active = n["active"].astype(bool)
    groups = [_group("active", total[active]), _group("inactive", total[~active])]
    return (
        f"Stacked bars for {total.shape[1]} latents and {total.shape[0]} seeds: variance of the means plus mean "
        f"of the variances. "
        f"{' '.join(group for group in groups if group)}"
    )


def _group(name: str, totals: np.ndarray) -> str:
    """What the sums of one group of latents are, or nothing for an empty group."""
    if not totals.size:
        return ""
    low, high = totals.min(), totals.max()
    return f"Over {totals.size} {name} latents the sum averages {totals.mean():.3f}, from {low:.2f} to {high:.2f}."


QUICK = {"seeds": 3, "data": "mnist-mini", "latent": 16, "epochs": 25}
PUBLISHED = {
    "seeds": 3,
    "data": "mnist",
    "network": "conv",
    "hidden": None,
    "latent": 16,
    "epochs": 50,
    "batch_size": 100,
    "lr": 1e-3,
}

FIGURE = Figure(
    id="variance-law-bars",
    paper=PAPER,
    shows="The variance law on handwritten digits: variance of the means + mean of the variances, about 1 per latent",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={"quick": QUICK, "paper": PUBLISHED},
)
