"""Checks of arguments: each returns the value, or raises one sentence with its name and value.

The error is `InvalidType` for a value of another type, else `InvalidValue`.
Public functions and constructors call them; code inside a training step does not.
"""

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from vaelab._utils.errors import InvalidType, InvalidValue

MAX_SEED = 2**32 - 1  # NumPy takes no larger one
MAX_SHOWN = 60  # characters of a value in a message
T = TypeVar("T")


def positive_int(name: str, value: object, *, at_least: int = 1) -> int:
    """Return an integer of at least 1, or of another bound; raise an error for others.

    Example:
        >>> positive_int("n", 3)
        3
    """
    if (result := integer(name, value)) < at_least:
        raise InvalidValue(f"{name} must be at least {at_least}, got {value}.")
    return result


def positive(name: str, value: object) -> float:
    """Return a positive, finite number as a float; raise an error for others."""
    if (result := finite(name, value)) <= 0:
        raise InvalidValue(f"{name} must be positive, got {value}.")
    return result


def not_negative(name: str, value: object) -> float:
    """Return a finite number of at least 0 as a float; raise an error for others."""
    if (result := finite(name, value)) < 0:
        raise InvalidValue(f"{name} must be at least 0, got {value}.")
    return result


def in_range(name: str, value: object, low: float, high: float) -> float:
    """Return a number from `low` to `high` as a float; raise an error for others."""
    result = number(name, value)
    if not low <= result <= high:
        raise InvalidValue(f"{name} must be in [{low:.15g}, {high:.15g}], got {value}.")
    return result


def rate(value: object, name: str = "rate") -> float:
    """Return the rate of a running mean, in (0, 1], as a float; raise an error for others."""
    if (result := positive(name, value)) > 1:
        raise InvalidValue(f"{name} must be in (0, 1], got {value}.")
    return result


def seed(value: object) -> int:
    """Return an integer that every library takes as a seed; raise an error for others."""
    if not 0 <= (result := integer("seed", value)) <= MAX_SEED:
        raise InvalidValue(f"seed must be from 0 to 2**32 - 1, got {value}.")
    return result


def float_tensor(name: str, value: object) -> Tensor:
    """Return a finite floating-point tensor as it is; raise an error for others."""
    tensors(**{name: value})
    assert isinstance(value, Tensor)
    is_finite = torch.isfinite(value)
    if not bool(is_finite.all()):
        raise InvalidValue(f"{name} must be finite, got {value[~is_finite].flatten()[0].item()}.")
    return value


def finite_result(name: str, value: Tensor, module: nn.Module) -> Tensor:
    """Return what a module computed; raise an error that names its weights, or the result, if it is not finite."""
    if not bool(torch.isfinite(value).all()):
        for place, weights in module.state_dict().items():
            if weights.is_floating_point():
                float_tensor(f"weights {place}", weights)
        float_tensor(name, value)
    return value


def tensor(name: str, value: object) -> Tensor:
    """Return a dense, real tensor with values, as it is and unread; raise an error for others."""
    if not isinstance(value, Tensor):
        raise InvalidType(f"{name} must be a torch tensor, got {type(value).__name__} ({shown(value)}).")
    if value.is_nested or value.layout != torch.strided or value.device.type == "meta" or value.is_complex():
        kind = "nested" if value.is_nested else f"{value.layout}, {value.dtype}, on {value.device.type}"
        raise InvalidType(f"{name} must be a dense tensor of real numbers, got one that is {kind}.")
    return value


def tensors(**values: object) -> None:
    """Raise InvalidType unless all are such tensors of floats; a training step does not read their values."""
    for name, value in values.items():
        if not is_plain(value) and not (checked := tensor(name, value)).is_floating_point():
            raise InvalidType(f"{name} must be floating point, got {checked.dtype}; call .float() on it.")


def is_plain(value: object) -> bool:
    """Return whether this is a dense tensor of floats, in a third of a microsecond."""
    return (
        isinstance(value, Tensor)
        and value.is_floating_point()
        and value.layout is torch.strided
        and not (value.is_meta or value.is_nested)
    )


def step_terms(mse: object, divergence: object) -> None:
    """Check what a policy or a schedule gets at every step: an error per pixel [] and divergences [b].

    Errors of the shape of the divergences are those of as many simulations at once.
    """
    tensors(mse=mse, divergence=divergence)
    if isinstance(mse, Tensor) and isinstance(divergence, Tensor) and mse.dim() and mse.shape != divergence.shape:
        raise InvalidValue(f"mse must be one number, got shape {tuple(mse.shape)}.")


def instance(name: str, value: object, kind: type[T]) -> T:
    """Return an object of a class; raise an error for others, and for the class itself."""
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        words = "a text" if kind is str else f"{article} {kind.__name__}"
        raise InvalidType(f"{name} must be {words}, got {shown(value)}.")
    return value


def one_of(name: str, value: object, known: Sequence[Any]) -> None:
    """Raise an error unless the value is one of the known texts."""
    if not isinstance(value, str):
        raise InvalidType(f"{name} must be one of {', '.join(map(str, known))}, got {shown(value)}.")
    if value not in tuple(known):
        raise InvalidValue(f"{name} must be one of {', '.join(map(str, known))}, got {shown(value)}.")


def flag(name: str, value: object) -> bool:
    """Return a bool; raise an error for others, such as 0 and 1."""
    if not isinstance(value, bool | np.bool_):
        raise InvalidType(f"{name} must be True or False, got {shown(value)}.")
    return bool(value)


def skew(alpha: float | Tensor) -> float | Tensor:
    """Return alpha, a number or a tensor, if all of it is in [0, 1]; raise an error for others."""
    if not isinstance(alpha, Tensor):
        in_range("alpha", alpha, 0, 1)
        return alpha
    tensor("alpha", alpha)
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


def shown(value: object) -> str:
    """Return a value as a message names it: on one line, shortened; of a large one its type.

    Example:
        >>> shown("x"), shown(torch.zeros(2, 3)), shown(Tensor)
        ("'x'", 'a tensor of shape (2, 3)', 'the class Tensor')
    """
    try:
        return _shown(value)
    except Exception:  # a faulty __repr__, a list that contains itself, an int with too many digits for a text
        return f"an object of the class {type(value).__name__}"


def _shown(value: object) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        items = [*map(shown, value[:4]), *(["..."] if len(value) > 4 else [])]
        text = f"[{', '.join(items)}]" if isinstance(value, list) else f"({', '.join(items)}{',' * (len(value) == 1)})"
    elif isinstance(value, tuple | Mapping | nn.Module):  # their contents may be long
        return type(value).__name__
    else:
        text = " ".join(repr(value).split())
    if len(text) <= MAX_SHOWN:
        return text
    return f"{text[:MAX_SHOWN]}..." if isinstance(value, str | bytes | int | list | tuple) else type(value).__name__


def integer(name: str, value: object) -> int:
    """Return an integer that 64 bits hold; raise an error for others."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InvalidType(f"{name} must be an integer, got {shown(value)}.")
    if not -(2**63) <= int(value) < 2**63:
        raise InvalidValue(f"{name} must fit into 64 bits, got {shown(value)}.")
    return int(value)


def number(name: str, value: object) -> float:
    """Return a number as a float; raise an error for others."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidType(f"{name} must be a number, got {shown(value)}.")
    try:
        return float(value)
    except OverflowError:
        raise InvalidValue(f"{name} must be between -1e308 and 1e308, got {shown(value)}.") from None


def finite(name: str, value: object) -> float:
    """Return a finite number as a float; raise an error for others."""
    if not math.isfinite(result := number(name, value)):
        raise InvalidValue(f"{name} must be finite, got {value}.")
    return result
