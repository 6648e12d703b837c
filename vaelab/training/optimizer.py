"""The optimizer of a training: Adam, with a rate of its own for a learned gamma; and averaged weights."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam, Optimizer

from vaelab.objectives.gamma import Learned
from vaelab.objectives.objective import Experiment
from vaelab.training.config import Train


def adam(experiment: Experiment, config: Train, device: torch.device) -> Adam:
    """Adam with fused kernels where there are; for a CUDA graph its rate is a tensor, so that it can be moved."""
    graphed = config.cuda_graph and device.type == "cuda"
    groups = parameter_groups(experiment, dict(experiment.named_parameters()))
    for group in groups if graphed else []:
        group["lr"] = torch.tensor(config.lr * group["lr_scale"], device=device)
    optimizer = Adam(
        groups,
        lr=config.lr,
        weight_decay=config.weight_decay,
        fused=device.type in ("cpu", "cuda"),
        capturable=graphed,
    )
    return optimizer


def parameter_groups(experiment: Experiment, parameters: Mapping[str, Tensor]) -> list[dict[str, Any]]:
    """The network's parameters by name as one group, and a learned gamma, with its own lr_scale, as another.

    gamma is not decayed: that would pull it to 1.
    """
    lr_scales = {
        f"{name}.log_gamma": module.lr_scale
        for name, module in experiment.named_modules()
        if isinstance(module, Learned)
    }
    groups = [{"params": [p for name, p in parameters.items() if name not in lr_scales], "lr_scale": 1.0}]
    for name, lr_scale in lr_scales.items():
        groups.append({"params": [parameters[name]], "lr_scale": lr_scale, "weight_decay": 0.0})
    return groups


def set_rate(optimizer: Optimizer, rate: float) -> None:
    """Give an optimizer its learning rate, and a group with its own lr_scale so much more; a tensor is filled, so that a
    graph that holds it sees the new one."""
    for group in optimizer.param_groups:
        own = rate * group["lr_scale"]
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(own)
        else:
            group["lr"] = own


def move_average(average: Experiment, experiment: Experiment, decay: float) -> None:
    """Move the averaged weights toward the present ones; buffers are copied."""
    for mean, value in zip(average.parameters(), experiment.parameters(), strict=True):
        mean.lerp_(value, 1 - decay)
    for copied, present in zip(average.buffers(), experiment.buffers(), strict=True):
        copied.copy_(present)
