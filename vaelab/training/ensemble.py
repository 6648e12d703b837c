"""Many experiments that differ in numbers only (alpha, gamma, weight, seed), trained together.

Which are stacked is the rule that `benchmarks/ensemble.py` measured. Dense networks gain from two
members on (one thread: 1.1 for 784-400-20, 1.6 for 64-64-2; with twenty 1.3 and 4.4); a single one
is faster alone. Convolutions are not stacked: wide ones (32/64 channels) lose, 0.85; narrow ones
(8/16) would gain 1.4 by vmap.
"""

import inspect
import time
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import trange

from vaelab._utils.device import on_device
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.data.images import Images, as_images
from vaelab.divergences.kernel_mmd import MMD
from vaelab.models.vae import VAE
from vaelab.objectives.objective import Experiment, Objective
from vaelab.training import memory
from vaelab.training.config import Train
from vaelab.training.history import History, row_of
from vaelab.training.loop import fit
from vaelab.training.optimizer import parameter_groups, set_rate
from vaelab.training.stacked import Stack


class Histories(list[History]):
    """One `History` per setting.  experiments: the trained ones, in the same order; how: the path taken, and why."""

    def __init__(self, histories: Sequence[History], experiments: list[Experiment], how: str) -> None:
        super().__init__(histories)
        self.experiments, self.how = experiments, how


def fit_many(
    make: Callable[..., Experiment], settings: Sequence[dict[str, Any]], data: Images, config: Train | None = None
) -> Histories:
    """Train make(**setting) for every setting, each as if alone: `torch.manual_seed(seed)`, make, `fit` with that seed.

    A setting's "seed", which make receives too, governs its weights, noise and order of the data; default config.seed.
    Dense networks of one architecture are stacked, two or more at a time: every step is taken for all members
    together, and "seconds" in their histories are those of all.  One experiment, convolutions, networks that differ in
    more than numbers, and settings that the stacked step does not know (precision, ema, ...) go through `fit` one by
    one; `how` of the result says which it was.  `benchmarks/ensemble.py` measures the rule.

    Raises InvalidType or InvalidValue for unusable settings, and what `fit` raises.
    """
    config = config or Train()
    seeds = _seeds(make, settings, config)
    members = [_member(make, setting, seed) for setting, seed in zip(settings, seeds, strict=True)]
    if (reason := why_not_stackable(members, config)) is not None:
        runs = zip(members, seeds, strict=True)
        histories = [fit(member, data, replace(config, seed=seed)) for member, seed in runs]
        return Histories(histories, members, f"one by one: {reason}")
    return Histories(_together(members, seeds, data, config), members, f"stacked: {len(members)} dense networks")


def _seeds(make: Callable[..., Experiment], settings: Sequence[dict[str, Any]], config: Train) -> list[int]:
    """The seed of every setting, after a look at all that can be wrong before the first network is built."""
    if config.checkpoints is not None:
        raise InvalidValue(f"fit_many keeps no checkpoints, got {config.checkpoints!r}; leave them out, or use fit.")
    if not settings:
        raise InvalidValue("settings is empty; give one dict per experiment, such as [{'alpha': 0.1, 'seed': 0}].")
    for setting in settings:
        if not isinstance(setting, dict):
            raise InvalidType(f"a setting must be a dict such as {{'alpha': 0.1, 'seed': 0}}, got {setting!r}.")
        try:
            inspect.signature(make).bind(**setting)
        except TypeError as error:
            raise InvalidType(f"make cannot be called with the setting {setting}: {error}; change one.") from error
        seed = setting.get("seed", config.seed)
        if not isinstance(seed, int) or isinstance(seed, bool):
            raise InvalidType(f"seed must be a whole number, got {seed!r} in {setting}.")
    return [setting.get("seed", config.seed) for setting in settings]


def _member(make: Callable[..., Experiment], setting: dict[str, Any], seed: int) -> Experiment:
    torch.manual_seed(seed)
    member = make(**setting)
    if not isinstance(member, Experiment):
        raise InvalidType(f"make must return an Experiment, got {type(member).__name__}; see vaelab.recipes.")
    return member


def _together(members: list[Experiment], seeds: list[int], data: Images, config: Train) -> list[History]:
    """The loop of `train`, every line of it for all members."""
    device = on_device(config.device)
    images = as_images(data, members[0].shape, members[0].domain).to(device)
    n, batch = len(images), config.batch_size
    if batch > n:
        raise InvalidValue(f"batch_size is {batch}, but there are only {n} images; choose a smaller batch.")
    for member in members:
        member.to(device).train().init_from_data(images)
    stack = Stack(members, seeds, device)
    try:
        with memory.kept():
            return _steps(stack, images.flatten(1), config)
    finally:
        stack.release()


def _steps(stack: Stack, images: Tensor, config: Train) -> list[History]:
    """images: [n, pixels].  Every member meets them in its own order."""
    members, per_epoch = len(stack.members), len(images) // config.batch_size
    total = config.total(per_epoch)
    groups = parameter_groups(stack.members[0], stack.parameters)
    optimizer = torch.optim.Adam(groups, lr=config.lr, weight_decay=config.weight_decay, fused=True)
    histories, sums = [History() for _ in stack.members], torch.zeros(members, 4, device=images.device)
    for number in trange(total, disable=not config.progress, unit="batch", desc=f"{members} stacked", mininterval=0.2):
        epoch, position = number // per_epoch + 1, number % per_epoch
        if position == 0:
            batches = stack.orders(len(images)).split(config.batch_size, dim=1)
            sums.zero_()
            started = time.perf_counter()
        set_rate(optimizer, config.lr * config.rate(number, per_epoch))
        if number < config.warmup:
            stack.scalars["objective.heat"].fill_(config.heat(number))

        terms = stack(images.index_select(0, batches[position].flatten()).unflatten(0, (members, -1)))
        stack.backward(terms)
        if config.grad_clip is not None:
            stack.clip(config.grad_clip)
        optimizer.step()
        stack.update(terms)
        with torch.no_grad():
            sums += torch.stack([terms.loss, terms.nll.mean(1), terms.divergence.mean(1), terms.mse], 1)

        if position + 1 == per_epoch or number + 1 == total:
            for member, history, means in zip(stack.members, histories, sums / (position + 1), strict=True):
                history.rows.append(row_of(epoch, means, member, started, config.lr))
    return histories


# What the stacked step knows of `Train`; any other setting that is not at its default sends the members to `fit`.
OPTIMIZER = {
    "epochs",
    "steps",
    "batch_size",
    "lr",
    "lr_schedule",
    "lr_milestones",
    "lr_decay",
    "warmup",
    "weight_decay",
    "grad_clip",
}
KNOWN = OPTIMIZER | {"seed", "device", "progress", "checkpoint_minutes"}


def why_not_stackable(members: Sequence[Experiment], config: Train) -> str | None:
    """Why the members cannot be stacked, or would be slower for it; None when nothing stands in the way."""
    unknown = [f.name for f in fields(config) if f.name not in KNOWN and getattr(config, f.name) != f.default]
    if unknown:
        return f"the stacked step does not know {', '.join(unknown)}"
    if len(members) == 1:
        return "a single experiment is faster alone"
    if (groups := members[0].model.groups) > 1:
        return f"the stacked step knows one group of latents, and these have {groups}"
    if not _is_dense(members[0]):
        return "only dense networks are stacked, not convolutions or networks of one's own"
    if isinstance(members[0].objective.divergence, MMD):
        return "MMD compares whole batches, and stacked members share theirs"
    if any(_blueprint(member) != _blueprint(members[0]) for member in members):
        return "the experiments differ in more than numbers"
    tensors = [tensor for member in members for tensor in member.state_dict(keep_vars=True).values()]
    if len({id(tensor) for tensor in tensors}) < len(tensors):
        return "the experiments share tensors"
    return None


def _is_dense(experiment: Experiment) -> bool:
    """The VAE of `networks.mlp`: linear layers with ReLU between them, flattened before and unflattened after."""
    model, objective = experiment.model, experiment.objective
    if (type(experiment), type(model), type(objective)) != (Experiment, VAE, Objective):
        return False
    encoder, decoder = (
        [type(module) for module in net.modules() if not isinstance(module, nn.Sequential)]
        for net in (model.encoder, model.decoder)
    )
    layers = [encoder[1:], decoder[:-1]]
    hooked = any(module._forward_hooks or module._forward_pre_hooks for module in experiment.modules())
    return (
        not hooked
        and encoder[:1] == [nn.Flatten]
        and decoder[-1:] == [nn.Unflatten]
        and all(kinds == [nn.Linear, nn.ReLU] * (len(kinds) // 2) + [nn.Linear] for kinds in layers)
        and all(module.bias is not None for module in model.modules() if isinstance(module, nn.Linear))
    )


def _blueprint(experiment: Experiment) -> tuple[Any, ...]:
    """All but the numbers: kinds of modules with their options, shapes and types of tensors."""
    modules = [
        (name, type(module), {key: value for key, value in vars(module).items() if not key.startswith("_")})
        for name, module in experiment.named_modules()
    ]
    tensors = [
        (name, tensor.shape, tensor.dtype, tensor.requires_grad)
        for name, tensor in experiment.state_dict(keep_vars=True).items()
    ]
    return modules, tensors
