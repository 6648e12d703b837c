"""Checks of arguments: each returns the value, or raises one sentence with its name and value.

The error is `InvalidType` for a value of another type, else `InvalidValue`.
Public functions and constructors call them; code inside a training step does not.
"""

import math
from numbers import Integral, Real

import torch
from torch import Tensor

from vaelab._utils.errors import InvalidType, InvalidValue

MAX_SEED = 2**32 - 1  # NumPy takes no larger one


def positive_int(name: str, value: object, *, at_least: int = 1) -> int:
    """Return an integer of at least 1, or of another bound; raise an error for others.

    Example:
        >>> positive_int("n", 3)
        3
    """
    if (number := _integer(name, value)) < at_least:
        raise InvalidValue(f"{name} must be at least {at_least}, got {value}.")
    return number


def positive(name: str, value: object) -> float:
    """Return a positive, finite number as a float; raise an error for others."""
    if (number := _finite(name, value)) <= 0:
        raise InvalidValue(f"{name} must be positive, got {value}.")
    return number


def not_negative(name: str, value: object) -> float:
    """Return a finite number of at least 0 as a float; raise an error for others."""
    if (number := _finite(name, value)) < 0:
        raise InvalidValue(f"{name} must be at least 0, got {value}.")
    return number


def in_range(name: str, value: object, low: float, high: float) -> float:
    """Return a number from `low` to `high` as a float; raise an error for others."""
    number = _number(name, value)
    if not low <= number <= high:
        raise InvalidValue(f"{name} must be in [{low:.15g}, {high:.15g}], got {value}.")
    return number


def rate(value: object) -> float:
    """Return the rate of a running mean, in (0, 1], as a float; raise an error for others."""
    if (number := positive("rate", value)) > 1:
        raise InvalidValue(f"rate must be in (0, 1], got {value}.")
    return number


def seed(value: object) -> int:
    """Return an integer that every library takes as a seed; raise an error for others."""
    if not 0 <= (number := _integer("seed", value)) <= MAX_SEED:
        raise InvalidValue(f"seed must be from 0 to 2**32 - 1, got {value}.")
    return number


def float_tensor(name: str, value: object) -> Tensor:
    """Return a finite floating-point tensor as it is; raise an error for others."""
    if not isinstance(value, Tensor):
        raise InvalidType(f"{name} must be a torch tensor, got {type(value).__name__} ({value!r:.60}).")
    if not value.is_floating_point():
        raise InvalidType(f"{name} must be floating point, got {value.dtype}; call .float() on it.")
    finite = torch.isfinite(value)
    if not bool(finite.all()):
        raise InvalidValue(f"{name} must be finite, got {value[~finite].flatten()[0].item()}.")
    return value


def skew(alpha: float | Tensor) -> float | Tensor:
    """Return alpha, a number or a tensor, if all of it is in [0, 1]; raise an error for others."""
    if not isinstance(alpha, Tensor):
        in_range("alpha", alpha, 0, 1)
        return alpha
    inside = (alpha >= 0) & (alpha <= 1)
    if not bool(inside.all()):
        raise InvalidValue(f"alpha must be in [0, 1], got {shortest(alpha[~inside].flatten()[0].item())}.")
    return alpha


def one_skew(alpha: float | Tensor) -> float | Tensor:
    """Return alpha, a number or a tensor with no axes, if it is in [0, 1]; raise an error for others."""
    if isinstance(alpha, Tensor) and alpha.dim() > 0:
        raise InvalidValue(f"alpha must be one number, got shape {tuple(alpha.shape)}.")
    return skew(alpha)


def shortest(number: float) -> str:
    """Write a number in six digits, but never as a whole one that it is not, as bounds are.

    Example:
        >>> shortest(255.0), shortest(1 / 3), shortest(1.0000001)
        ('255', '0.333333', '1.0000001')
    """
    short = f"{number:g}"
    return repr(number) if float(short).is_integer() and float(short) != number else short


def _integer(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InvalidType(f"{name} must be an integer, got {value!r:.60}.")
    return int(value)


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidType(f"{name} must be a number, got {value!r:.60}.")
    return float(value)


def _finite(name: str, value: object) -> float:
    if not math.isfinite(number := _number(name, value)):
        raise InvalidValue(f"{name} must be finite, got {value}.")
    return number
