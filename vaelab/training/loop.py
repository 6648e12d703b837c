"""The training loop as an iterator that a student can read; `fit` exhausts it with a progress bar."""

import math
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vaelab._utils import rng
from vaelab._utils.device import on_device
from vaelab._utils.errors import InvalidValue, TrainingError
from vaelab.data.dataset import Dataset
from vaelab.data.images import as_images, black_and_white
from vaelab.divergences.modules import GeometricJS
from vaelab.objectives.experiment import Experiment
from vaelab.objectives.objective import Terms
from vaelab.training import memory
from vaelab.training.checkpoints import Keeper
from vaelab.training.config import Train
from vaelab.training.history import History
from vaelab.training.interventions import Knobs, Panel
from vaelab.training.step import Augment, Step, adam, graphed, set_rate

Images = Dataset | Tensor | np.ndarray


class Progress(NamedTuple):
    """Where training stands after a step; `terms` are still on the device, `row` is there at the end of an epoch."""

    epoch: int
    step: int
    steps: int
    terms: Terms
    row: dict[str, float] | None
    history: History


def train(
    experiment: Experiment,
    data: Images,
    config: Train | None = None,
    *,
    knobs: Knobs | None = None,
    augment: Augment | None = None,
    resume: bool = False,
) -> Iterator[Progress]:
    """Train `experiment` in place and yield a `Progress` after every step; break out at any time.

    data: a Dataset, or images [n, *shape] as uint8 or as floats in [0, 1].  Seeds torch's global generator with
    config.seed.  knobs: turned from another thread, or planned.  augment: a random transformation of a batch of
    images [b, *shape] in [0, 1], on the device.  resume: go on from the newest checkpoint in
    config.checkpoints, as if the training had never been interrupted (bit for bit on the CPU).

    Raises InvalidType or InvalidValue for unusable data or settings, TrainingError when the loss stops being finite,
    StorageError or DataError for checkpoints that cannot be written or read.
    """
    config, knobs = config or Train(), knobs or Knobs()
    device = on_device(config.device)
    images = as_images(data, experiment.shape).to(device)
    n, batch = len(images), config.batch_size
    if batch > n:
        raise InvalidValue(f"batch_size is {batch}, but there are only {n} images; choose a smaller batch.")
    per_epoch = n // batch
    total = config.total(per_epoch)

    rng.seed(config.seed)
    torch.set_float32_matmul_precision("high" if config.precision == "tf32" else "highest")
    images = black_and_white(images) if config.binarise == "static" else images
    experiment.to(device).train()
    experiment.objective.heat.fill_(1.0)  # whatever an earlier training with warm-up left
    experiment.begin(images)
    optimiser = adam(experiment, config, device)
    step = Step(experiment, images, config, optimiser, augment)
    panel, history = Panel(experiment, config.lr), History(average=step.average)
    knobs.bind([*panel.values, "lr"])
    order = torch.arange(n, device=device)
    keeper = Keeper(config, step, order, panel, history)
    advance = graphed(step, batch) if config.cuda_graph else step
    first = keeper.restore() if resume else keeper.fresh()
    started = time.perf_counter()
    if first >= total and history.rows:
        yield _finished(total, history, device)

    with memory.kept():
        for number in range(first, total):
            epoch, position = number // per_epoch + 1, number % per_epoch
            if position == 0:
                order.copy_(rng.permutation(n, device))
                step.sums.zero_()
                started = time.perf_counter()
            for name, value in knobs.take(number):
                history.interventions.append(panel.set(number, name, value))
            set_rate(optimiser, panel.lr * config.rate(number, per_epoch))
            if number < config.warmup:
                experiment.objective.heat.fill_(config.heat(number))

            terms = advance(order[position * batch : (position + 1) * batch])

            row = None
            if position + 1 == per_epoch or number + 1 == total:
                row = row_of(epoch, step.sums / (position + 1), experiment, started, panel.lr)
                history.rows.append(row)
            keeper.keep(number + 1, epoch if row else None)
            yield Progress(epoch, number + 1, total, terms, row, history)


def fit(
    experiment: Experiment,
    data: Images,
    config: Train | None = None,
    *,
    knobs: Knobs | None = None,
    augment: Augment | None = None,
    resume: bool = False,
) -> History:
    """Train to the end and return the `History`, one row per epoch; shows a bar unless config.progress is False.

    Arguments and errors as for `train`.
    """
    from tqdm.auto import tqdm

    config = config or Train()
    history = History()
    with tqdm(disable=not config.progress, unit=" images", unit_scale=True, mininterval=0.2) as bar:
        for progress in train(experiment, data, config, knobs=knobs, augment=augment, resume=resume):
            history = progress.history
            bar.total = progress.steps * config.batch_size
            bar.update(progress.step * config.batch_size - bar.n)
            if (row := progress.row) is not None:
                shown = [name for name in ("loss", "nll", "divergence", "gamma") if math.isfinite(row[name])]
                bar.set_postfix({name: f"{row[name]:.4g}" for name in shown})
    return history


def _finished(total: int, history: History, device: torch.device) -> Progress:
    """Where a training stands that was resumed after its end: its last row, as terms."""
    row = history.rows[-1]
    names = ("loss", "nll", "divergence", "mse", "consistency")
    loss, nll, divergence, mse, apart = torch.tensor([row.get(name, 0.0) for name in names], device=device)
    terms = Terms(loss, nll[None], divergence[None], mse, apart[None])
    return Progress(int(row["epoch"]), total, total, terms, None, history)


def row_of(epoch: int, means: Tensor, experiment: Experiment, started: float, lr: float) -> dict[str, float]:
    """Read the epoch's means off the device: the one synchronisation of an epoch."""
    loss, nll, divergence, mse, *apart = means.tolist()
    gamma, term = experiment.objective.likelihood.gamma, experiment.objective.divergence
    row = {"epoch": epoch, "loss": loss, "nll": nll, "divergence": divergence, "mse": mse}
    row["gamma"] = float(gamma.gamma.detach()) if gamma is not None else math.nan
    if isinstance(term, GeometricJS) and term.trainable:
        row["alpha"] = float(term.alpha.detach())
    if (heating := experiment.objective.heating) is not None:
        row["heat"] = float(heating.heat)
    if apart:
        row["consistency"] = apart[0]
    for name in ("nll", "divergence", "loss"):
        if not math.isfinite(row[name]):
            raise TrainingError(
                f"the {name} became {row[name]} in epoch {epoch}; lower lr (now {lr:g}) or alpha and try again."
            )
    return {**row, "seconds": time.perf_counter() - started}
