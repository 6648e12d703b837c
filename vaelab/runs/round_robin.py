"""Long trainings side by side: a few epochs each in turn, so that all are comparable whenever they are stopped."""

import csv
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tqdm.auto import tqdm

from vaelab._utils import checks
from vaelab._utils.files import atomic_write
from vaelab.metrics.reconstruction import rate_distortion
from vaelab.runs.run import Run
from vaelab.training.config import Train
from vaelab.training.loop import train


class Epoch(NamedTuple):
    """After an epoch: squared error summed over the pixels of a test image at the posterior mean, KL(q‖p) and the
    divergence minimized, in nats, on the test images; the training loss, and the seconds that the epoch took."""

    epoch: int
    reconstruction: float
    rate: float
    divergence: float
    loss: float
    seconds: float


def train_round_robin(
    runs: Sequence[Run], folder: Path, *, turn: int = 5, minutes: float | None = None, device: str = "auto"
) -> None:
    """Train every run to its epochs, `turn` epochs at a time, and record the test images after every epoch.

    folder: of the checkpoints and records; the same call goes on where an earlier one stopped, with more epochs if
    the runs now have more.  minutes: stop at the end of the epoch in which they are over.

    Raises InvalidType or InvalidValue for a turn that is no whole number of at least 1, and what `vaelab.train` raises.
    """
    checks.positive_int("turn", turn)
    deadline = math.inf if minutes is None else time.monotonic() + 60 * minutes
    longest = max((run.epochs for run in runs), default=0)
    with tqdm(total=sum(run.epochs for run in runs), initial=done(runs, folder), unit="epoch") as bar:
        for goal in range(turn, longest + turn, turn):
            for run in runs:
                if time.monotonic() > deadline:
                    return
                bar.set_postfix_str(name_of(run))
                _advance(run, min(goal, run.epochs), folder, device, deadline, bar)


def done(runs: Sequence[Run], folder: Path) -> int:
    """How many epochs of these runs lie in the folder."""
    return sum(min(reached(curve(run, folder)), run.epochs) for run in runs)


def reached(rows: Sequence["Epoch"]) -> int:
    """The last epoch on record; one whose measurement was interrupted is missing before it."""
    return rows[-1].epoch if rows else 0


def curve(run: Run, folder: Path) -> list[Epoch]:
    """What has been recorded of a run, in order of the epochs; nothing where it has never been trained."""
    path = _record(run, folder)
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as file:
        rows = [
            Epoch(int(row["epoch"]), *(float(row[name]) for name in Epoch._fields[1:])) for row in csv.DictReader(file)
        ]
    return rows


def name_of(run: Run) -> str:
    """The folder of a run: data, recipe, options and seed."""
    options = [f"{name}-{value}" for name, value in sorted(run.options.items())]
    return "_".join([run.data, run.recipe, *options, f"seed-{run.seed}"])


def _advance(run: Run, goal: int, folder: Path, device: str, deadline: float, bar: tqdm) -> None:
    """Train one run up to epoch `goal`, or until the time is over."""
    rows = curve(run, folder)
    if reached(rows) >= goal:
        return
    images, test = run.images("train"), run.images("test")
    experiment = run.experiment(tuple(images.shape[1:]))
    settings = Train(
        goal,
        run.batch_size,
        run.lr,
        run.seed,
        device,
        progress=False,
        checkpoints=folder / name_of(run) / "checkpoints",
    )
    started = time.perf_counter()
    for progress in train(experiment, images, settings, resume=True):
        if progress.row is None:
            continue
        measured = rate_distortion(experiment, test)
        seconds = time.perf_counter() - started
        earlier = [row for row in rows if row.epoch < progress.epoch]
        rows = [*earlier, Epoch(progress.epoch, *measured, progress.row["loss"], seconds)]
        _write(_record(run, folder), rows)
        bar.update()
        if time.monotonic() > deadline:
            return
        started = time.perf_counter()


def _record(run: Run, folder: Path) -> Path:
    return folder / name_of(run) / "test.csv"


def _write(path: Path, rows: Sequence[Epoch]) -> None:
    with atomic_write(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Epoch._fields)
        writer.writerows(rows)
