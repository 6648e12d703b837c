"""gam-race, -fashion, -cifar10: how soon a computed gamma has the error of a learned one."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.balancing import figure, methods
from figures.balancing.styles import line_style
from figures.balancing.trainings import compute_race
from vaelab import plots
from vaelab.runs.store import Numbers

TARGET = 0.5
LEARNED = methods.label(methods.LEARNED)
RIVALS = [methods.label(m) for m in (methods.A, methods.B_FROM_1, methods.B, methods.OPTIMAL, methods.FASTER)]


def step_shares(n: Numbers, method: str, errors: str = "held") -> np.ndarray:
    """Return the step at which a method has the error of the learned run at step N, over N.

    Returns:
        [seeds, p], for every N: interpolated between evaluations, at most 1 where it has that error
        by N, nan where it never has.
    """
    learned, rival = (n[errors][np.argmax(n["label"] == name)] for name in (LEARNED, method))
    step = n["step"].astype(float)
    shares = np.full(learned.shape, np.nan)
    for seed, (goals, path) in enumerate(zip(learned, np.minimum.accumulate(rival, axis=1), strict=True)):
        for j, goal in enumerate(goals):
            if path[-1] <= goal:
                i = int(np.argmax(path <= goal))
                share = 1.0 if i == 0 else (path[i - 1] - goal) / (path[i - 1] - path[i])
                before = 0.0 if i == 0 else step[i - 1]
                shares[seed, j] = (before + share * (step[i] - before)) / step[j]
    return shares


def _shares_of_rivals(n: Numbers, errors: str) -> np.ndarray:
    """Return the shares of all methods, nan for those that are not compared: [k, seeds, p]."""
    nothing = np.full(n[errors].shape[1:], np.nan)
    return np.stack([step_shares(n, str(label), errors) if label in RIVALS else nothing for label in n["label"]])


def share_of_learned_steps(n: Numbers) -> np.ndarray:
    return _shares_of_rivals(n, "held")


def share_drawn(n: Numbers) -> np.ndarray:
    return _shares_of_rivals(n, "drawn")


def any_incomplete(n: Numbers) -> bool:
    """Return whether a seed of a rival never has the error of a learned run of some length."""
    return any(np.isnan(step_shares(n, rival, errors)).any() for rival in RIVALS for errors in ("held", "drawn"))


def describe_share(values: np.ndarray) -> str:
    """Describe the mean over the seeds that have the error, and their number if not all."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return "never"
    return f"{finite.mean():.2f}" + (f" (in {len(finite)} of {len(values)} seeds)" if len(finite) < len(values) else "")


def alt(n: Numbers) -> str:
    half, sentences = len(n["step"]) // 2 - 1, []
    for rival in RIVALS:
        parts = []
        for errors, z in (("held", "at the mean z"), ("drawn", "with z drawn")):
            shares = step_shares(n, rival, errors)
            parts.append(f"{z} {describe_share(shares[:, half])} and {describe_share(shares[:, -1])}")
        sentences.append(f"{rival}: {', '.join(parts)}")
    ending = " A line of shares ends where a seed does not have that error within its own steps."
    return (
        f"Error of test images at the mean z against the step, and the share of its steps after which others have the "
        f"error of the learned run of {int(n['step'][half])} and of {int(n['step'][-1])} steps, mean over seeds, on "
        f"test images at the mean z and on training batches with z drawn. "
        f"{'; '.join(sentences)}.{ending * any_incomplete(n)}"
    )


def race_figure(id: str, images: str, quick: dict[str, Any], full: dict[str, Any]) -> Any:
    """Return the decorator that registers the race on one data set."""
    shows = f"How soon a computed gamma has the error of a learned one, at equal and at ten times the rate: {images}"
    table = {"held drawn": "label seed step", share_of_learned_steps: "label seed step", share_drawn: "label seed step"}
    table |= {"error score": "label seed"}
    seeds = "{} seeds: lines are means, bands on the left ranges"
    return figure(id, compute_race, table, alt, title=shows, quick=quick, full=full, seeds=seeds)


@race_figure("gam-race", "handwritten digits", methods.SWEEP, methods.FULL_SWEEP)
@race_figure(
    "gam-race-fashion",
    "Fashion",
    {**methods.SWEEP, "data": "fashion-mini", "variances": []},  # no sweep of gammas, to be quick
    {**methods.FULL_SWEEP, "data": "fashion-mnist"},
)
@race_figure(
    "gam-race-cifar10",
    "CIFAR-10, which is downloaded",
    {"seeds": 3, "variances": [1.0, 0.3, 0.1, 0.05, 0.02], **methods.CIFAR},  # two minutes a training
    {"seeds": 3, "variances": methods.VARIANCES, **methods.FULL_CIFAR},
)
def draw(n: Numbers) -> Drawing:
    drawing = plots.new_figure(7.0, 3.2)
    left, middle, right = drawing.subplots(1, 3)
    best = int(np.argmin(np.where(n["fixed"], n["score"].mean(1), np.inf))) if n["fixed"].any() else None
    for i, label in enumerate(n["label"]):
        if n["fixed"][i] and i != best:
            continue
        color, line = line_style(str(label))
        name = f"{label}, the best samples by hand" if n["fixed"][i] else str(label)
        left.plot(n["step"], n["held"][i].mean(0), color=color, linestyle=line, label=name)
        left.fill_between(n["step"], n["held"][i].min(0), n["held"][i].max(0), color=color, alpha=0.15, linewidth=0)
        if label in RIVALS:
            for axes, errors in ((middle, "held"), (right, "drawn")):
                axes.plot(n["step"], step_shares(n, str(label), errors).mean(0), color=color, linestyle=line)
    left.set(yscale="log", xlabel="optimizer step", ylabel="error per test pixel, mean z", title="the race")
    for axes, title in ((middle, "test images, mean z"), (right, "training batches, z drawn")):
        axes.axhline(TARGET, color="black", linewidth=0.8, linestyle=":")
        axes.set(xlabel="length N of the learned run", ylim=(0, 1.3), title=title)
    middle.set_ylabel("steps to its error at N, over N")
    if any_incomplete(n):
        middle.text(0.04, 0.04, "a line ends where a seed\ndoes not get there", transform=middle.transAxes)
    drawing.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return drawing
