"""The training loop as an iterator that a student can read; `fit` exhausts it with a progress bar."""

import copy
import math
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from vaelab._utils import rng
from vaelab._utils.device import on_device
from vaelab._utils.domain import require_unit
from vaelab._utils.images import to_float
from vaelab.data.augment import check_domain
from vaelab.data.images import Images, as_images, binarize_images
from vaelab.objectives.objective import Experiment, LossTerms
from vaelab.training.checkpoints import Checkpointer
from vaelab.training.config import Train
from vaelab.training.cuda_graph import graphed
from vaelab.training.history import History, row_of
from vaelab.training.interventions import Interventions, TunableParameters
from vaelab.training.optimizer import adam, move_average, set_rate
from vaelab.training.pieces import joined

Transform = Callable[[Tensor], Tensor]


class Progress(NamedTuple):
    """Where training stands after a step; `terms` are still on the device, `row` is there at the end of an epoch."""

    epoch: int
    step: int
    steps: int
    terms: LossTerms
    row: dict[str, float] | None
    history: History


def fit(
    experiment: Experiment,
    data: Images,
    config: Train | None = None,
    *,
    interventions: Interventions | None = None,
    augment: Transform | None = None,
    resume: bool = False,
) -> History:
    """Train to the end and return the `History`, one row per epoch; shows a bar unless config.progress is False.

    Arguments and errors as for `train`.
    """
    from tqdm.auto import tqdm

    config = config or Train()
    history = History()
    with tqdm(disable=not config.progress, unit=" images", unit_scale=True, mininterval=0.2) as bar:
        for progress in train(experiment, data, config, interventions=interventions, augment=augment, resume=resume):
            history = progress.history
            bar.total = progress.steps * config.batch_size
            bar.update(progress.step * config.batch_size - bar.n)
            if (row := progress.row) is not None:
                shown = [name for name in ("loss", "nll", "divergence", "gamma") if math.isfinite(row[name])]
                bar.set_postfix({name: f"{row[name]:.4g}" for name in shown})
    return history


def train(
    experiment: Experiment,
    data: Images,
    config: Train | None = None,
    *,
    interventions: Interventions | None = None,
    augment: Transform | None = None,
    resume: bool = False,
) -> Iterator[Progress]:
    """Train `experiment` in place and yield a `Progress` after every step; break out at any time.

    data: a Dataset, or images [n, *shape] as uint8 or as floats in [0, 1]; with a likelihood whose
    domain is "real", any finite floats.  Seeds torch's global generator with config.seed.  interventions:
    turned from another thread, or planned.  augment: a random transformation of a batch of images
    [b, *shape] in [0, 1], or of such data as these, on the device.  resume: go on from the newest
    checkpoint in config.checkpoints, as if the training had never been interrupted (bit for bit on
    the CPU).

    Raises InvalidType or InvalidValue for unusable data or settings, TrainingError when the loss stops being finite,
    StorageError or DataError for checkpoints that cannot be written or read.
    """
    config, interventions = config or Train(), interventions or Interventions()
    device = on_device(config.device)
    images = as_images(data, experiment.shape, experiment.domain).to(device)
    check_domain("augment", augment, experiment.domain)
    if config.binarize != "no":
        require_unit(f"binarize={config.binarize!r}", experiment.domain)
    n, batch = len(images), config.batch_size
    per_epoch = config.batches(n)
    total = config.total(per_epoch)

    rng.seed(config.seed)
    torch.set_float32_matmul_precision("high" if config.precision == "tf32" else "highest")
    images = binarize_images(images) if config.binarize == "static" else images
    experiment.to(device).train()
    experiment.init_from_data(images)
    optimizer = adam(experiment, config, device)
    step = TrainStep(experiment, images, config, optimizer, augment)
    panel, history = TunableParameters(experiment, config.lr), History(average=step.average)
    interventions.restrict(panel.values)
    order = torch.arange(n, device=device)
    checkpointer = Checkpointer(config, step, order, panel, history)
    advance = graphed(step, batch) if config.cuda_graph else step
    first = checkpointer.resume() if resume else checkpointer.start()
    started = time.perf_counter()
    if first >= total and history.rows:
        yield _finished(total, history, device)

    for number in range(first, total):
        epoch, position = number // per_epoch + 1, number % per_epoch
        if position == 0:
            order.copy_(rng.permutation(n, device))
            step.sums.zero_()
            started = time.perf_counter()
        for name, value in interventions.due(number):
            history.interventions.append(panel.set(number, name, value))
        set_rate(optimizer, panel.lr * config.rate(number, per_epoch))

        terms = advance(order[position * batch : (position + 1) * batch])

        row = None
        if position + 1 == per_epoch or number + 1 == total:
            row = row_of(epoch, step.sums / (position + 1), experiment, started, panel.lr)
            history.rows.append(row)
        checkpointer.maybe_save(number + 1, ended=row is not None)
        yield Progress(epoch, number + 1, total, terms, row, history)


class TrainStep:
    """Calling it with the positions of a batch [b] trains on it and returns its `LossTerms`; nothing waits for the device.

    sums [4]: of loss, nll, divergence and mse over the steps, and [5] with the consistency where there is one;
    average: the experiment with averaged weights, if wanted.
    """

    def __init__(
        self, experiment: Experiment, images: Tensor, config: Train, optimizer: Optimizer, augment: Transform | None
    ) -> None:
        self.experiment, self.images, self.config, self.optimizer = experiment, images, config, optimizer
        self.augment = augment
        parts = 4 if experiment.objective.consistency is None else 5
        self.sums = torch.zeros(parts, device=images.device)
        self.average = copy.deepcopy(experiment) if config.ema_decay is not None else None
        self.forward = torch.compile(self.terms, fullgraph=True) if config.compile else self.terms
        self.autocast = torch.autocast(images.device.type, torch.bfloat16, enabled=config.precision == "bf16")

    def __call__(self, index: Tensor) -> LossTerms:
        self.optimizer.zero_grad(set_to_none=True)
        terms = self.gradients(index)
        if self.config.grad_clip is not None:
            clip_grad_norm_(self.experiment.parameters(), self.config.grad_clip)
        self.optimizer.step()
        self.experiment.update(terms)
        with torch.no_grad():
            if self.average is not None and self.config.ema_decay is not None:
                move_average(self.average, self.experiment, self.config.ema_decay)
            means = [terms.loss, terms.nll.mean(), terms.divergence.mean(), terms.mse, terms.consistency.mean()]
            self.sums += torch.stack(means[: len(self.sums)])
        return terms

    def gradients(self, index: Tensor) -> LossTerms:
        """Forward and backward through a batch, in `config.micro_batches` pieces whose gradients are averaged: its `LossTerms`."""
        parts = []
        for piece in index.tensor_split(min(self.config.micro_batches, len(index))):
            with self.autocast:
                terms: LossTerms = self.forward(self.images[piece])
            share = len(piece) / len(index)
            (terms.loss * share if share < 1 else terms.loss).backward()
            parts.append((share, terms))
        return joined(parts) if len(parts) > 1 else terms

    def terms(self, x: Tensor) -> LossTerms:
        """images [b, ...] as they are stored -> LossTerms: what is compiled, transformations and all."""
        terms: LossTerms = self.experiment(*self.shown(x))
        return terms

    def shown(self, x: Tensor) -> tuple[Tensor, ...]:
        """The images [b, ...] transformed, and a view of each where the experiment wants one; then binarized, each with
        noise of its own: the noise of a pixel is not transformed with it."""
        if self.augment is not None:
            x = self.augment(to_float(x))
        shown = (x,) if self.experiment.views is None else (x, self.experiment.views(to_float(x)))
        return tuple(rng.bernoulli(to_float(part)) for part in shown) if self.config.binarize == "dynamic" else shown


def _finished(total: int, history: History, device: torch.device) -> Progress:
    """Where a training stands that was resumed after its end: its last row, as terms."""
    row = history.rows[-1]
    names = ("loss", "nll", "divergence", "mse", "consistency")
    loss, nll, divergence, mse, apart = torch.tensor([row.get(name, 0.0) for name in names], device=device)
    terms = LossTerms(loss, nll[None], divergence[None], mse, apart[None])
    return Progress(int(row["epoch"]), total, total, terms, None, history)
