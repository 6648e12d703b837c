"""gam-race: how soon a computed gamma is where a learned one ends, for every length of the training."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.balancing import PAPER, methods
from figures.balancing.measures import (
    compute_race,
)
from figures.balancing.styles import look
from figures.figure import Figure, Row
from vaelab import plots
from vaelab.runs.store import Numbers

TARGET = 0.5


def shares(n: Numbers, method: str, which: str = "held") -> np.ndarray:
    """At every length N: the step at which `method` has the error of the learned run at N, over N; [seeds, p].

    Interpolated between looks; 1 at most where it is there by N, nan where it never is.
    """
    learned, own = (n[which][np.argmax(n["label"] == name)] for name in (methods.label(methods.LEARNED), method))
    step = n["step"].astype(float)
    found = np.full(learned.shape, np.nan)
    for seed, (theirs, mine) in enumerate(zip(learned, np.minimum.accumulate(own, axis=1), strict=True)):
        for j, wanted in enumerate(theirs):
            if mine[-1] <= wanted:
                i = int(np.argmax(mine <= wanted))
                share = 1.0 if i == 0 else (mine[i - 1] - wanted) / (mine[i - 1] - mine[i])
                before = 0.0 if i == 0 else step[i - 1]
                found[seed, j] = (before + share * (step[i] - before)) / step[j]
    return found


def computed_ones(n: Numbers) -> list[str]:
    """The labels of those that are raced against the learned one."""
    return [methods.label(m) for m in (methods.A, methods.B_FROM_1, methods.B, methods.OPTIMAL, methods.FASTER)]


def _written(share: dict[str, np.ndarray], label: str, seed: int, j: int) -> float | str:
    return float(share[label][seed, j]) if label in share and np.isfinite(share[label][seed, j]) else ""


def rows(n: Numbers) -> list[Row]:
    share, drawn = ({m: shares(n, m, which) for m in computed_ones(n)} for which in ("held", "drawn"))
    return [
        {
            "method": str(label),
            "seed": seed,
            "step": int(step),
            "held_error": float(n["held"][i, seed, j]),
            "train_error_drawn": float(n["drawn"][i, seed, j]),
            "share_of_learned_steps": _written(share, str(label), seed, j),
            "share_drawn": _written(drawn, str(label), seed, j),
            "final_error": float(n["error"][i, seed]),
            "final_score_sampled": float(n["score"][i, seed]),
        }
        for i, label in enumerate(n["label"])
        for seed in range(n["held"].shape[1])
        for j, step in enumerate(n["step"])
    ]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.2)
    left, middle, right = figure.subplots(1, 3)
    best = int(np.argmin(np.where(n["fixed"], n["score"].mean(1), np.inf))) if n["fixed"].any() else None
    for i, label in enumerate(n["label"]):
        if n["fixed"][i] and i != best:
            continue
        color, line = look(str(label))
        words = f"{label}, the best samples by hand" if n["fixed"][i] else str(label)
        left.plot(n["step"], n["held"][i].mean(0), color=color, linestyle=line, label=words)
        left.fill_between(n["step"], n["held"][i].min(0), n["held"][i].max(0), color=color, alpha=0.15, linewidth=0)
        if label in computed_ones(n):
            for axes, which in ((middle, "held"), (right, "drawn")):
                axes.plot(n["step"], shares(n, str(label), which).mean(0), color=color, linestyle=line)
    left.set(yscale="log", xlabel="optimizer step", ylabel="error per test pixel, mean z", title="the race")
    for axes, title in ((middle, "test images, mean z"), (right, "training batches, z drawn")):
        axes.axhline(TARGET, color="black", linewidth=0.8, linestyle=":")
        axes.set(xlabel="length N of the learned run", ylim=(0, 1.3), title=title)
    middle.set_ylabel("steps to its error at N, over N")
    if _ending(n):
        middle.text(0.04, 0.04, "a line ends where a seed\ndoes not get there", transform=middle.transAxes)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def alt(n: Numbers) -> str:
    half, told = len(n["step"]) // 2 - 1, []
    for label in computed_ones(n):
        words = []
        for which, what in (("held", "at the mean z"), ("drawn", "with z drawn")):
            found = shares(n, label, which)
            words.append(f"{what} {_share(found[:, half])} and {_share(found[:, -1])}")
        told.append(f"{label}: {', '.join(words)}")
    return (
        f"Error of test images against the step, and the share of its steps after which others have the error of the "
        f"learned run of {int(n['step'][half])} and of {int(n['step'][-1])} steps, mean over seeds. {'; '.join(told)}."
        + (" A line of shares ends where a seed does not have that error within its own steps." if _ending(n) else "")
    )


def _ending(n: Numbers) -> bool:
    """Whether a seed of a method does not get to the error of a learned run of some length."""
    return any(np.isnan(shares(n, m, which)).any() for m in computed_ones(n) for which in ("held", "drawn"))


def _share(values: np.ndarray) -> str:
    """The mean over the seeds that get there, and how many do, where it is not all."""
    there = values[np.isfinite(values)]
    if not len(there):
        return "never"
    return f"{there.mean():.2f}" + (f" (in {len(there)} of {len(values)} seeds)" if len(there) < len(values) else "")


def _figure(id: str, shows: str, quick: dict[str, Any], full: dict[str, Any]) -> Figure:
    presets = {
        name: {"seeds": 3, "variances": methods.VARIANCES, **own} for name, own in (("quick", quick), ("paper", full))
    }
    return Figure(id, PAPER, shows, compute_race, rows, draw, alt, presets)


SHOWS = "How soon a computed gamma has the error of a learned one, at equal and at ten times the rate"
QUICK_FASHION: dict[str, Any] = {**methods.FASHION, "variances": []}  # no gamma tuned by hand, to be quick
FIGURE = _figure("gam-race", f"{SHOWS}: handwritten digits", methods.MNIST, methods.FULL_MNIST)
FASHION = _figure(
    "gam-race-fashion", f"{SHOWS}: Fashion", QUICK_FASHION, {**methods.FULL_MNIST, "data": "fashion-mnist"}
)
QUICK_CIFAR: dict[str, Any] = {**methods.CIFAR, "variances": [1.0, 0.3, 0.1, 0.05, 0.02]}  # two minutes a training
CIFAR = _figure("gam-race-cifar10", f"{SHOWS}: CIFAR-10, which is downloaded", QUICK_CIFAR, methods.FULL_CIFAR)
