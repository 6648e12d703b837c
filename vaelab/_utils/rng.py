"""Where a training's random numbers come from: torch's global generator, unless this thread has one of its own.

torch has one generator for all threads.  A training in the background takes its own, so that neither the cells that
run meanwhile nor a second training change it, nor it them.  On the CPU one seed gives the same numbers either way.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


class _Own(threading.local):
    generator: torch.Generator | None = None


_own = _Own()


@contextmanager
def use_generator(generator: torch.Generator) -> Iterator[None]:
    """Within it, and on this thread only, the functions below draw from `generator`."""
    before, _own.generator = _own.generator, generator
    try:
        yield
    finally:
        _own.generator = before


def seed(number: int) -> None:
    """Seed this thread's generator, or torch's global one."""
    if _own.generator is not None:
        _own.generator.manual_seed(number)
    else:
        torch.manual_seed(number)


def normal_like(x: Tensor) -> Tensor:
    """Draws of N(0, 1) in the shape, type and place of x."""
    if torch.compiler.is_compiling():  # a compiled graph holds no generator
        return torch.randn_like(x)
    return torch.randn_like(x, generator=_own.generator)


def uniform(n: int, like: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """n draws from [0, 1), in the type and place of `like`; from `generator`, if there is one."""
    if torch.compiler.is_compiling() and generator is None:
        return torch.rand(n, dtype=like.dtype, device=like.device)
    return torch.rand(n, dtype=like.dtype, device=like.device, generator=generator or _own.generator)


def bernoulli(chance: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """1 with the given chances, else 0; from `generator`, if there is one."""
    if torch.compiler.is_compiling() and generator is None:
        return torch.bernoulli(chance)
    return torch.bernoulli(chance, generator=generator or _own.generator)


def permutation(n: int, device: torch.device) -> Tensor:
    """The numbers from 0 to n-1 in random order: [n]."""
    return torch.randperm(n, device=device, generator=_own.generator)
