"""var-law-bars: per latent, the variance of the means and the mean of the variances; their sum should be 1.

One panel per data set, on its test images.  Collapsed latents obey the law trivially, so the active ones are counted
and averaged apart.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from figures.figure import Figure, Row
from figures.variance_law import PAPER
from figures.variance_law.followed import posteriors
from vaelab import plots
from vaelab.run_store import Numbers, Result, merge_results
from vaelab.runs import Run, train_all

PARTS = ("of_means", "of_noise", "active")


def compute(device: str, *, data: Sequence[str], epochs: Sequence[int], seeds: int, **training: Any) -> Result:
    """VAEs on every data set, each with its number of epochs.

    Numbers: data [k]; of_means, of_noise, active [k, seeds, latent], latents sorted by the variance of their means.
    """
    runs = [
        Run("vae", **training, data=name, epochs=n, seed=seed)
        for name, n in zip(data, epochs, strict=True)
        for seed in range(seeds)
    ]
    results = train_all(runs, device, stacked=True)
    laws = [posterior.variance_law() for posterior in posteriors(results)]
    order = [np.argsort(-law.of_means.numpy()) for law in laws]
    numbers = {
        name: np.stack([getattr(law, name).numpy()[o] for law, o in zip(laws, order, strict=True)]) for name in PARTS
    }
    split = {name: values.reshape(len(data), seeds, -1) for name, values in numbers.items()}
    return merge_results({"data": np.array(data), **split}, results)


def rows(n: Numbers) -> list[Row]:
    return [
        {
            **{"data": str(name), "seed": seed, "latent": latent},
            **{"variance_of_means": float(of_means), "mean_of_variances": float(of_noise)},
            **{"sum": float(of_means + of_noise), "active": str(bool(active)).lower()},
        }
        for name, *parts in zip(n["data"], *(n[part] for part in PARTS), strict=True)
        for seed, columns in enumerate(zip(*parts, strict=True))
        for latent, (of_means, of_noise, active) in enumerate(zip(*columns, strict=True), start=1)
    ]


def draw(n: Numbers) -> Drawing:
    panels = len(n["data"])
    figure = plots.new_figure(7.0, 0.5 + 1.6 * panels)
    every = figure.subplots(panels, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for i, axes in enumerate(every):
        _bars(axes, n["of_means"][i], n["of_noise"][i])
        total, active = n["of_means"][i] + n["of_noise"][i], n["active"][i].astype(bool)
        counts = ", ".join(map(str, active.sum(1)))
        told = [f"{name} {total[where].mean():.2f}" for name, where in groups(active)]
        axes.set(title=f"{n['data'][i]}: {counts} active latents; mean sum: {', '.join(told)}", ylabel="variance")
    every[-1].set(xlabel="latent, sorted by the variance of its means", xticks=range(1, n["of_means"].shape[2] + 1))
    every[0].set_ylim(0, 1.1 * max(1.25, float((n["of_means"] + n["of_noise"]).max())))
    figure.legend(*every[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def _bars(axes: Axes, of_means: np.ndarray, of_noise: np.ndarray) -> None:
    """Stacked bars [seeds, latent], the seeds side by side."""
    seeds, latent = of_means.shape
    width = 0.8 / seeds
    for seed in range(seeds):
        x = np.arange(1, latent + 1) + (seed - (seeds - 1) / 2) * width
        names = ("variance of the means", "mean of the variances") if seed == 0 else (None, None)
        axes.bar(x, of_means[seed], width * 0.9, color=plots.Q, label=names[0])
        axes.bar(x, of_noise[seed], width * 0.9, bottom=of_means[seed], color=plots.JS, label=names[1])
    axes.axhline(1, color="black", linewidth=0.8, linestyle="--", label="the law: 1")


def groups(active: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Active and inactive latents, those groups that have any: name and mask."""
    return [(name, where) for name, where in (("active", active), ("inactive", ~active)) if where.any()]


def alt(n: Numbers) -> str:
    told = []
    for i, name in enumerate(n["data"]):
        total = n["of_means"][i] + n["of_noise"][i]
        for group, where in groups(n["active"][i].astype(bool)):
            of = total[where]
            told.append(
                f"{name}: over {of.size} {group} latents the sum averages {of.mean():.3f}, from {of.min():.2f} to "
                f"{of.max():.2f}."
            )
    _, seeds, latent = n["of_means"].shape
    return (
        f"Stacked bars for {latent} latents and {seeds} seeds: variance of the means plus mean of the variances. "
        f"{' '.join(told)}"
    )


QUICK: dict[str, Any] = {
    **{"data": ["mnist-mini", "fashion-mini"], "epochs": [20, 30]},
    **{"seeds": 3, "latent": 16, "hidden": (128,)},
}
PUBLISHED: dict[str, Any] = {
    **{"data": ["mnist", "fashion-mnist", "cifar10"], "epochs": [50, 50, 100], "seeds": 3, "latent": 16},
    **{"network": "conv", "hidden": None, "batch_size": 100, "lr": 1e-3},
}

FIGURE = Figure(
    id="var-law-bars",
    paper=PAPER,
    shows="The variance law: variance of the means + mean of the variances, about 1 on average, active or not",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={"quick": QUICK, "paper": PUBLISHED},
)
