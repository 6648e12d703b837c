"""Modules whose scalars keep the digits of the numbers that they were given."""

import math
from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn

from vaelab._utils.errors import InvalidValue


class ScalarModule(nn.Module):
    """A module with 0-d tensors that are exact again in float64, although float32 rounded them.

    A float64 tensor would do the same, but an MPS device takes none.
    """

    def __init__(self) -> None:
        super().__init__()
        self._given: dict[str, tuple[float, float]] = {}  # the number and the tensor's first value

    def register_scalar(
        self,
        name: str,
        value: float,
        *,
        single: float | None = None,
        trainable: bool = False,
        like: Tensor | None = None,
    ) -> None:
        """Register a 0-d buffer, or a parameter if trainable.

        Args:
            name: The attribute under which it is reached.
            value: Its value. In float64 it is restored, unless somebody has changed the tensor.
            single: Its value in float32; None rounds it.
            trainable: Whether it is a parameter.
            like: Tensor whose type and device to use; None is torch's default type on the CPU.

        Raises:
            InvalidValue: If that type rounds the number to 0 or infinity.

        Example:
            >>> module = ScalarModule()
            >>> module.register_scalar("weight", 0.1)
            >>> module.double().weight.item()
            0.1
        """
        start = value if single is None else single
        number = torch.tensor(start) if like is None else torch.tensor(start, dtype=like.dtype, device=like.device)
        if not math.isfinite(number.item()) or (value != 0 and start == value and number.item() == 0):
            raise InvalidValue(f"{name} must be a number that {number.dtype} holds, got {value:g}.")
        if trainable:
            self.register_parameter(name, nn.Parameter(number))
        else:
            self.register_buffer(name, number)
        self._given[name] = (value, number.item())

    @property
    def given(self) -> dict[str, float]:
        """The numbers that the scalars were given, by name."""
        return {name: value for name, (value, _) in self._given.items()}

    def exact(self, name: str) -> float:
        """Return the number that a scalar was given or, once somebody has changed it, its value."""
        value, first = self._given.get(name, (0.0, None))
        present = float(getattr(self, name))
        return value if present in (first, value) else present

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)
        with torch.no_grad():
            for name, (value, first) in self._given.items():
                scalar = getattr(self, name)
                if scalar.dtype == torch.float64:
                    unchanged = (scalar == first) | (scalar == torch.tensor(value).item())
                    scalar.copy_(torch.where(unchanged, value, scalar))
        return self
