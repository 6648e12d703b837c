"""Published lines trained with the published network and learning rate, in the time available.

The trainings take hours on a CPU. Their checkpoints are in the cache, and the next call resumes
them.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from figures.gjs import published
from figures.gjs.published import Line
from vaelab._utils import checks
from vaelab._utils.files import cache_folder, digest
from vaelab.runs.round_robin import curve, train_round_robin
from vaelab.runs.store import VERSIONS, Numbers, Recipe, Result, provenance_here

# Stored as checkpoints and csv, not by `run_cached`, but with a version like a recipe.
VERSIONS["train-published-lines"] = 1

# Affordable without a GPU: the VAE, and the best of either family on MNIST.
FIRST = ("MNIST KL(q‖p)", "MNIST primed 0.1", "MNIST primed dual 0.3")


def title(line: Line) -> str:
    """Return the name of a line on the command line: data, name and alpha."""
    return f"{line.data} {line.name}" + ("" if line.alpha is None else f" {line.alpha:g}")


def folder() -> Path:
    """Return the folder of the trainings."""
    return cache_folder() / "reproduction"


def compute_reproduction(
    device: str,
    *,
    lines: Sequence[str],
    seeds: int,
    minutes: float | None = None,
    epochs_per_round: int = 5,
    **changes: Any,
) -> Result:
    """Train the named lines in turn, `turn` epochs each, for some minutes; return `read_curves`."""
    checks.positive_int("seeds", seeds)
    runs = [line.run(seed, **changes) for seed in range(seeds) for line in published.lines() if title(line) in lines]
    train_round_robin(runs, folder(), epochs_per_round=epochs_per_round, minutes=minutes, device=device)
    numbers, seconds = read_curves(seeds, **changes)
    which = Recipe("train-published-lines", VERSIONS["train-published-lines"])
    name = digest(json.dumps([*which, np.nan_to_num(numbers["curves"]).tolist()]))
    return Result(numbers, name, (which,), provenance_here(seconds))


def read_curves(seeds: int, **changes: Any) -> tuple[Numbers, float]:
    """Return the test error of every line after each epoch, and the seconds of all epochs.

    Numbers: curves [lines, seeds, epochs]; nan where nothing was trained.
    """
    recorded = [[curve(line.run(seed, **changes), folder()) for seed in range(seeds)] for line in published.lines()]
    epochs = [epoch for row in recorded for records in row for epoch in records]
    curves = np.full((len(recorded), seeds, max((epoch.epoch for epoch in epochs), default=1)), np.nan)
    for i, row in enumerate(recorded):
        for seed, records in enumerate(row):
            for epoch in records:
                curves[i, seed, epoch.epoch - 1] = epoch.reconstruction
    return {"curves": curves}, round(sum(epoch.seconds for epoch in epochs), 2)
