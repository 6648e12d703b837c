"""Random generators that the user's views, augmentation or objective hold, for checkpoints.

Found are those of torch, NumPy and `random` in attributes, closures, defaults, and global variables of
functions. The global generators of NumPy and `random` are nobody's own.
"""

import functools
import json
import random
import types
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from vaelab._utils.errors import InvalidValue

Generator = torch.Generator | np.random.Generator | np.random.RandomState | random.Random
State = tuple[str, torch.Tensor | str]  # kind and state; that of NumPy and `random` as JSON
CLOSED = (str, bytes, int, float, complex, torch.Tensor, np.ndarray, types.ModuleType, types.BuiltinFunctionType, type)
MAX_DEPTH = 8


def own_generators(*owners: object) -> list[Generator]:
    """Return the generators that can be reached from some objects, in the same order in every process.

    Example:
        >>> generator = torch.Generator()
        >>> own_generators(lambda x: x + torch.randn(3, generator=generator)) == [generator]
        True
    """
    seen: dict[int, object] = {}
    found: list[Generator] = []
    waiting = [(owner, 0) for owner in reversed(owners)]
    while waiting:
        owner, depth = waiting.pop()
        if id(owner) in seen or owner is None or isinstance(owner, CLOSED) or depth > MAX_DEPTH:
            continue
        seen[id(owner)] = owner  # kept, so that no other object gets its number
        if isinstance(owner, Generator):
            found.append(owner)
        else:
            waiting += [(part, depth + 1) for part in reversed(list(_parts(owner)))]
    return found


def states(generators: Sequence[Generator]) -> list[State]:
    """Return the states of generators, as a checkpoint can hold them."""
    return [(_kind(generator), _state(generator)) for generator in generators]


def restore(generators: Sequence[Generator], saved: Sequence[State]) -> None:
    """Set the states that `states` has returned; InvalidValue for those of other generators."""
    ours, theirs = [_kind(generator) for generator in generators], [kind for kind, _ in saved]
    if ours != theirs:
        words = [", ".join(kinds) or "none" for kinds in (theirs, ours)]
        raise InvalidValue(f"views and augment must hold the generators of the checkpoint, {words[0]}, got {words[1]}.")
    for generator, (_, state) in zip(generators, saved, strict=True):
        if isinstance(generator, torch.Generator):
            generator.set_state(state)  # type: ignore[arg-type]
        elif isinstance(generator, np.random.Generator):
            generator.bit_generator.state = json.loads(str(state))
        elif isinstance(generator, np.random.RandomState):
            generator.set_state(json.loads(str(state)))
        else:
            version, numbers, gauss = json.loads(str(state))
            generator.setstate((version, tuple(numbers), gauss))


def _parts(owner: object) -> Iterator[Any]:
    if isinstance(owner, list | tuple):
        yield from owner
    elif isinstance(owner, dict):
        yield from owner.values()
    elif isinstance(owner, functools.partial):
        yield from (owner.func, owner.args, owner.keywords)
    elif isinstance(owner, types.MethodType):
        yield from (owner.__self__, owner.__func__)
    elif isinstance(owner, types.FunctionType):
        yield from (owner.__defaults__, owner.__kwdefaults__)
        for cell in owner.__closure__ or ():
            try:
                yield cell.cell_contents
            except ValueError:  # not assigned yet
                continue
        yield from (owner.__globals__.get(name) for name in _names(owner.__code__))
    else:
        yield from getattr(owner, "__dict__", {}).values()
        slots = [name for kind in type(owner).__mro__ for name in getattr(kind, "__slots__", ())]
        yield from (getattr(owner, name, None) for name in slots)
        if not type(owner).__module__.startswith(("torch.", "vaelab.")):  # whose own hold none
            yield from (part for part in vars(type(owner)).values() if isinstance(part, types.FunctionType))


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            yield from _names(part)


def _kind(generator: Generator) -> str:
    if isinstance(generator, torch.Generator):
        return f"torch.Generator on {generator.device.type}"
    bits = f" of {type(generator.bit_generator).__name__}" if isinstance(generator, np.random.Generator) else ""
    return f"{type(generator).__module__.split('.')[0]}.{type(generator).__name__}{bits}"


def _state(generator: Generator) -> torch.Tensor | str:
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    if isinstance(generator, random.Random):
        return json.dumps(generator.getstate())
    legacy = isinstance(generator, np.random.RandomState)
    state = generator.get_state(legacy=False) if legacy else generator.bit_generator.state  # type: ignore[union-attr]
    return json.dumps(state, default=lambda array: array.tolist())
