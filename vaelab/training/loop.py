"""The training loop: `train` yields after every step, and `fit` runs it to the end."""

import copy
import math
import time
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import closing, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from vaelab._utils import rng
from vaelab._utils.device import announce_device, on_device
from vaelab._utils.domain import require_unit
from vaelab._utils.errors import InvalidValue
from vaelab._utils.files import lock, user_path
from vaelab._utils.images import to_float
from vaelab._utils.precision import tf32, without_autocast
from vaelab._utils.threads import adapt_threads
from vaelab._utils.typed import typed
from vaelab.data.augment import check_domain
from vaelab.data.images import Images, as_images, binarize_images
from vaelab.objectives.objective import Experiment, LossTerms
from vaelab.training.checkpoints import Checkpointer
from vaelab.training.config import TrainConfig
from vaelab.training.cuda_graph import capture
from vaelab.training.guard import is_refused, restore, step_unless
from vaelab.training.history import History, read_row
from vaelab.training.interventions import Interventions, TunableParameters
from vaelab.training.optimizer import adam, set_lr, to_channels_last, update_average

Transform = Callable[[Tensor], Tensor]


class Progress(NamedTuple):
    """The state of a training after a step.

    Args:
        epoch: Number of the epoch, from 1.
        step: Number of steps done.
        steps: Number of steps in all.
        terms: Loss terms of the step, still on the device.
        row: Row of the history at the end of an epoch, else None.
        history: The history so far.
    """

    epoch: int
    step: int
    steps: int
    terms: LossTerms
    row: dict[str, float] | None
    history: History


@typed
def fit(
    experiment: Experiment,
    data: Images,
    config: TrainConfig | None = None,
    *,
    interventions: Interventions | None = None,
    augment: Transform | None = None,
    resume: bool = False,
    changed: str | Collection[str] = (),
) -> History:
    """Train an experiment to the end, with a progress bar.

    Args:
        experiment: Experiment to train in place.
        data: Images, as for `train`, which describes all arguments and errors.
        config: How to train.
        interventions: Parameters to set during training.
        augment: Random transformation of a batch.
        resume: Continue from the newest checkpoint.
        changed: Settings of the objective that differ from the checkpoint on purpose.

    Returns:
        The history, one row per epoch.

    Example:
        >>> from vaelab import recipes
        >>> experiment = recipes.vae((1, 8, 8), 2, hidden=(16,))
        >>> config = TrainConfig(epochs=2, batch_size=50, progress=False)
        >>> history = fit(experiment, torch.rand(100, 1, 8, 8), config)
        >>> history["epoch"]
        [1, 2]
    """
    config = config or TrainConfig()
    if config.progress:
        announce_device(config.device, experiment.model)
    history = History()
    steps = train(
        experiment, data, config, interventions=interventions, augment=augment, resume=resume, changed=changed
    )
    with closing(steps):  # at once, or else the traceback of an error keeps the lock of the folder
        for progress in with_bar(steps, config):
            history = progress.history
    return history


def with_bar(steps: Iterator[Progress], config: TrainConfig) -> Iterator[Progress]:
    """Pass the steps of a training on, and show them as a progress bar."""
    from vaelab._utils.progress import tqdm

    with tqdm(disable=not config.progress, unit=" images", unit_scale=True, mininterval=0.2) as bar:
        for progress in steps:
            bar.total = progress.steps * config.batch_size
            bar.update(progress.step * config.batch_size - bar.n)
            if (row := progress.row) is not None:
                finite = [name for name in ("loss", "nll", "divergence", "gamma") if math.isfinite(row[name])]
                bar.set_postfix({name: f"{row[name]:.4g}" for name in finite})
            yield progress


@typed
def train(
    experiment: Experiment,
    data: Images,
    config: TrainConfig | None = None,
    *,
    interventions: Interventions | None = None,
    augment: Transform | None = None,
    resume: bool = False,
    changed: str | Collection[str] = (),
) -> Generator[Progress, None, None]:
    """Train an experiment in place, and yield after every step.

    On the CPU it takes fewer threads of torch while other processes use the cores, and says so once. Another
    number of threads changes results by rounding only; where `config.checkpoints` or the environment
    variable OMP_NUM_THREADS is set, it stays.

    Args:
        experiment: What to train. It may be read, and the loop left, at any step.
        data: A `Dataset`, or images [n, *shape]: uint8, or floats in [0, 1]. If the domain of the
            likelihood is "real", any finite floats.
        config: How to train. `config.seed` seeds torch's global generator.
        interventions: Parameters to set during training.
        augment: Random transformation of a batch [b, *shape] of floats, on the device.
        resume: Continue from the newest checkpoint in `config.checkpoints`; on the CPU, the result
            is bit for bit that of a training without interruption, also if `augment` or the views
            hold generators of their own; the global ones of NumPy and `random` are not stored. The
            objective must be that of the checkpoint.
        changed: Names of settings of the objective, such as "alpha" or "views", that differ from the
            checkpoint on purpose: the new values are taken, and the error without this names them.

    Returns:
        An iterator of `Progress`.

    Raises:
        InvalidType: If data or settings have the wrong type.
        InvalidValue: If data or settings are out of range.
        TrainingError: If the loss is not finite, or the guard skips all updates of an epoch.
        StorageError: If a checkpoint cannot be written.
        DataError: If no checkpoint is intact.

    Example:
        >>> from vaelab import recipes
        >>> experiment = recipes.vae((1, 8, 8), 2, hidden=(16,))
        >>> config = TrainConfig(steps=3, batch_size=50, progress=False)
        >>> for progress in train(experiment, torch.rand(100, 1, 8, 8), config):
        ...     print(progress.step, progress.epoch, tuple(progress.terms.nll.shape))
        1 1 (50,)
        2 1 (50,)
        3 2 (50,)
    """
    config = config or TrainConfig()
    check_inference_mode()
    if len(changed) and not resume:
        raise InvalidValue(f"changed must be empty unless resume=True, got {changed!r}.")
    # Another number of threads rounds differently, and a training with checkpoints resumes bit for bit.
    with (
        lock(user_path(config.checkpoints) / ".lock", wait=False) if config.checkpoints is not None else nullcontext(),
        adapt_threads(config.checkpoints is None, announce=config.progress) as adapt,
    ):
        changes = interventions or Interventions()
        yield from _train(experiment, data, config, changes, augment, resume, changed, adapt)


def _train(
    experiment: Experiment,
    data: Images,
    config: TrainConfig,
    interventions: Interventions,
    augment: Transform | None,
    resume: bool,
    changed: str | Collection[str],
    adapt: Callable[[], None],
) -> Iterator[Progress]:
    device = on_device(config.device, experiment.model)
    images = as_images(data, experiment.shape, experiment.domain).to(device)
    check_domain("augment", augment, experiment.domain)
    if config.binarize != "no":
        require_unit(f"binarize={config.binarize!r}", experiment.domain)
    interventions.restrict(tuple(TunableParameters(experiment, config.lr).values))  # before anything changes
    n, batch = len(images), config.batch_size
    per_epoch = config.steps_per_epoch(n)
    total = config.total_steps(per_epoch)

    rng.seed(config.seed)
    images = binarize_images(images) if config.binarize == "static" else images
    experiment.to(device).train()
    if config.channels_last:
        to_channels_last(experiment)
    experiment.init_from_data(images)
    optimizer = adam(experiment, config, device)
    step = TrainStep(experiment, images, config, optimizer, augment)
    parameters, history = TunableParameters(experiment, config.lr), History(average=step.average)
    order = torch.arange(n, device=device)
    checkpointer = Checkpointer(config, step, order, parameters, history, changed)
    first = checkpointer.resume() if resume else checkpointer.start()
    # After the state of the optimizer is loaded: a graph holds the addresses of all tensors.
    advance = capture(step, batch) if config.cuda_graph else step
    started = time.perf_counter()
    if first < total and history.rows and history.rows[-1]["epoch"] > first // per_epoch:
        history.rows.pop()  # of the epoch within which the training ended, and which goes on now
    if first >= total and history.rows:
        yield _last_progress(total, history, device)

    for number in range(first, total):
        epoch, position = number // per_epoch + 1, number % per_epoch
        if position == 0:
            order.copy_(rng.permutation(n, device))
            step.sums.zero_()
            started = time.perf_counter()
        for name, value in interventions.due(number):
            history.interventions.append(parameters.set(number, name, value))
        set_lr(optimizer, parameters.lr * config.lr_factor(number, per_epoch))

        adapt()
        terms = advance(order[position * batch : (position + 1) * batch])

        row = None
        if position + 1 == per_epoch or number + 1 == total:
            row = read_row(epoch, step.means(position + 1), experiment, started, parameters.lr)
            history.rows.append(row)
        checkpointer.maybe_save(number + 1, ended=row is not None)
        yield Progress(epoch, number + 1, total, terms, row, history)


def check_inference_mode() -> None:
    """Raise InvalidValue inside `torch.inference_mode()`, where no gradient can be computed."""
    if torch.is_inference_mode_enabled():
        raise InvalidValue("a training needs gradients, so it must be outside of torch.inference_mode().")


class TrainStep:
    """One optimizer step; nothing in it waits for the device.

    Args:
        experiment: Experiment on the device of the images.
        images: All images, [n, *shape].
        config: How to train.
        optimizer: Optimizer of the experiment.
        augment: Random transformation of a batch, or None.

    Returns:
        From the call on the indices of a batch [b]: its `LossTerms`. `sums` accumulates the means
        of loss, nll, divergence and mse, of consistency if there are views, and with a guard the number
        of skipped updates, whose means are left out: [4] to [6].
    """

    def __init__(
        self,
        experiment: Experiment,
        images: Tensor,
        config: TrainConfig,
        optimizer: Optimizer,
        augment: Transform | None,
    ) -> None:
        self.experiment, self.images, self.config, self.optimizer = experiment, images, config, optimizer
        self.augment = augment
        self.n_means = 4 if experiment.objective.consistency_weight is None else 5
        self.sums = torch.zeros(self.n_means + (config.guard is not None), device=images.device)
        self.buffers = list(experiment.buffers()) if config.guard is not None else []
        self.average = copy.deepcopy(experiment) if config.ema_decay is not None else None
        self.updates = torch.zeros((), device=images.device)  # of the average
        mode = None if isinstance(config.compile, bool) else config.compile
        compiles = config.compile is not False
        self.forward = torch.compile(self.compute_terms, fullgraph=True, mode=mode) if compiles else self.compute_terms
        self.reuses_memory = mode in ("reduce-overhead", "max-autotune")
        self.autocast = torch.autocast(images.device.type, torch.bfloat16, enabled=config.precision == "bf16")

    def __call__(self, index: Tensor) -> LossTerms:
        # Set for each step, so that nothing between two steps, or after the last, sees it.
        with tf32(self.config.precision == "tf32"):
            return self._take(index)

    def _take(self, index: Tensor) -> LossTerms:
        self.optimizer.zero_grad(set_to_none=True)
        before = [buffer.clone() for buffer in self.buffers]  # which the pass and the schedules change
        terms, refused = self.backward(index), None
        clip, guard = self.config.grad_clip, self.config.guard
        if clip is not None or guard is not None:
            norm = clip_grad_norm_(self.experiment.parameters(), math.inf if clip is None else clip)
        if guard is None:
            self.optimizer.step()
        else:
            refused = is_refused(norm, guard)
            step_unless(refused, self.optimizer)
        self.experiment.update(terms)
        with torch.no_grad():
            if refused is not None:
                restore(self.buffers, before, refused)
            if self.average is not None and self.config.ema_decay is not None:
                update_average(self.average, self.experiment, self.config.ema_decay, self.updates, refused)
            parts = [terms.loss, terms.nll.mean(), terms.divergence.mean(), terms.mse, terms.consistency.mean()]
            means = torch.stack(parts[: self.n_means])
            if refused is not None:
                means = torch.cat([torch.where(refused, 0, means), refused[None].to(means)])
            self.sums += means
        return terms

    def means(self, steps: int) -> Tensor:
        """Return the sums over the steps of an epoch as means, and the number of skipped updates as it is."""
        if self.config.guard is None:
            return self.sums / steps
        skipped = self.sums[-1:]
        return torch.cat([self.sums[:-1] / (steps - skipped), skipped])

    @torch.enable_grad()
    def backward(self, index: Tensor) -> LossTerms:
        """Compute gradients and terms of a batch, in `config.micro_batches` parts."""
        shares, parts = [], []
        for part in index.tensor_split(min(self.config.micro_batches, len(index))):
            with self.autocast:
                terms: LossTerms = self.forward(self.images[part])
            shares.append(len(part) / len(index))
            (terms.loss * shares[-1] if shares[-1] < 1 else terms.loss).backward()
            # Inductor's CUDA graphs write the next results over these.
            parts.append(LossTerms(*(term.detach().clone() for term in terms)) if self.reuses_memory else terms)
        return parts[0] if len(parts) == 1 else _join(shares, parts)

    def compute_terms(self, x: Tensor) -> LossTerms:
        """Compute the terms of stored images [b, ...]; this is what is compiled."""
        terms: LossTerms = self.experiment(*self.prepare(x))
        return terms

    @without_autocast
    def prepare(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the augmented images [b, ...] and, if the experiment compares them, their views.

        Binarization comes last and separately for each, so that its noise is not transformed.
        """
        if self.augment is not None:
            x = self.augment(to_float(x))
        inputs = (x,) if self.experiment.views is None else (x, self.experiment.views(to_float(x)))
        return tuple(rng.bernoulli(to_float(part)) for part in inputs) if self.config.binarize == "dynamic" else inputs


def _join(shares: list[float], parts: list[LossTerms]) -> LossTerms:
    """Average means [] by share and concatenate terms [b]."""
    fields = zip(*parts, strict=True)
    return LossTerms(
        *(torch.cat(f) if f[0].dim() else sum(s * v for s, v in zip(shares, f, strict=True)) for f in fields)
    )


def _last_progress(total: int, history: History, device: torch.device) -> Progress:
    """Return the progress of a training that was resumed after its end, from its last row."""
    row = history.rows[-1]
    names = ("loss", "nll", "divergence", "mse", "consistency")
    loss, nll, divergence, mse, consistency = torch.tensor([row.get(name, 0.0) for name in names], device=device)
    terms = LossTerms(loss, nll[None], divergence[None], mse, consistency[None])
    return Progress(int(row["epoch"]), total, total, terms, None, history)
