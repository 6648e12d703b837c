"""Checks of what a user passes in: each failure is one sentence that names the value and the remedy.

The public functions of the ground floor call them; the modules that run inside a training step check once, when built.
"""

import math
from numbers import Integral, Real

import torch
from torch import Tensor

from vaelab._utils.errors import InvalidType, InvalidValue


def float_tensor(name: str, value: object) -> Tensor:
    """`value` itself, if it is a finite floating-point tensor."""
    if not isinstance(value, Tensor):
        raise InvalidType(
            f"{name} must be a torch tensor, got {type(value).__name__} ({value!r:.60}); wrap it in torch.tensor(...)."
        )
    if not value.is_floating_point():
        raise InvalidType(
            f"{name} must hold floating-point numbers, got {value.dtype}; convert it with .float() or .double()."
        )
    finite = torch.isfinite(value)
    if not bool(finite.all()):
        bad = value[~finite].flatten()[0].item()
        raise InvalidValue(
            f"{name} holds {bad}, a non-finite number; look for an overflow or a division by zero before this call."
        )
    return value


def skew(alpha: float | Tensor) -> float | Tensor:
    """`alpha`, if every value of it lies in [0, 1]."""
    if isinstance(alpha, bool) or not isinstance(alpha, Real | Tensor):
        raise InvalidType(
            f"alpha must be a number or a tensor, got {type(alpha).__name__} ({alpha!r:.60}); pass a float in [0, 1]."
        )
    if isinstance(alpha, Tensor):
        inside = (alpha >= 0) & (alpha <= 1)
        if not bool(inside.all()):
            raise InvalidValue(
                f"alpha must lie in [0, 1], got {alpha[~inside].flatten()[0].item():g}; clamp it or choose another."
            )
    elif not 0 <= alpha <= 1:
        raise InvalidValue(f"alpha must lie in [0, 1], got {alpha}; 0 and 1 are the two ends, 0.5 is the middle.")
    return alpha


def positive(name: str, value: float) -> float:
    """`value` as a float, if it is a finite number above 0."""
    number = _finite(name, value, "above 0")
    if number <= 0:
        raise InvalidValue(f"{name} must be a finite number above 0, got {value}; choose another.")
    return number


def count(name: str, value: int) -> int:
    """`value`, if it is a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InvalidType(f"{name} must be a whole number, got {type(value).__name__} ({value!r:.60}); pass 1 or more.")
    if value < 1:
        raise InvalidValue(f"{name} must be at least 1, got {value}; choose another.")
    return int(value)


def rate(value: float) -> float:
    """`value` as a float, if it is the rate of a running mean, in (0, 1]."""
    if (number := positive("rate", value)) > 1:
        raise InvalidValue(f"rate must lie in (0, 1], got {value}; 0.01 averages over about a hundred batches.")
    return number


def seed(value: int) -> int:
    """`value`, if it is a whole number from 0 that every library takes as a seed."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InvalidType(f"seed must be a whole number, got {type(value).__name__} ({value!r:.60}); pass 0 or more.")
    if not 0 <= value < 2**32:
        raise InvalidValue(f"seed must lie between 0 and 2**32 - 1, got {value}; choose another.")
    return int(value)


def not_negative(name: str, value: float) -> float:
    """`value` as a float, if it is a finite number from 0."""
    number = _finite(name, value, "of at least 0")
    if number < 0:
        raise InvalidValue(f"{name} must be a finite number of at least 0, got {value}; choose another.")
    return number


def _finite(name: str, value: float, wanted: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidType(f"{name} must be a number, got {type(value).__name__} ({value!r:.60}); pass one {wanted}.")
    if not math.isfinite(value):
        raise InvalidValue(f"{name} must be a finite number {wanted}, got {value}; choose another.")
    return float(value)
