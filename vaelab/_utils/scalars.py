"""Modules whose scalars keep the digits of the numbers that they were given."""

from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn


class ScalarModule(nn.Module):
    """A module with 0-d buffers that are exact again in float64, although float32 rounded them.

    A float64 buffer would do the same, but an MPS device takes none.
    """

    def __init__(self) -> None:
        super().__init__()
        self._given: dict[str, float] = {}

    def register_scalar(self, name: str, value: float) -> None:
        """Register a 0-d float32 buffer.

        Args:
            name: The attribute under which it is reached.
            value: Its value. In float64 it is restored, unless somebody has changed the buffer.

        Example:
            >>> module = ScalarModule()
            >>> module.register_scalar("weight", 0.1)
            >>> module.double().weight.item()
            0.1
        """
        self.register_buffer(name, torch.tensor(value))
        self._given[name] = value

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)
        for name, value in self._given.items():
            buffer, rounded = self.get_buffer(name), torch.tensor(value).item()
            buffer.copy_(torch.where(buffer == rounded, value, buffer))
        return self
