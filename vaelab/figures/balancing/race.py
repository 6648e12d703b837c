"""gam-race: how soon a computed gamma is where a learned one ends, for every length of the training."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing

from vaelab import plots
from vaelab.figures.balancing import PAPER, looks
from vaelab.figures.balancing.traces import parts, stacked, trained
from vaelab.figures.figure import Figure, Row
from vaelab.run_store import Numbers, Result, combined

TARGET = 0.5


def compute(device: str, *, seeds: int, variances: Sequence[float], **training: Any) -> Result:
    """Numbers: label [k], fixed [k]; step [p]; held [k, seeds, p], error of test images; score, error [k, seeds]."""
    every = [*looks.SETTERS, *map(looks.fixed, variances)]
    results = trained(every, device, seeds, **training)
    numbers: Numbers = {
        "label": np.array([looks.label(m) for m in every]),
        "fixed": np.array([m.name == "fixed" for m in every]),
        "step": stacked(results, "steps_seen")[0, 0],
        "held": stacked(results, "held"),
        "error": stacked(results, "error"),
        "error_sampled": stacked(results, "error_sampled"),
        "score": stacked(results, "score_sampled"),
    }
    return combined(numbers, parts(results))


def shares(n: Numbers, method: str) -> np.ndarray:
    """At every length N: the step at which `method` has the error of the learned run at N, over N; [seeds, p].

    Interpolated between looks; 1 at most where it is there by N, nan where it never is.
    """
    learned, own = (n["held"][np.argmax(n["label"] == name)] for name in (looks.label(looks.LEARNED), method))
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
    return [looks.label(m) for m in (looks.A, looks.B_FROM_1, looks.B, looks.OPTIMAL, looks.FASTER)]


def longest(n: Numbers, method: str) -> int:
    """The longest training at which half of the steps are enough, in the mean over seeds, with all shorter ones but the
    first few; 0 for none."""
    fine = shares(n, method).mean(0) <= TARGET
    return int(n["step"][fine].max()) if fine.any() else 0


def rows(n: Numbers) -> list[Row]:
    share = {label: shares(n, label) for label in computed_ones(n)}
    return [
        {
            "method": str(label),
            "seed": seed,
            "step": int(step),
            "held_error": float(n["held"][i, seed, j]),
            "share_of_learned_steps": float(share[label][seed, j]) if label in share else "",
            "final_error": float(n["error"][i, seed]),
            "final_score_sampled": float(n["score"][i, seed]),
        }
        for i, label in enumerate(n["label"])
        for seed in range(n["held"].shape[1])
        for j, step in enumerate(n["step"])
    ]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.2)
    left, right = figure.subplots(1, 2)
    best = int(np.argmin(np.where(n["fixed"], n["score"].mean(1), np.inf)))
    for i, label in enumerate(n["label"]):
        if n["fixed"][i] and i != best:
            continue
        colour, line = looks.look(str(label))
        words = f"{label}, the best samples by hand" if n["fixed"][i] else str(label)
        left.plot(n["step"], n["held"][i].mean(0), color=colour, linestyle=line, label=words)
        left.fill_between(n["step"], n["held"][i].min(0), n["held"][i].max(0), color=colour, alpha=0.15, linewidth=0)
        if label in computed_ones(n):
            ratio = shares(n, str(label))
            right.plot(n["step"], ratio.mean(0), color=colour, linestyle=line)
    right.axhline(TARGET, color="black", linewidth=0.8, linestyle=":")
    left.set(yscale="log", xlabel="optimiser step", ylabel="error per test pixel, mean z", title="the race")
    right.set(
        xlabel="length N of the learned run",
        ylabel="steps to its error at N, over N",
        ylim=(0, 1.3),
        title="below ½: twice as fast as learned",
    )
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def alt(n: Numbers) -> str:
    told = []
    for label in computed_ones(n):
        middle, end = (shares(n, label).mean(0)[[len(n["step"]) // 2 - 1, -1]]).tolist()
        final = "never" if np.isnan(end) else f"{end:.2f}"
        told.append(f"{label} {middle:.2f} of the steps at half the length, {final} at the end")
    return (
        f"Error of test images against the step, and how soon each method has the error of the learned run: "
        f"{'; '.join(told)} (of {int(n['step'][-1])} steps, mean over seeds)."
    )


def _figure(id: str, shows: str, quick: dict[str, Any], full: dict[str, Any]) -> Figure:
    presets = {
        name: {"seeds": 3, "variances": looks.VARIANCES, **own} for name, own in (("quick", quick), ("paper", full))
    }
    return Figure(id, PAPER, shows, compute, rows, draw, alt, presets)


SHOWS = "How soon a computed gamma has the error of a learned one, at equal and at ten times the rate"
FIGURE = _figure("gam-race", f"{SHOWS}: handwritten digits", looks.MNIST, looks.FULL_MNIST)
FASHION = _figure("gam-race-fashion", f"{SHOWS}: Fashion", looks.FASHION, {**looks.FULL_MNIST, "data": "fashion-mnist"})
CIFAR = _figure("gam-race-cifar10", f"{SHOWS}: CIFAR-10, which is downloaded", looks.CIFAR, looks.FULL_CIFAR)
