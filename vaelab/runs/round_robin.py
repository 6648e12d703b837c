"""Long trainings in turn, a few epochs each, so that they can be compared at any time."""

import csv
import math
import time
import zlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from vaelab._utils import checks
from vaelab._utils.errors import DataError, TrainingError
from vaelab._utils.files import atomic_write
from vaelab._utils.progress import tqdm
from vaelab._utils.reading import reading
from vaelab.metrics.reconstruction import rate_distortion
from vaelab.runs.executors import sweep_error
from vaelab.runs.run import Run
from vaelab.training.config import TrainConfig
from vaelab.training.loop import train


class Epoch(NamedTuple):
    """Means over the test images after an epoch.

    Args:
        epoch: Number of the epoch, from 1.
        reconstruction: Squared error at the posterior mean, summed over pixels.
        rate: KL(q‖p), nats.
        divergence: The divergence that is minimized.
        loss: Training loss.
        seconds: Duration of the epoch.
    """

    epoch: int
    reconstruction: float
    rate: float
    divergence: float
    loss: float
    seconds: float


def train_round_robin(
    runs: Sequence[Run], folder: Path, *, epochs_per_round: int = 5, minutes: float | None = None, device: str = "auto"
) -> None:
    """Train runs in rounds of a few epochs each, and measure the test images after every epoch.

    The same call resumes, also with more epochs. A run that fails stops no other one.

    Args:
        runs: The trainings, each with its total number of epochs.
        folder: Where checkpoints and records are stored.
        epochs_per_round: Epochs of a run before the next run continues.
        minutes: Stop at the end of the epoch in which this time is over.
        device: "auto", "cpu", "cuda", ...

    Raises:
        InvalidValue: If `epochs_per_round` is not positive.
        SweepError: In the end, if runs have diverged or have damaged files.
    """
    checks.positive_int("epochs_per_round", epochs_per_round)
    deadline = math.inf if minutes is None else time.monotonic() + 60 * minutes
    failures: dict[int, Exception] = {}
    total, done = sum(run.epochs for run in runs), 0
    for i, run in enumerate(runs):
        try:
            done += min(_last(curve(run, folder)), run.epochs)
        except DataError as error:
            failures[i] = error
    with tqdm(total=total, initial=done, unit="epoch") as bar:
        longest = max((run.epochs for run in runs), default=0)
        for goal in range(epochs_per_round, longest + epochs_per_round, epochs_per_round):
            for i, run in enumerate(runs):
                if i in failures or time.monotonic() > deadline:
                    continue
                bar.set_postfix_str(name_of(run))
                try:
                    _train_until(run, min(goal, run.epochs), folder, device, deadline, bar)
                except (DataError, TrainingError) as error:
                    failures[i] = error
    if failures:
        raise sweep_error([asdict(run) for run in runs], failures)


def curve(run: Run, folder: Path) -> list[Epoch]:
    """Read the records of a run; an epoch whose measurement was interrupted is missing."""
    path = folder / name_of(run) / "test.csv"
    if not path.is_file():
        return []
    with reading(path, "remove its damaged lines"):
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines(), strict=True))
        if [row[:6] for row in rows[:1]] != [list(Epoch._fields)]:
            raise ValueError("other columns")
        for number, row in enumerate(rows[1:], 2):
            if row[6:] != ([_check(row[:6])] if len(rows[0]) > 6 else []):
                raise ValueError(f"line {number}")
        return [Epoch(int(row[0]), *map(float, row[1:6])) for row in rows[1:]]


def _check(values: Sequence[object]) -> str:
    """Return the checksum that ends a line; files of older versions have none."""
    return f"{zlib.crc32(','.join(map(str, values)).encode()):08x}"


def name_of(run: Run) -> str:
    """Name the folder of a run by data, recipe, options and seed."""
    options = [f"{name}-{value}" for name, value in sorted(run.options.items())]
    return "_".join([run.data, run.recipe, *options, f"seed-{run.seed}"])


def _last(epochs: Sequence[Epoch]) -> int:
    return epochs[-1].epoch if epochs else 0


def _train_until(run: Run, goal: int, folder: Path, device: str, deadline: float, bar: tqdm) -> None:
    epochs = curve(run, folder)
    if _last(epochs) >= goal:
        return
    folder = folder / name_of(run)
    images, test = run.images("train"), run.images("test")
    experiment = run.experiment(images.shape[1:])
    config = TrainConfig(goal, run.batch_size, run.lr, run.seed, device, False, checkpoints=folder / "checkpoints")
    started = time.perf_counter()
    with closing(train(experiment, images, config, resume=True)) as steps:
        for progress in steps:
            if progress.row is None:
                continue
            measured = rate_distortion(experiment, test)
            epoch = Epoch(progress.epoch, *measured, progress.row["loss"], time.perf_counter() - started)
            epochs = [*(earlier for earlier in epochs if earlier.epoch < progress.epoch), epoch]
            with atomic_write(folder / "test.csv") as part, part.open("w", newline="", encoding="utf-8") as file:
                rows = [[*epoch, _check(epoch)] for epoch in epochs]
                csv.writer(file, lineterminator="\n").writerows([[*Epoch._fields, "check"], *rows])
            bar.update()
            if time.monotonic() > deadline:
                return
            started = time.perf_counter()
