"""The cost of gamma policies: a training step with each against a fixed gamma, alternately.

update_us: the time of one update of the policy; percent: its share of the step, to which the target
refers.  ratio: of the steps, median over the rounds; "fixed, again" repeats the same step, and
shows the uncertainty of the other ratios. A learned gamma needs no update, but is one more
parameter for Adam.
"""

import itertools
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from vaelab import TrainConfig, recipes
from vaelab.objectives.gamma import Computed, Fixed, GammaPolicy, Geco, Learned, Optimal, PerImage
from vaelab.training.loop import TrainStep
from vaelab.training.optimizer import adam

SHAPE, LATENT, HIDDEN, BATCH = (1, 28, 28), 20, (400,), 128
POLICIES: dict[str, Callable[[], GammaPolicy]] = {
    "fixed": lambda: Fixed(0.2),
    "fixed, again": lambda: Fixed(0.2),
    "learned": Learned,
    "computed A": lambda: Computed(rule="running_min"),
    "computed B": Computed,
    "optimal": Optimal,
    "per image": PerImage,
    "GECO": lambda: Geco(0.1),
}
TARGETS = {"computed A": 1.0, "computed B": 1.0}  # per cent of a step


def new_step(gamma: GammaPolicy) -> tuple[TrainStep, "itertools.cycle[Tensor]"]:
    """Return the step of `vaelab.train` on uint8 images, and an endless iterator of batches."""
    torch.manual_seed(0)
    config = TrainConfig(batch_size=BATCH)
    experiment = recipes.vae(SHAPE, LATENT, hidden=HIDDEN, gamma=gamma)
    images = torch.randint(0, 256, (20 * BATCH, *SHAPE), dtype=torch.uint8)
    experiment.init_from_data(images)
    step = TrainStep(experiment, images, config, adam(experiment, config, images.device), None)
    return step, itertools.cycle(torch.randperm(len(images)).split(BATCH))


def milliseconds(function: Callable[[], object], repeats: int) -> float:
    started = time.perf_counter()
    for _ in range(repeats):
        function()
    return (time.perf_counter() - started) / repeats * 1e3


def measure(rounds: int = 150, repeats: int = 3) -> list[dict[str, float | str]]:
    """Measure in many short rounds, so that other work of the machine affects all alike."""
    torch.set_num_threads(1)
    steps = {name: new_step(make()) for name, make in POLICIES.items()}
    calls = {name: (lambda s=step, b=batches: s(next(b))) for name, (step, batches) in steps.items()}
    for call in calls.values():
        milliseconds(call, 5)
    times = {name: [] for name in calls}
    for number in range(rounds):
        names = list(calls)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            times[name].append(milliseconds(calls[name], repeats))
    mse, divergence = torch.tensor(0.03), torch.rand(BATCH)
    moves = {
        name: (lambda p=step.experiment.objective.likelihood.gamma: p.update(mse, divergence))
        for name, (step, _) in steps.items()
    }
    updates = {name: min(milliseconds(move, 500) for _ in range(5)) for name, move in moves.items()}
    rows: list[dict[str, float | str]] = []
    for name, values in times.items():
        ratio = statistics.median(a / b for a, b in zip(values, times["fixed"], strict=True))
        row = {"gamma": name, "step_ms": statistics.median(values), "ratio": ratio, "update_us": 1e3 * updates[name]}
        percent = 100 * updates[name] / min(times["fixed"])
        rows.append({**row, "percent": percent, **({"percent_at_most": TARGETS[name]} if name in TARGETS else {})})
    return rows
