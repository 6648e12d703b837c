"""Which experiments are stacked: the rule, as `benchmarks/ensemble.py` measured it.

Dense networks gain from two members on (one thread: 1.1 for 784-400-20, 1.6 for 64-64-2; with twenty 1.3 and 4.4); a
single one is faster alone.  Convolutions are not stacked: wide ones (32/64 channels) lose, 0.85; narrow ones (8/16)
would gain 1.4 by vmap.
"""

import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from torch import nn

from vaelab.discrepancy import MMD
from vaelab.models import VAE
from vaelab.objective import Experiment, Objective
from vaelab.settings import Train

# What the stacked step knows of `Train`; any other setting that is not at its default sends the members to `fit`.
OPTIMISER = {"epochs", "steps", "batch_size", "lr", "schedule", "drops", "drop", "warmup", "weight_decay", "clip"}
KNOWN = OPTIMISER | {"seed", "device", "progress", "minutes"}
STACKED = 8  # members of a stack: more gain little, and all of a stack are lost when it is interrupted


def obstacle(members: Sequence[Experiment], config: Train) -> str | None:
    """Why the members cannot be stacked, or would be slower for it; None when nothing stands in the way."""
    unknown = [f.name for f in fields(config) if f.name not in KNOWN and getattr(config, f.name) != f.default]
    if unknown:
        return f"the stacked step does not know {', '.join(unknown)}"
    if len(members) == 1:
        return "a single experiment is faster alone"
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
