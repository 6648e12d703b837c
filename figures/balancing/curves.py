"""gam-gamma: gamma² at every step, by who sets it.

gam-error: the squared error of the training batches, by who sets gamma.

gam-kl: the divergence of the training batches, by who sets gamma: its weight falls, its value rises.

Where gamma is small within the first steps, nats are cheap at once, and the divergence overshoots before it settles.

gam-parts: the two parts of the loss over the training; with a computed gamma the first is half a nat per pixel.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from figures.balancing import PAPER, methods
from figures.balancing.measures import (
    compute_curves,
)
from figures.balancing.styles import look
from figures.figure import Figure, Row
from vaelab import plots
from vaelab.runs.store import Numbers

PRESETS: dict[str, dict[str, Any]] = {name: {**own, "variances": [0.1]} for name, own in methods.SWEEP.items()}
EARLY = 100  # steps


def rows(n: Numbers) -> list[Row]:
    return [
        {
            "method": str(label),
            "seed": seed,
            "step": int(step),
            "gamma_squared": float(n["variance"][i, seed, j]),
            "mse": float(n["mse"][i, seed, j]),
            "kl_nats": float(n["divergence"][i, seed, j]),
        }
        for i, label in enumerate(n["label"])
        for seed in range(n["variance"].shape[1])
        for j, step in enumerate(n["step"])
    ]


def curves(axes: Axes, n: Numbers, values: np.ndarray) -> None:
    """values [k, seeds, points] against the step: the mean over seeds, and a band from the lowest to the highest."""
    for label, seeds in zip(n["label"], values, strict=True):
        color, line = look(str(label))
        axes.plot(n["step"], seeds.mean(0), color=color, linestyle=line, label=str(label))
        axes.fill_between(n["step"], seeds.min(0), seeds.max(0), color=color, alpha=0.15, linewidth=0)
    axes.set(xscale="log", xlabel="optimizer step", xlim=(n["step"][0], n["step"][-1]))


def drawing(n: Numbers, values: np.ndarray, **axis: Any) -> Drawing:
    """`curves` alone, with their legend; axis: labels, limits and scale."""
    figure = plots.new_figure(7.0, 3.0)
    axes = figure.subplots()
    curves(axes, n, values)
    axes.set(**axis)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def last(n: Numbers, values: np.ndarray) -> str:
    """Where every method ends, in words."""
    return "; ".join(f"{label}: {seeds[:, -1].mean():.3g}" for label, seeds in zip(n["label"], values, strict=True))


def draw_gamma(n: Numbers) -> Drawing:
    return drawing(
        n,
        n["variance"],
        yscale="log",
        ylabel="gamma² (variance per pixel)",
        title="Who sets gamma, and how soon it gets there",
    )


def alt_gamma(n: Numbers) -> str:
    return f"gamma squared against the step, both logarithmic. At the last step: {last(n, n['variance'])}."


GAMMA = Figure(
    id="gam-gamma",
    paper=PAPER,
    title="gamma² over the training: fixed, learned, computed by either rule, the optimum of the batch",
    compute=compute_curves,
    table=rows,
    draw=draw_gamma,
    alt=alt_gamma,
    presets=PRESETS,
)


def draw_error(n: Numbers) -> Drawing:
    return drawing(
        n, n["mse"], yscale="log", ylabel="squared error per pixel, z drawn", title="The error follows gamma"
    )


def alt_error(n: Numbers) -> str:
    return f"Squared error per pixel of the training batches against the step. At the last: {last(n, n['mse'])}."


ERROR = Figure(
    id="gam-error",
    paper=PAPER,
    title="The squared error over the training, by who sets gamma: a learned gamma lags until it arrives",
    compute=compute_curves,
    table=rows,
    draw=draw_error,
    alt=alt_error,
    presets=PRESETS,
)


def draw_kl(n: Numbers) -> Drawing:
    return drawing(
        n,
        n["divergence"],
        ylabel="KL(q‖p), nats per image",
        ylim=(0, None),
        title="A small gamma overshoots at first; then the KL rises as its weight falls",
    )


def alt_kl(n: Numbers) -> str:
    early = "; ".join(
        f"{label}: {v[:, n['step'] <= EARLY].mean(0).max():.2g}"
        for label, v in zip(n["label"], n["divergence"], strict=True)
    )
    return (
        f"KL(q‖p) in nats against the step. At the last: {last(n, n['divergence'])}. Highest within the first "
        f"{EARLY} steps: {early}."
    )


KL = Figure(
    id="gam-kl",
    paper=PAPER,
    title="KL(q‖p) over the training: near nothing while gamma is 1, growing as gamma falls; where gamma is small "
    "at once it overshoots in the first steps",
    compute=compute_curves,
    table=rows,
    draw=draw_kl,
    alt=alt_kl,
    presets=PRESETS,
)


def ratio(n: Numbers) -> np.ndarray:
    """SE / (2 gamma²), the part of the loss that knows the images, over D/2: [k, seeds, points]."""
    parts: np.ndarray = n["mse"] / n["variance"]
    return parts


def weighted(n: Numbers) -> np.ndarray:
    """The divergence with its weight, nats: [k, seeds, points]."""
    nats: np.ndarray = n["strength"] * n["divergence"]
    return nats


def rows_parts(n: Numbers) -> list[Row]:
    return [
        {
            "method": str(label),
            "seed": seed,
            "step": int(step),
            "reconstruction_over_half_D": float(ratio(n)[i, seed, j]),
            "weighted_kl_nats": float(weighted(n)[i, seed, j]),
        }
        for i, label in enumerate(n["label"])
        for seed in range(n["mse"].shape[1])
        for j, step in enumerate(n["step"])
    ]


def late(n: Numbers) -> np.ndarray:
    """The ratio over the last quarter of the steps, mean over it: [k, seeds]."""
    end = n["step"] > 0.75 * n["step"][-1]
    steps = np.diff(n["step"], prepend=0)[end]
    value: np.ndarray = (ratio(n)[..., end] * steps).sum(-1) / steps.sum()
    return value


def draw_parts(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.9)
    left, right = figure.subplots(1, 2)
    curves(left, n, ratio(n))
    left.axhline(1, color="black", linewidth=0.8, linestyle=":")
    left.set(
        yscale="log", ylabel="SE / (2 gamma²), in units of D/2", title="reconstruction: at 1 the balance is struck"
    )
    curves(right, n, weighted(n))
    right.set(ylim=(0, None), ylabel="weight × KL(q‖p), nats", title="divergence: a small gamma overshoots")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def alt_parts(n: Numbers) -> str:
    told = "; ".join(f"{label}: {v.mean():.3f}" for label, v in zip(n["label"], late(n), strict=True))
    return (
        "The two parts of the loss against the step. The reconstruction part SE / (2 gamma²) over D/2, mean over the "
        f"last quarter of the steps: {told}. The divergence ends, in nats, at {last(n, weighted(n))}."
    )


PARTS = Figure(
    id="gam-parts",
    paper=PAPER,
    title="The two parts of the loss: with a computed gamma the reconstruction part is half a nat per pixel, always",
    compute=compute_curves,
    table=rows_parts,
    draw=draw_parts,
    alt=alt_parts,
    presets=PRESETS,
)
