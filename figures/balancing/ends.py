"""What the figures over fixed gammas share: where trainings end, for a row of fixed gammas and for other methods."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from figures.balancing import looks
from figures.balancing.methods import Method
from figures.balancing.traces import parts, stacked, trained
from figures.figure import Row
from vaelab.run_store import Numbers, Result, merge_results

MEASURES = ("error", "error_sampled", "rate", "score_rebuilt", "score_sampled", "score_train")


MARKS = "Ds^vPXo*p"


def compute(
    device: str, *, seeds: int, variances: Sequence[float], methods: Sequence[Method] = looks.SETTERS, **training: Any
) -> Result:
    """Numbers: label [k], fixed [k], bool; variance [k, seeds], gamma² at the end, mean over the last 100 steps; and
    every one of `MEASURES` [k, seeds]."""
    every = [*map(looks.fixed, variances), *methods]
    results = trained(every, device, seeds, **training)
    numbers: Numbers = {
        "label": np.array([looks.label(m) for m in every]),
        "fixed": np.array([m.name == "fixed" for m in every]),
        "variance": stacked(results, "variance")[..., -100:].mean(-1),
        **{name: stacked(results, name) for name in MEASURES},
    }
    return merge_results(numbers, parts(results))


def rows(n: Numbers) -> list[Row]:
    return [
        {
            "method": str(label),
            "seed": seed,
            "gamma_squared": float(n["variance"][i, seed]),
            **{name: float(n[name][i, seed]) for name in MEASURES},
        }
        for i, label in enumerate(n["label"])
        for seed in range(n["variance"].shape[1])
    ]


def sweep(axes: Axes, n: Numbers, values: np.ndarray, *, marks: bool = True) -> None:
    """values [k, seeds] against gamma²: fixed ones as a line with its band, the others as points of their own."""
    fixed = n["fixed"]
    x, y = n["variance"][fixed].mean(1), values[fixed]
    order = np.argsort(x)
    colour = looks.look("fixed")[0]
    axes.plot(x[order], y[order].mean(1), "o-", color=colour, label="fixed gamma")
    axes.fill_between(x[order], y[order].min(1), y[order].max(1), color=colour, alpha=0.2, linewidth=0)
    if marks:
        points(axes, n, n["variance"], values)
    axes.set(xscale="log", xlabel="gamma² (variance per pixel)")


def points(axes: Axes, n: Numbers, x: np.ndarray, y: np.ndarray) -> None:
    """The methods that find their own gamma: a mark per seed."""
    others = zip(n["label"][~n["fixed"]], x[~n["fixed"]], y[~n["fixed"]], MARKS, strict=False)
    for label, own_x, own_y, mark in others:
        colour, _ = looks.look(str(label))
        axes.plot(own_x, own_y, mark, color=colour, markersize=4.5, fillstyle="none", markeredgewidth=1, label=label)
