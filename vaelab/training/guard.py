"""Skipping an update whose gradient is not finite or too large, decided on the device.

Clipping would shorten such a gradient and keep its direction, which for a batch that overflowed means
nothing; and from one NaN in a weight no training recovers.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim import Optimizer


def is_refused(norm: Tensor, threshold: float) -> Tensor:
    """Return whether a gradient of this norm [] is to be skipped: a bool, [], on its device."""
    return ~(norm.isfinite() & (norm <= threshold))


@torch.no_grad()
def step_unless(refused: Tensor, optimizer: Optimizer) -> None:
    """Take a step, or leave parameters and state as they are, bit for bit.

    Args:
        refused: Whether to skip the step, a bool [] on the device of the parameters.
        optimizer: Adam.
    """
    if all(group["fused"] for group in optimizer.param_groups):
        # The way in which the scaler of mixed precision refuses a step: the kernels read it themselves.
        optimizer.found_inf = refused.float()  # type: ignore[attr-defined]
        optimizer.step()
        del optimizer.found_inf  # type: ignore[attr-defined]
        return
    before = {id(tensor): tensor.clone() for tensor in _tensors(optimizer)}
    optimizer.step()
    for tensor in _tensors(optimizer):
        restore([tensor], [before.get(id(tensor), torch.zeros_like(tensor))], refused.to(tensor.device))


@torch.no_grad()
def restore(tensors: Sequence[Tensor], before: Sequence[Tensor], refused: Tensor) -> None:
    """Set tensors to earlier values where `refused` [] is true."""
    for tensor, value in zip(tensors, before, strict=True):
        tensor.copy_(torch.where(refused, value, tensor))


def _tensors(optimizer: Optimizer) -> list[Tensor]:
    """Parameters and the state of each; before the first step there is no state, then it is 0."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    return parameters + [t for p in parameters if p in optimizer.state for t in optimizer.state[p].values()]
