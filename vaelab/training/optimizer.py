"""Adam with separate options for scalars such as a learned gamma, and averaged weights."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam, Optimizer
from torch.utils import _foreach_utils

from vaelab.objectives.gamma import Learned
from vaelab.objectives.objective import Experiment
from vaelab.training.config import TrainConfig


def adam(experiment: Experiment, config: TrainConfig, device: torch.device) -> Adam:
    """Create Adam for all parameters of an experiment.

    Args:
        experiment: Experiment on `device`.
        config: Settings; `lr`, `weight_decay` and `cuda_graph` are read.
        device: Device of the parameters.

    Returns:
        Adam, with fused kernels if torch has them. For a CUDA graph its learning rates are tensors.
    """
    cuda_graph = config.cuda_graph and device.type == "cuda"
    groups = parameter_groups(experiment, dict(experiment.named_parameters()))
    if cuda_graph:  # a graph holds the address of the learning rate, so it must be a tensor
        for group in groups:
            group["lr"] = torch.tensor(config.lr * group["lr_scale"], device=device)
    fused = has_fused_adam(device) or None  # None lets torch choose
    return Adam(groups, lr=config.lr, weight_decay=config.weight_decay, fused=fused, capturable=cuda_graph)


def has_fused_adam(device: torch.device) -> bool:
    """Return whether this version of torch has a fused Adam for a device."""
    known = getattr(_foreach_utils, "_get_fused_kernels_supported_devices", None)
    return device.type in (known() if known is not None else ("cpu", "cuda"))


def parameter_groups(experiment: Experiment, parameters: Mapping[str, Tensor]) -> list[dict[str, Any]]:
    """Return the parameters of the networks as one group and every scalar parameter as another.

    Args:
        experiment: Experiment that names the parameters.
        parameters: Parameters by name, of the experiment or stacked.

    Returns:
        Groups for an optimizer, each with its "lr_scale". Scalars have no weight decay, which would
        pull gamma toward 1 and a trainable alpha toward 1/2.
    """
    scales = {name: 1.0 for name, parameter in experiment.named_parameters() if _is_scalar(name, parameter)}
    for name, module in experiment.named_modules():
        if isinstance(module, Learned):
            scales[f"{name}.log_gamma"] = module.lr_scale
    groups = [{"params": [p for name, p in parameters.items() if name not in scales], "lr_scale": 1.0}]
    for name, scale in scales.items():
        groups.append({"params": [parameters[name]], "lr_scale": scale, "weight_decay": 0.0})
    return groups


def _is_scalar(name: str, parameter: Tensor) -> bool:
    return parameter.dim() == 0 or (name.startswith("objective.") and parameter.numel() == 1)


def to_channels_last(experiment: Experiment) -> None:
    """Store the weights of two-dimensional convolutions with the channels as last axis in memory."""
    for parameter in experiment.model.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def set_lr(optimizer: Optimizer, lr: float) -> None:
    """Set the learning rate of every group to `lr` times its "lr_scale"."""
    for group in optimizer.param_groups:
        scaled = lr * group["lr_scale"]
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(scaled)  # in place, for the graph that holds it
        else:
            group["lr"] = scaled


def update_average(
    average: Experiment, experiment: Experiment, decay: float, updates: Tensor, refused: Tensor | None = None
) -> None:
    """Move averaged parameters toward the present ones and copy the buffers.

    The decay of update t is min(decay, (t - 1) / (t + 9)): the first update takes the weights as
    they are, and later ones average over about a tenth of the updates until `decay` is reached. A
    constant decay would keep the random initial weights for some 1 / (1 - decay) updates.

    Args:
        average: Experiment to change.
        experiment: Experiment with the present weights.
        decay: Decay in the long run.
        updates: Number of updates so far, 0-d on the same device; increased by one.
        refused: Whether the update was skipped, so that nothing moves, 0-d; never by default.
    """
    updates += 1 if refused is None else ~refused
    share = (10 / (updates + 9)).clamp_min(1 - decay)
    if refused is not None:
        share = torch.where(refused, 0, share)
    for mean, value in zip(average.parameters(), experiment.parameters(), strict=True):
        mean.lerp_(value, share.to(mean.dtype))
    for target, source in zip(average.buffers(), experiment.buffers(), strict=True):
        target.copy_(source)
