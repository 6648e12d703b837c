"""Data-parallel training: the processes that `torchrun` starts share every batch.

    torchrun --standalone --nproc-per-node 2 -m vaelab train mnist-mini

All processes have the same weights, the same order of the data and the same generator. Each computes
the gradient of its part of a batch; the mean of the gradients moves the weights of all alike. In a
script of one's own the lines are

    with parallel.process_group() as device:
        fit(experiment, images, TrainConfig(device=device, data_parallel=True))
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor

from vaelab._utils.device import on_device
from vaelab._utils.errors import InvalidValue
from vaelab.objectives.objective import Experiment, LossTerms
from vaelab.training.config import TrainConfig


def is_launched() -> bool:
    """Return whether `torchrun` has started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


@contextmanager
def process_group(device: str = "auto") -> Iterator[str]:
    """Join the processes that `torchrun` has started, within a `with` block.

    Args:
        device: As `TrainConfig.device`; of several GPUs each process takes its own.

    Returns:
        In the block, the device of this process.

    Raises:
        InvalidValue: If `torchrun` has not started this process.
    """
    if not is_launched():
        raise InvalidValue("process_group must be in a process that torchrun has started; see training.parallel.")
    name = device
    if on_device(device).type == "cuda":
        name = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(name)
    dist.init_process_group("nccl" if name.startswith("cuda") else "gloo")
    try:
        yield name
    finally:
        dist.destroy_process_group()


def check(config: TrainConfig) -> None:
    """Raise InvalidValue where the processes cannot share a training of this configuration."""
    if not config.data_parallel:
        return
    if not (dist.is_available() and dist.is_initialized()):
        raise InvalidValue("data_parallel needs a process group, got none; see vaelab.training.parallel.")
    if config.batch_size % (n := dist.get_world_size()):
        raise InvalidValue(f"batch_size must be a multiple of {n}, the number of processes, got {config.batch_size}.")
    for name in ("compile", "cuda_graph"):  # a compiled draw of noise cannot be that of a part
        if (value := getattr(config, name)) is not False:
            raise InvalidValue(f"{name} must be False with data_parallel=True, got {value!r}.")


def is_first(config: TrainConfig) -> bool:
    """Return whether this process writes files and shows progress: the only one, or that of rank 0."""
    return not config.data_parallel or dist.get_rank() == 0


def part() -> tuple[int, int]:
    """Return (rank, number of processes)."""
    return dist.get_rank(), dist.get_world_size()


@torch.no_grad()
def send_weights(experiment: Experiment) -> None:
    """Give all processes the parameters and buffers of rank 0."""
    for tensor in (*experiment.parameters(), *experiment.buffers()):
        value = tensor.detach().contiguous()
        dist.broadcast(value, src=0)
        tensor.copy_(value)


@torch.no_grad()
def average_gradients(experiment: Experiment) -> None:
    """Replace every gradient by its mean over the processes."""
    gradients = [p.grad for p in experiment.parameters() if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view(gradient.shape))


@torch.no_grad()
def gather(terms: LossTerms) -> LossTerms:
    """Return the terms of the whole batch: those per sample [b] one after the other, the others as means."""
    means, rows = torch.stack([terms.loss, terms.mse]), torch.stack([terms.nll, terms.divergence, terms.consistency])
    dist.all_reduce(means)
    loss, mse = means / dist.get_world_size()
    parts: list[Tensor] = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, rows)
    nll, divergence, consistency = torch.cat(parts, 1)
    return LossTerms(loss, nll, divergence, mse, consistency)
