"""The precision of float32: torch's TF32 switches within a step, and no autocast in formulas."""

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

P = ParamSpec("P")
R = TypeVar("R")
_lock = threading.Lock()  # the switches belong to the process, and panels train in threads
_inside: list[bool] = []  # the values of all blocks at present, the newest last
_outside: list[tuple[Any, str, Any]] = []  # the user's


@contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """Allow or forbid TF32 in matrix products and convolutions within a `with` block.

    Afterwards both switches are as before, however the block ends. Where blocks of several threads
    overlap, the newest counts.
    """
    with _lock:
        if not _inside:
            _outside[:] = [(owner, name, getattr(owner, name)) for owner, name in _switches()]
        _inside.append(allowed)
        _set(allowed)
    try:
        yield
    finally:
        with _lock:
            _inside.remove(allowed)
            if _inside:
                _set(_inside[-1])
            else:
                for owner, name, value in _outside:
                    setattr(owner, name, value)


def _set(allowed: bool) -> None:
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    torch.backends.cudnn.allow_tf32 = allowed


def _switches() -> list[tuple[Any, str]]:
    """Owners and names of the settings; the older ones come first, since they set the newer ones."""
    backends: Any = torch.backends
    older = [(_older, "matmul"), (_older, "cudnn")]
    if not hasattr(backends.cuda.matmul, "fp32_precision"):  # before torch 2.9
        return older
    owners = (backends.cuda.matmul, backends.mkldnn.matmul, backends.cudnn.conv, backends.cudnn.rnn)
    return [*older, *((owner, "fp32_precision") for owner in owners)]


class _Older:
    """The older switches as attributes; None where the user has set the newer ones otherwise."""

    @property
    def matmul(self) -> str | None:
        try:
            return torch.get_float32_matmul_precision()
        except RuntimeError:
            return None

    @matmul.setter
    def matmul(self, value: str | None) -> None:
        if value is not None:
            torch.set_float32_matmul_precision(value)

    @property
    def cudnn(self) -> bool | None:
        try:
            return bool(torch.backends.cudnn.allow_tf32)
        except RuntimeError:
            return None

    @cudnn.setter
    def cudnn(self, value: bool | None) -> None:
        if value is not None:
            torch.backends.cudnn.allow_tf32 = value


_older = _Older()


def without_autocast(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function compute in float32 where `torch.autocast` is on, for arguments of any type.

    Networks may run in bfloat16, but its three digits do not suffice for a likelihood, a divergence
    or the position of a pixel.

    Args:
        function: Function or method of tensors, or of tuples of them.

    Returns:
        The function. bfloat16 and float16 arguments reach it as float32 if autocast is on.

    Example:
        >>> with torch.autocast("cpu", torch.bfloat16):
        ...     without_autocast(torch.mm)(torch.ones(1, 1), torch.ones(1, 1)).dtype
        torch.float32
    """

    @functools.wraps(function)
    def wide(*args: P.args, **kwargs: P.kwargs) -> R:
        kind = _device_type(args) or _device_type(tuple(kwargs.values()))
        if kind in (None, "meta") or not torch.is_autocast_enabled(kind):
            return function(*args, **kwargs)
        with torch.autocast(kind, enabled=False):
            return function(*tree_map(_widen, args), **tree_map(_widen, kwargs))

    return wide


def _device_type(values: tuple[Any, ...]) -> str | None:
    for value in values:
        if isinstance(value, Tensor):
            return value.device.type
        if isinstance(value, tuple) and (kind := _device_type(value)) is not None:
            return kind
    return None


def _widen(value: Any) -> Any:
    narrow = isinstance(value, Tensor) and value.dtype in (torch.bfloat16, torch.float16)
    return value.float() if narrow else value
