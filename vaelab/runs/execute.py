"""Train and measure runs: the stored ones are read, the others trained in parallel or stacked."""

import json
import threading
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict
from typing import Any

from vaelab._utils.device import device_name
from vaelab._utils.errors import TrainingError
from vaelab.objectives.objective import Experiment
from vaelab.runs.measure import measure
from vaelab.runs.run import Run, checksum
from vaelab.runs.store import BatchRunner, Computation, Numbers, Result, recipe, run_cached
from vaelab.training.config import Train
from vaelab.training.ensemble import fit_many

# Executors may run tasks in threads, but torch has one random generator per process.
ONE_AT_A_TIME = threading.Lock()


def train_all(
    runs: Sequence[Run],
    device: str = "auto",
    executor: Executor | None = None,
    *,
    function: Computation | None = None,
    stacked: bool = False,
    **options: Any,
) -> list[Result]:
    """The results of all runs, in order: those kept are read, the others trained in parallel and kept when done.

    executor: where to train, as for `sweep`.  stacked: runs that differ in numbers only are trained several at a time,
    as by `fit_many`, which is quicker and gives the same results but for rounding.  Raises what
    `store.run_cached` and `train_one` raise.
    """
    sums = {which: checksum(*which) for which in {(run.data, run.limit) for run in runs}}
    device = device_name(device)
    tasks = [{**asdict(run), **options, "device": device} for run in runs]
    data = [sums[run.data, run.limit] for run in runs]
    processes = None if device == "cpu" else 1
    batch = BatchRunner(alike, train_together) if stacked else None
    return run_cached(function or train_one, tasks, data, executor, processes=processes, batch=batch)


@recipe("train-and-measure", version=1)
def train_one(*, device: str, **settings: Any) -> Numbers:
    """Train a `Run` of these settings, then measure on training and test images, and keep what it shows.

    Returns what `measure.measure` does.  Raises TrainingError, naming the run, when its loss stops being finite.
    """
    return train_together([{"device": device, **settings}])[0]


def train_together(tasks: Sequence[dict[str, Any]]) -> list[Numbers]:
    """`train_one` for several tasks that differ in the options and seeds of their runs only."""
    device, runs = tasks[0]["device"], [Run(**{k: v for k, v in task.items() if k != "device"}) for task in tasks]
    first = runs[0]
    seen = {split: first.images(split) for split in ("train", "test")}
    config = Train(
        first.epochs, first.batch_size, first.lr, first.seed, device, progress=False, binarize=first.binarize
    )

    def make(index: int, seed: int) -> Experiment:
        return runs[index].experiment(tuple(seen["train"].shape[1:]))

    with ONE_AT_A_TIME:
        try:
            settings = [{"index": i, "seed": run.seed} for i, run in enumerate(runs)]
            trained = fit_many(make, settings, seen["train"], config)
        except TrainingError as error:
            names = "; ".join(f"{run.recipe} {run.options}, seed {run.seed}" for run in runs)
            raise TrainingError(f"{names}: {error}") from error
        return [
            measure(experiment, history, seen, {split: run.inputs(x) for split, x in seen.items()})
            for run, experiment, history in zip(runs, trained.experiments, trained, strict=True)
        ]


STACKED = 8  # members of a stack: more gain little, and all of a stack are lost when it is interrupted


def alike(tasks: Sequence[dict[str, Any]]) -> list[list[int]]:
    """Which tasks may be stacked: dense runs that differ in the numbers among their options and in their seeds only;
    at most `STACKED` in a group, and the largest groups first."""
    groups: dict[str, list[int]] = {}
    for i, task in enumerate(tasks):
        kinds = {name: "number" if isinstance(value, float) else value for name, value in task["options"].items()}
        stackable = task["network"] == "mlp" and not task["noise"]
        groups.setdefault(json.dumps({**task, "options": kinds, "seed": None if stackable else i}), []).append(i)
    parts = []
    for group in groups.values():
        pieces = -(-len(group) // STACKED)
        parts += [group[k::pieces] for k in range(pieces)]
    return sorted(parts, key=len, reverse=True)
