"""Random numbers of a training: from torch's global generator, or from one of this thread.

torch has one generator for all threads. A training in the background uses its own, so that neither
other cells nor a second training change its numbers. On the CPU one seed gives the same numbers
either way.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor

from vaelab._utils.device import accelerator


class _ThreadState(threading.local):
    generator: torch.Generator | None = None
    part: tuple[int, int] | None = None  # of a batch that several processes share: rank and their number


_state = _ThreadState()


@contextmanager
def use_generator(generator: torch.Generator) -> Iterator[None]:
    """Make the functions below draw from a generator, on this thread only."""
    before, _state.generator = _state.generator, generator
    try:
        yield
    finally:
        _state.generator = before


@contextmanager
def own_part(rank: int, processes: int) -> Iterator[None]:
    """Make the functions below draw for the parts of all processes, and return that of one.

    With equal generators, the noise of a batch that processes share is then that of one process.
    """
    before, _state.part = _state.part, (rank, processes)
    try:
        yield
    finally:
        _state.part = before


def _for_all(n: int) -> int:
    return n if _state.part is None else n * _state.part[1]


def _own(drawn: Tensor) -> Tensor:
    return drawn if _state.part is None else drawn.chunk(_state.part[1])[_state.part[0]].clone()


def seed(number: int) -> None:
    """Seed this thread's generator, or torch's global one."""
    if _state.generator is not None:
        _state.generator.manual_seed(number)
    else:
        torch.manual_seed(number)


def fork() -> AbstractContextManager[None]:
    """Return a `with` block after which torch's global generators are as before, on every device."""
    kind = accelerator()
    devices = range(torch.get_device_module(kind).device_count()) if kind is not None else ()
    return torch.random.fork_rng(devices, device_type=kind or "cuda")


def global_states(device: torch.device) -> list[Tensor]:
    """Return the states of torch's global generators: that of the CPU and, if another, of a device."""
    states = [torch.get_rng_state()]
    if device.type != "cpu":
        states.append(torch.get_device_module(device).get_rng_state(device))
    return states


def restore_global_states(states: Sequence[Tensor], device: torch.device) -> None:
    """Set the generators whose states `global_states` has returned; that of the device may lack."""
    torch.set_rng_state(states[0])
    if device.type != "cpu" and len(states) > 1:
        torch.get_device_module(device).set_rng_state(states[1], device)


def normal_like(x: Tensor) -> Tensor:
    """Draw from N(0, 1) in the shape, type and device of x."""
    if torch.compiler.is_compiling():  # a compiled graph cannot hold a generator
        return torch.randn_like(x)
    # randn_like takes a generator from torch 2.10 only.
    place = torch.empty_like(x) if _state.part is None else x.new_empty(_for_all(len(x)), *x.shape[1:])
    return _own(place.normal_(generator=_state.generator))


def uniform(n: int, like: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Draw n numbers from [0, 1) in the type and device of `like`; from `generator`, if given."""
    if torch.compiler.is_compiling() and generator is None:
        return torch.rand(n, dtype=like.dtype, device=like.device)
    generator = generator or _state.generator
    return _own(torch.rand(_for_all(n), dtype=like.dtype, device=like.device, generator=generator))


def bernoulli(chance: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Draw 1 with the given probabilities, else 0, in their shape; from `generator`, if given."""
    if torch.compiler.is_compiling() and generator is None:
        return torch.bernoulli(chance)
    if _state.part is None:
        return torch.bernoulli(chance, generator=generator or _state.generator)
    place = chance.new_zeros(_for_all(len(chance)), *chance.shape[1:])  # 0 costs as many draws as any other chance
    place.chunk(_state.part[1])[_state.part[0]].copy_(chance)
    return _own(torch.bernoulli(place, generator=generator or _state.generator))


def permutation(n: int, device: torch.device) -> Tensor:
    """Draw a permutation of 0..n-1: [n]."""
    return torch.randperm(n, device=device, generator=_state.generator)
