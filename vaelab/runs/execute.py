"""Train and measure runs: stored results are read, the others computed in parallel or stacked."""

import json
import threading
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict
from typing import Any

from vaelab._utils.device import device_name
from vaelab._utils.errors import TrainingError
from vaelab.objectives.objective import Experiment
from vaelab.runs.executors import Failure, Task, attempt
from vaelab.runs.measure import measure
from vaelab.runs.run import Run, checksum
from vaelab.runs.store import BatchRunner, Numbers, Result, recipe, run_cached
from vaelab.training.config import TrainConfig
from vaelab.training.ensemble import EnsembleError, fit_many

# Executors may run tasks in threads, but torch has one random generator per process.
ONE_AT_A_TIME = threading.Lock()
STACKED = 8  # members of a stack: more gain little, and an interruption loses the whole stack


@recipe("train-and-measure", version=1)
def train_one(*, device: str, **settings: Any) -> Numbers:
    """Train a `Run` of these settings, and return the numbers of `measure`.

    Raises:
        TrainingError: If the loss is not finite.
    """
    (outcome,) = train_together([{"device": device, **settings}])
    if isinstance(outcome, Failure):
        raise outcome.error
    return outcome


def train_all(
    runs: Sequence[Run],
    device: str = "auto",
    executor: Executor | None = None,
    *,
    stacked: bool = False,
) -> list[Result]:
    """Train and measure runs in parallel, except those whose results are stored.

    Args:
        runs: The trainings.
        device: "auto", "cpu", "cuda", ...; on a GPU, one training at a time.
        executor: As for `sweep`.
        stacked: Train runs that differ in numbers only together with `fit_many`, which is faster
            and equal up to rounding.

    Returns:
        One result per run, in order, with the numbers of `measure`.

    Raises:
        SweepError: After all others have been trained and stored, if losses are not finite or
            workers die; the same call trains only these again.
        StorageError: If the store cannot be written.
    """
    device = device_name(device)
    sums = {which: checksum(*which) for which in {(run.data, run.limit) for run in runs}}
    tasks = [{**asdict(run), "device": device} for run in runs]
    data = [sums[run.data, run.limit] for run in runs]
    batch = BatchRunner(stackable_groups, train_together) if stacked else None
    return run_cached(train_one, tasks, data, executor, processes=None if device == "cpu" else 1, batch=batch)


def train_together(tasks: Sequence[Task]) -> list[Numbers | Failure]:
    """Compute `train_one` for several tasks that differ in numeric options and seeds only.

    Returns:
        The numbers of every task, or its `Failure`.
    """
    device, runs = tasks[0]["device"], [Run(**{k: v for k, v in task.items() if k != "device"}) for task in tasks]
    first = runs[0]
    images = {split: first.images(split) for split in ("train", "test")}
    config = TrainConfig(
        first.epochs, first.batch_size, first.lr, first.seed, device, progress=False, binarize=first.binarize
    )

    def make(index: int, seed: int) -> Experiment:
        return runs[index].experiment(images["train"].shape[1:])

    with ONE_AT_A_TIME:
        failures: dict[int, str] = {}
        try:
            settings = [{"index": i, "seed": run.seed} for i, run in enumerate(runs)]
            histories = fit_many(make, settings, images["train"], config)
        except EnsembleError as error:
            histories, failures = error.histories, error.failures

        def measured(i: int) -> Numbers:
            if i in failures:
                raise TrainingError(failures[i])
            inputs = {split: runs[i].inputs(x) for split, x in images.items()}
            return measure(histories.experiments[i], histories[i], images, inputs)

        return [attempt(measured, {"i": i}) for i in range(len(runs))]


def stackable_groups(tasks: Sequence[Task]) -> list[list[int]]:
    """Group the tasks that can be stacked: dense networks, equal but for numeric options and seeds.

    Returns:
        Lists of at most `STACKED` indices, the longest first.
    """
    groups: dict[str, list[int]] = {}
    for i, task in enumerate(tasks):
        kinds = {name: "number" if isinstance(value, float) else value for name, value in task["options"].items()}
        stackable = task["network"] == "mlp" and not task["noise"]
        groups.setdefault(json.dumps({**task, "options": kinds, "seed": None if stackable else i}), []).append(i)
    stacks = []
    for group in groups.values():
        count = -(-len(group) // STACKED)
        stacks += [group[k::count] for k in range(count)]
    return sorted(stacks, key=len, reverse=True)
