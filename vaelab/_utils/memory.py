"""The memory of this machine, and a refusal before it is exceeded: a process that exceeds it is killed."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from vaelab._utils.errors import InvalidValue

CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")
TRAINED = 16  # bytes of a weight in training: itself, its gradient, and two moments of Adam


def total_memory() -> float:
    """Return the bytes of memory of this machine or container, or infinity if nobody says."""
    limits = [math.inf]
    with suppress(AttributeError, ValueError, OSError):  # Windows has no sysconf
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(ValueError, OSError):
        limits.append(int(CONTAINER_LIMIT.read_text(encoding="ascii")))
    return min(limits)


def require_memory(needed: float, what: str) -> None:
    """Raise `InvalidValue` if so many bytes are more than the memory of this machine.

    Args:
        needed: Bytes.
        what: What needs them, with the values of the user.

    Example:
        >>> require_memory(1e20, "samples=10")
        Traceback (most recent call last):
        vaelab._utils.errors.InvalidValue: samples=10 must fit into the memory of this machine, got 1e+11 GB.
    """
    if needed > total_memory():
        raise InvalidValue(f"{what} must fit into the memory of this machine, got {needed / 1e9:.3g} GB.")


@contextmanager
def within_memory(what: str) -> Iterator[None]:
    """Refuse to build a network that cannot be trained in memory, before its weights are allocated.

    Args:
        what: As for `require_memory`.

    Raises:
        InvalidValue: If weights, gradients and the optimizer's state exceed the memory.
    """
    with _Weights(what):
        yield


class _Weights(TorchFunctionMode):
    """Counts what torch.empty, with which layers make their weights, is asked for."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what, self.count = what, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.empty:
            sizes = args[0] if args and not isinstance(args[0], int) else args or (kwargs or {}).get("size", ())
            self.count += math.prod(sizes)
            require_memory(TRAINED * self.count, self.what)
        return func(*args, **(kwargs or {}))
