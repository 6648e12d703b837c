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
from torch.func import functional_call, stack_module_state, vmap
from tqdm.auto import trange

from vaelab._utils import checks
from vaelab._utils.device import on_device
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.data.images import Images, as_images
from vaelab.divergences.gaussian import Gaussian
from vaelab.divergences.kernel_mmd import MMD
from vaelab.models.vae import VAE, ForwardPass
from vaelab.objectives.objective import Experiment, LossTerms, Objective
from vaelab.training.config import Train
from vaelab.training.history import History, row_of
from vaelab.training.loop import fit
from vaelab.training.optimizer import parameter_groups, set_rate


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
        checks.seed(setting.get("seed", config.seed))
    return [setting.get("seed", config.seed) for setting in settings]


def _member(make: Callable[..., Experiment], setting: dict[str, Any], seed: int) -> Experiment:
    torch.manual_seed(seed)
    member = make(**setting)
    if not isinstance(member, Experiment):
        raise InvalidType(f"make must return an Experiment, got {type(member).__name__}; see vaelab.recipes.")
    return member


def _together(members: list[Experiment], seeds: list[int], data: Images, config: Train) -> list[History]:
    """The loop of `train`, every line of it for all members, each on batches in its own order."""
    device = on_device(config.device)
    images = as_images(data, members[0].shape, members[0].domain).to(device)
    per_epoch = config.batches(len(images))
    total = config.total(per_epoch)
    for member in members:
        member.to(device).train().init_from_data(images)
    stack, k = Stack(members, seeds, device), len(members)
    groups = parameter_groups(members[0], stack.parameters)
    optimizer = torch.optim.Adam(groups, lr=config.lr, weight_decay=config.weight_decay, fused=True)
    histories, sums = [History() for _ in members], torch.zeros(k, 4, device=device)
    for number in trange(total, disable=not config.progress, unit="batch", desc=f"{k} stacked", mininterval=0.2):
        epoch, position = number // per_epoch + 1, number % per_epoch
        if position == 0:
            batches = stack.orders(len(images)).split(config.batch_size, dim=1)
            sums.zero_()
            started = time.perf_counter()
        set_rate(optimizer, config.lr * config.rate(number, per_epoch))
        optimizer.zero_grad(set_to_none=True)
        terms = stack(images.index_select(0, batches[position].flatten()).unflatten(0, (k, -1)))
        terms.loss.sum().backward()
        if config.grad_clip is not None:
            stack.clip(config.grad_clip)
        optimizer.step()
        stack.update(terms)
        with torch.no_grad():
            sums += torch.stack([terms.loss, terms.nll.mean(1), terms.divergence.mean(1), terms.mse], 1)
        if position + 1 == per_epoch or number + 1 == total:
            stack.unstack()
            for member, history, means in zip(members, histories, sums / (position + 1), strict=True):
                history.rows.append(row_of(epoch, means, member, started, config.lr))
    return histories


class Stack:
    """Experiments of one architecture as one: every parameter and buffer is a tensor [K, ...], and vmap goes over K.

    Noise and order come from one generator per member, seeded as `fit` seeds the global one.
    """

    def __init__(self, members: Sequence[Experiment], seeds: Sequence[int], device: torch.device) -> None:
        self.members = members
        self.generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]
        self.parameters, buffers = stack_module_state(list(members))
        self.state = {**self.parameters, **buffers}
        self._forward, self._update = _over_members(members[0], _forward), _over_members(members[0], _update)

    def orders(self, n: int) -> Tensor:
        """A permutation of the n images for every member: [K, n]."""
        return torch.stack([torch.randperm(n, generator=g, device=g.device) for g in self.generators])

    def __call__(self, images: Tensor) -> LossTerms:
        """images [K, b, *shape] -> LossTerms of [K] and [K, b]."""
        weight = self.state["objective.weight"]
        noise = weight.new_empty(*images.shape[:2], self.members[0].model.latent)
        for draw, generator in zip(noise, self.generators, strict=True):
            draw.normal_(generator=generator)
        terms: LossTerms = self._forward(self.state, images, noise)
        return terms

    def update(self, terms: LossTerms) -> None:
        """Move every member's gamma policy and annealing, once per optimizer step."""
        self._update(self.state, LossTerms(*(part.detach() for part in terms)))

    def clip(self, largest: float) -> None:
        """Scale each member's gradient down to this norm where it is longer."""
        gradients = [tensor.grad for tensor in self.parameters.values() if tensor.grad is not None]
        squares = torch.stack([gradient.reshape(len(self.members), -1).square().sum(1) for gradient in gradients])
        factor = (largest / (squares.sum(0).sqrt() + 1e-6)).clamp_max(1.0)
        for gradient in gradients:
            gradient.mul_(factor.reshape(-1, *[1] * (gradient.dim() - 1)))

    def unstack(self) -> None:
        """Copy the state into the members."""
        for index, member in enumerate(self.members):
            member.load_state_dict({name: tensor[index] for name, tensor in self.state.items()})


def _forward(experiment: Experiment, images: Tensor, noise: Tensor) -> LossTerms:
    """`Experiment.forward` with the noise of z from outside: a generator per member draws it."""
    x = experiment.as_input(images)
    q = experiment.model.posterior(x)
    z = q.mean + torch.exp(0.5 * q.logvar) * noise
    terms: LossTerms = experiment.objective(
        x, ForwardPass((q,), (Gaussian.standard(z),), (z,), experiment.model.decoder(z))
    )
    return terms


def _update(experiment: Experiment, terms: LossTerms) -> Tensor:
    experiment.update(terms)
    return terms.loss  # vmap wants a tensor


class _Call(nn.Module):
    """function(experiment, ...) as the module that `functional_call` needs."""

    def __init__(self, experiment: Experiment, function: Callable[..., Any]) -> None:
        super().__init__()
        self.experiment, self.function = experiment, function

    def forward(self, *arguments: Any) -> Any:
        return self.function(self.experiment, *arguments)


def _over_members(experiment: Experiment, function: Callable[..., Any]) -> Callable[..., Any]:
    """function(experiment, ...) as a function of stacked tensors by name, and stacked arguments."""
    module = _Call(experiment, function)

    def call(state: dict[str, Tensor], *arguments: Any) -> Any:
        return functional_call(module, {f"experiment.{name}": tensor for name, tensor in state.items()}, arguments)

    return vmap(call)


# What the stacked step knows of `Train`; any other setting that is not at its default sends the members to `fit`.
OPTIMIZER = {
    "epochs",
    "steps",
    "batch_size",
    "lr",
    "lr_schedule",
    "lr_milestones",
    "lr_decay",
    "weight_decay",
    "grad_clip",
}
KNOWN = OPTIMIZER | {"seed", "device", "progress", "checkpoint_minutes"}
DENSE = (nn.Sequential, nn.Flatten, nn.Unflatten, nn.Linear, nn.ReLU, nn.Tanh, nn.Sigmoid)
LEAST = 3  # members of a stack


def why_not_stackable(members: Sequence[Experiment], config: Train) -> str | None:
    """Why the members cannot be stacked, or would be slower for it; None when nothing stands in the way."""
    unknown = [f.name for f in fields(config) if f.name not in KNOWN and getattr(config, f.name) != f.default]
    if unknown:
        return f"the stacked step does not know {', '.join(unknown)}"
    if len(members) < LEAST:
        return f"fewer than {LEAST} experiments are faster alone"
    model, objective = members[0].model, members[0].objective
    if (type(members[0]), type(model), type(objective)) != (Experiment, VAE, Objective) or any(
        type(module) not in DENSE for net in (model.encoder, model.decoder) for module in net.modules()
    ):
        return "only dense networks are stacked, not convolutions or networks of one's own"
    if any(module._forward_hooks or module._forward_pre_hooks for member in members for module in member.modules()):
        return "their modules have hooks"
    if isinstance(objective.divergence, MMD):
        return "MMD draws from torch's global generator, of which stacked members have none of their own"
    if any(_blueprint(member) != _blueprint(members[0]) for member in members):
        return "the experiments differ in more than numbers"
    tensors = [tensor for member in members for tensor in member.state_dict(keep_vars=True).values()]
    if len({id(tensor) for tensor in tensors}) < len(tensors):
        return "the experiments share tensors"
    return None


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
