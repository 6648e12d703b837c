"""What the figures over the steps share: the same trainings, averaged between points that are even in log step."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from figures.balancing import looks
from figures.balancing.methods import Method
from figures.balancing.traces import parts, stacked, trained
from figures.figure import Row
from vaelab import plots
from vaelab.run_store import Numbers, Result, merge_results

POINTS = 60
COLUMNS = ("variance", "mse", "divergence", "strength")
PRESETS: dict[str, dict[str, Any]] = {name: {**own, "variances": [0.1]} for name, own in looks.SWEEP.items()}


def compute(
    device: str,
    *,
    seeds: int,
    methods: Sequence[Method] = looks.SETTERS,
    variances: Sequence[float] = (),
    **training: Any,
) -> Result:
    """Numbers: label [k]; step [points]; variance, mse, divergence, strength [k, seeds, points], each the mean over the
    steps since the point before."""
    every = [*methods, *map(looks.fixed, variances)]
    results = trained(every, device, seeds, **training)
    steps = training["steps"]
    ends = np.unique(np.geomspace(1, steps, POINTS).round().astype(int))
    starts = np.concatenate([[0], ends[:-1]])
    numbers: Numbers = {"label": np.array([looks.label(m) for m in every]), "step": ends}
    for name in COLUMNS:
        sums = np.cumsum(stacked(results, name).astype(float), axis=-1)
        sums = np.concatenate([np.zeros_like(sums[..., :1]), sums], axis=-1)
        numbers[name] = (sums[..., ends] - sums[..., starts]) / (ends - starts)
    return merge_results(numbers, parts(results))


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
        colour, line = looks.look(str(label))
        axes.plot(n["step"], seeds.mean(0), color=colour, linestyle=line, label=str(label))
        axes.fill_between(n["step"], seeds.min(0), seeds.max(0), color=colour, alpha=0.15, linewidth=0)
    axes.set(xscale="log", xlabel="optimiser step", xlim=(n["step"][0], n["step"][-1]))


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
