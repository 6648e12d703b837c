"""Experiments that differ only in numbers (alpha, gamma, weight, seed), trained as one."""

import copy
import inspect
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from vaelab._utils import checks
from vaelab._utils.device import announce_device, on_device
from vaelab._utils.errors import InvalidType, InvalidValue, TrainingError
from vaelab._utils.precision import tf32
from vaelab._utils.progress import tqdm
from vaelab._utils.typed import typed
from vaelab.data.images import Images, as_images
from vaelab.divergences.kernel_mmd import MMD
from vaelab.models.vae import VAE, ForwardPass
from vaelab.objectives.objective import Experiment, LossTerms, Objective
from vaelab.training.config import TrainConfig
from vaelab.training.history import History, read_row
from vaelab.training.loop import check_inference_mode, train, with_bar
from vaelab.training.optimizer import has_fused_adam, parameter_groups, set_lr

# benchmarks/ensemble.py measures when stacking is faster. On one thread, a step of 20 networks takes
# 0.26 of the time of 20 single steps for 64-64-2, 0.86 for 784-400-20, and 0.98 for 784-400-20 with a
# Bernoulli likelihood. Two networks are slower together, and so are wide convolutions (1.25 for five
# of 32 and 64 channels). Batched products written by hand are 1.1 to 1.3 times faster than vmap.
MIN_MEMBERS = 3
DENSE = (nn.Sequential, nn.Flatten, nn.Unflatten, nn.Linear, nn.ReLU, nn.Tanh, nn.Sigmoid)
UNSUPPORTED = (
    *("ema_decay", "binarize", "precision", "compile", "cuda_graph", "channels_last", "micro_batches", "guard"),
    *("data_parallel", "optimizer", "eps", "checkpoint_cells"),
)


class Histories(list[History]):
    """The histories of `fit_many`, one per setting.

    Args:
        histories: Histories in the order of the settings.
        experiments: Trained experiments in the same order.
        method: "stacked: ..." or "one by one: " and the reason.
    """

    def __init__(self, histories: Sequence[History], experiments: list[Experiment], method: str) -> None:
        super().__init__(histories)
        self.experiments, self.method = experiments, method


class EnsembleError(TrainingError):
    """Members of `fit_many` have diverged; the others are trained, and kept here.

    Args:
        message: One sentence that names the members and why they failed.
        failures: The reason of every failed member, by its number in the settings.
        histories: Histories and experiments of all members; those of a failed one end before the
            epoch in which it failed.
    """

    def __init__(self, message: str, failures: dict[int, str], histories: Histories) -> None:
        super().__init__(message, failures, histories)
        self.failures, self.histories = failures, histories


@typed
def fit_many(
    make: Callable[..., Experiment], settings: Sequence[dict[str, Any]], data: Images, config: TrainConfig | None = None
) -> Histories:
    """Train an experiment for every setting, each as if alone.

    Alone means: `torch.manual_seed(seed)`, `make(**setting)`, `fit` with that seed; what a member
    shares with an earlier one is copied before the first is trained. Three or more
    dense networks that differ only in numbers are stacked, and each step is taken for all of them
    at once. Others are trained one by one, as are those with options such as `ema_decay`.

    Args:
        make: Function that returns an `Experiment`.
        settings: Keyword arguments of `make`, one dictionary per experiment. "seed", by default
            `config.seed`, also determines weights, noise and order of the data.
        data: A `Dataset` or images, as for `fit`.
        config: How to train; `checkpoints` is not supported.

    Returns:
        One `History` per setting. In stacked histories, "seconds" are those of all members.

    Raises:
        InvalidType: If a setting does not fit `make`, or `make` returns no experiment.
        InvalidValue: If there are no settings, or for what `fit` rejects.
        EnsembleError: If losses of members are not finite, after all others have been trained; its
            `histories` are those of all members.

    Example:
        >>> from vaelab import recipes
        >>> def make(alpha, seed):
        ...     return recipes.gjs_vae((1, 8, 8), 2, hidden=(16,), alpha=alpha)
        >>> settings = [{"alpha": alpha, "seed": 0} for alpha in (0.1, 0.5, 0.9)]
        >>> config = TrainConfig(epochs=1, batch_size=50, progress=False)
        >>> histories = fit_many(make, settings, torch.rand(100, 1, 8, 8), config)
        >>> len(histories), histories.method
        (3, 'stacked: 3 dense networks')
    """
    config = config or TrainConfig()
    seeds = _check_settings(make, settings, config)
    members: list[Experiment] = []
    for setting, seed in zip(settings, seeds, strict=True):
        member = _build(make, setting, seed)
        members.append(copy.deepcopy(member) if _share_tensors([*members, member]) else member)
    if config.progress:
        announce_device(config.device, members[0].model)
    histories = [History() for _ in members]
    failures: dict[int, str] = {}
    if (reason := why_not_stackable(members, config)) is not None:
        method = f"one by one: {reason}"
        _fit_one_by_one(members, seeds, data, config, histories, failures)
    else:
        method = f"stacked: {len(members)} dense networks"
        _fit_stacked(members, seeds, data, config, histories, failures)
    trained = Histories(histories, members, method)
    if failures:
        names = "; ".join(f"settings[{i}] {settings[i]!r:.200}: {failures[i].rstrip('.')}" for i in sorted(failures))
        raise EnsembleError(f"{len(failures)} of {len(members)} members failed: {names}.", failures, trained)
    return trained


def _fit_one_by_one(
    members: list[Experiment],
    seeds: list[int],
    data: Images,
    config: TrainConfig,
    histories: list[History],
    failures: dict[int, str],
) -> None:
    """Fill `histories`, and `failures` by number of the member."""
    for i, (member, seed) in enumerate(zip(members, seeds, strict=True)):
        try:
            for progress in with_bar(train(member, data, replace(config, seed=seed)), config):
                histories[i] = progress.history
        except TrainingError as error:
            failures[i] = str(error)


def _check_settings(
    make: Callable[..., Experiment], settings: Sequence[dict[str, Any]], config: TrainConfig
) -> list[int]:
    """Check everything before the first network is built, and return the seed of every setting."""
    if config.checkpoints is not None:
        raise InvalidValue(f"checkpoints must be None in fit_many, got {config.checkpoints!r}; use fit.")
    if not len(settings):
        raise InvalidValue("settings must hold at least one dict, got none.")
    for setting in settings:
        try:
            inspect.signature(make).bind(**setting)
        except TypeError as error:
            raise InvalidType(f"settings must fit the parameters of make, got {setting!r:.200}: {error}.") from error
    return [checks.seed(setting.get("seed", config.seed)) for setting in settings]


def _build(make: Callable[..., Experiment], setting: dict[str, Any], seed: int) -> Experiment:
    torch.manual_seed(seed)
    member = make(**setting)
    if not isinstance(member, Experiment):
        raise InvalidType(f"make must return an Experiment, got {type(member).__name__}.")
    return member


@torch.enable_grad()
def _fit_stacked(
    members: list[Experiment],
    seeds: list[int],
    data: Images,
    config: TrainConfig,
    histories: list[History],
    failures: dict[int, str],
) -> None:
    """Run the loop of `train` for all members, each on batches in its own order; results as above."""
    check_inference_mode()
    device = on_device(config.device, members[0].model)
    images = as_images(data, members[0].shape, members[0].domain).to(device)
    per_epoch = config.steps_per_epoch(len(images))
    total = config.total_steps(per_epoch)
    for member in members:
        member.to(device).train().init_from_data(images)
    stack, k = Stack(members, seeds, device), len(members)
    groups = parameter_groups(members[0], stack.parameters)
    fused = has_fused_adam(device) or None
    optimizer = torch.optim.Adam(groups, lr=config.lr, weight_decay=config.weight_decay, fused=fused)
    sums = torch.zeros(k, 4, device=device)
    for step in tqdm(range(total), disable=not config.progress, unit="batch", desc=f"{k} stacked", mininterval=0.2):
        epoch, position = step // per_epoch + 1, step % per_epoch
        if position == 0:
            batches = stack.permutations(len(images)).split(config.batch_size, dim=1)
            sums.zero_()
            started = time.perf_counter()
        set_lr(optimizer, config.lr * config.lr_factor(step, per_epoch))
        optimizer.zero_grad(set_to_none=True)
        with tf32(False):  # other precisions are not stacked
            terms = stack(images.index_select(0, batches[position].flatten()).unflatten(0, (k, -1)))
            terms.loss.sum().backward()
        if config.grad_clip is not None:
            stack.clip(config.grad_clip)
        optimizer.step()
        stack.update(terms)
        with torch.no_grad():
            sums += torch.stack([terms.loss, terms.nll.mean(1), terms.divergence.mean(1), terms.mse], 1)
        if position + 1 == per_epoch or step + 1 == total:
            stack.copy_to_members()
            for i, means in enumerate(sums / (position + 1)):
                if i in failures:  # no sum of the stack mixes members, so the others do not see it
                    continue
                try:
                    histories[i].rows.append(read_row(epoch, means, members[i], started, config.lr))
                except TrainingError as error:
                    failures[i] = str(error)
            if len(failures) == k:
                return


class _Forward(nn.Module):
    """`Experiment.forward` with given noise, since vmap cannot draw from a generator per member."""

    def __init__(self, experiment: Experiment) -> None:
        super().__init__()
        self.experiment = experiment

    def forward(self, images: Tensor, noise: Tensor) -> LossTerms:
        model, x = self.experiment.model, self.experiment.as_input(images)
        q = model.posterior(x)
        z = q.mean + torch.exp(0.5 * q.logvar) * noise
        terms: LossTerms = self.experiment.objective(
            x, ForwardPass((q,), (model.prior.for_pass(z),), (z,), model.decoder(z))
        )
        return terms


class _Update(_Forward):
    """`Experiment.update` as a module, which `functional_call` requires."""

    def forward(self, terms: LossTerms) -> Tensor:  # type: ignore[override]
        self.experiment.update(terms)
        return terms.loss  # vmap requires a tensor


class Stack:
    """K experiments of one architecture: every parameter and buffer is one tensor [K, ...].

    Args:
        members: Experiments in training mode on `device`.
        seeds: Seeds of the members' generators, which draw what the global one draws in `fit`.
        device: Device of the members.

    Returns:
        From the call on images [K, b, *shape]: `LossTerms` of [K] and [K, b].
    """

    def __init__(self, members: Sequence[Experiment], seeds: Sequence[int], device: torch.device) -> None:
        self.members = members
        self.generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]
        self.parameters, buffers = stack_module_state(list(members))
        self.state = {f"experiment.{name}": tensor for name, tensor in {**self.parameters, **buffers}.items()}
        self._forward = vmap(partial(functional_call, _Forward(members[0])))
        self._update = vmap(partial(functional_call, _Update(members[0])))

    def permutations(self, n: int) -> Tensor:
        """Draw a permutation of n images for every member: [K, n]."""
        return torch.stack([torch.randperm(n, generator=g, device=g.device) for g in self.generators])

    def __call__(self, images: Tensor) -> LossTerms:
        noise = next(iter(self.parameters.values())).new_empty(*images.shape[:2], self.members[0].model.latent)
        for row, generator in zip(noise, self.generators, strict=True):
            row.normal_(generator=generator)
        terms: LossTerms = self._forward(self.state, (images, noise))
        return terms

    def update(self, terms: LossTerms) -> None:
        """Update the gamma policy and the annealing of every member, once per optimizer step."""
        self._update(self.state, (LossTerms(*(term.detach() for term in terms)),))

    def clip(self, max_norm: float) -> None:
        """Scale the gradient of every member down to a maximum norm."""
        gradients = [tensor.grad for tensor in self.parameters.values() if tensor.grad is not None]
        squares = torch.stack([gradient.reshape(len(self.members), -1).square().sum(1) for gradient in gradients])
        factor = (max_norm / (squares.sum(0).sqrt() + 1e-6)).clamp_max(1.0)
        for gradient in gradients:
            gradient.mul_(factor.reshape(-1, *[1] * (gradient.dim() - 1)))

    def copy_to_members(self) -> None:
        """Copy parameters and buffers into the members."""
        for index, member in enumerate(self.members):
            state = {name.removeprefix("experiment."): tensor[index] for name, tensor in self.state.items()}
            member.load_state_dict(state)


def why_not_stackable(members: Sequence[Experiment], config: TrainConfig) -> str | None:
    """Return why members cannot be stacked, or would be slower; None if they can be stacked."""
    default = TrainConfig()
    if options := [name for name in UNSUPPORTED if getattr(config, name) != getattr(default, name)]:
        return f"the stacked step does not support {', '.join(options)}"
    if len(members) < MIN_MEMBERS:
        return f"fewer than {MIN_MEMBERS} experiments are faster alone"
    if not _is_dense(members[0]):
        return "only dense networks are stacked, not convolutions or custom networks"
    if any(module._forward_hooks or module._forward_pre_hooks for member in members for module in member.modules()):
        return "their modules have hooks"
    if isinstance(members[0].objective.divergence, MMD):
        return "MMD draws from the global generator"
    if any(_signature(member) != _signature(members[0]) for member in members):
        return "the experiments differ in more than numbers"
    if _share_tensors(members):
        return "the experiments share tensors"
    return None


def _share_tensors(members: Sequence[Experiment]) -> bool:
    tensors = [tensor for member in members for tensor in member.state_dict(keep_vars=True).values()]
    return len({id(tensor) for tensor in tensors}) < len(tensors)


def _is_dense(experiment: Experiment) -> bool:
    model, objective = experiment.model, experiment.objective
    plain = (type(experiment), type(model), type(objective)) == (Experiment, VAE, Objective)
    networks = [*model.encoder.modules(), *model.decoder.modules()] if plain else []
    return plain and all(type(module) in DENSE for module in networks)


def _signature(experiment: Experiment) -> tuple[Any, ...]:
    """Return all but the numbers: types and options of modules, shapes and types of tensors."""
    modules = [
        (name, type(module), {key: value for key, value in vars(module).items() if not key.startswith("_")})
        for name, module in experiment.named_modules()
    ]
    tensors = [
        (name, tensor.shape, tensor.dtype, tensor.requires_grad)
        for name, tensor in experiment.state_dict(keep_vars=True).items()
    ]
    return modules, tensors
