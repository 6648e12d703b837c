"""Geometric maps of an image's plane, one per image, and the random ones: where `augment` draws from.

Coordinates are pixels, measured from the middle of the image, x to the right and y down.
"""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import NamedTuple

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidType, InvalidValue

Draw = Callable[[], Tensor]  # fresh uniform numbers in [0, 1), one per image: [b]


class Warp(NamedTuple):
    """Where the content of each image goes: p -> linear p + shift.  linear [b, 2, 2], shift [b, 2]."""

    linear: Tensor
    shift: Tensor

    def after(self, first: "Warp") -> "Warp":
        """`first`, then this one."""
        return Warp(self.linear @ first.linear, (self.linear @ first.shift[..., None])[..., 0] + self.shift)

    def inverse(self) -> "Warp":
        """Where the content of each place comes from."""
        (a, b), (c, d) = (row.unbind(-1) for row in self.linear.unbind(-2))
        linear = _matrix(d, -b, -c, a) / (a * d - b * c)[..., None, None]
        return Warp(linear, -(linear @ self.shift[..., None])[..., 0])


def affine(rotation: Tensor, shift: Tensor, scale: Tensor, shear: Tensor) -> Warp:
    """Shear, then scale, then turn about the middle, then shift.

    rotation [b]: degrees, counter-clockwise as seen; shift [b, 2]: pixels to the right and down; scale [b]; shear [b]:
    degrees by which vertical lines lean.
    """
    turn, lean = torch.deg2rad(rotation), torch.tan(torch.deg2rad(shear))
    cos, sin = scale * torch.cos(turn), scale * torch.sin(turn)
    return Warp(_matrix(cos, sin - cos * lean, -sin, cos + sin * lean), shift)


@dataclass(frozen=True)
class Affine:
    """Turn by up to ±rotation degrees, shift by up to ±translation of each side, scale by a factor between the two of
    `scale`, lean by up to ±shear degrees; all uniform.

    whole_pixels: shifts are rounded, as torchvision's RandomAffine does.
    Raises InvalidType or InvalidValue for a range that is none or out of place.
    """

    rotation: float = 0.0
    translation: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    shear: float = 0.0
    whole_pixels: bool = False

    def __post_init__(self) -> None:
        inside("rotation", self.rotation, 0, 180)
        inside("translation", self.translation, 0, 1)
        inside("shear", self.shear, 0, 80)
        if not isinstance(self.scale, tuple | list) or len(self.scale) != 2:
            raise InvalidType(f"scale must be two factors, got {self.scale!r}; (0.9, 1.1) is gentle.")
        low, high = (checks.positive("scale", factor) for factor in self.scale)
        if low > high:
            raise InvalidValue(f"scale must be two factors above 0 in order, got {self.scale}; (0.9, 1.1) is gentle.")

    def warp(self, draw: Draw, size: tuple[int, int]) -> Warp:
        shift = self.translation * torch.stack([side * (2 * draw() - 1) for side in (size[1], size[0])], -1)
        low, high = self.scale
        turn, lean = self.rotation * (2 * draw() - 1), self.shear * (2 * draw() - 1)
        return affine(turn, shift.round() if self.whole_pixels else shift, low + (high - low) * draw(), lean)


@dataclass(frozen=True)
class Flip:
    """Mirror left to right, or upside down, each with its own chance.  Raises InvalidValue for no chance in [0, 1]."""

    horizontal: float = 0.5
    vertical: float = 0.0

    def __post_init__(self) -> None:
        inside("horizontal", self.horizontal, 0, 1)
        inside("vertical", self.vertical, 0, 1)

    def warp(self, draw: Draw, size: tuple[int, int]) -> Warp:
        across, over = (1 - 2 * _heads(draw(), chance) for chance in (self.horizontal, self.vertical))
        none = torch.zeros_like(across)
        return Warp(_matrix(across, none, none, over), torch.stack([none, none], -1))


@dataclass(frozen=True)
class Crop:
    """A window at a random place, of a side between `smallest` and 1 of the image's, enlarged to its full size.

    Raises InvalidValue for a side outside (0, 1].
    """

    smallest: float = 0.8

    def __post_init__(self) -> None:
        inside("smallest", self.smallest, 1e-3, 1)

    def warp(self, draw: Draw, size: tuple[int, int]) -> Warp:
        side = self.smallest + (1 - self.smallest) * draw()
        shift = torch.stack([whole * (0.5 - draw()) * (1 / side - 1) for whole in (size[1], size[0])], -1)
        none = torch.zeros_like(side)
        return Warp(_matrix(1 / side, none, none, 1 / side), shift)


def _heads(uniform: Tensor, chance: float) -> Tensor:
    return (uniform < chance).to(uniform.dtype)


def _matrix(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """Four entries [b] -> [b, 2, 2], row by row."""
    return torch.stack([a, b, c, d], -1).unflatten(-1, (2, 2))


def inside(name: str, value: float, low: float, high: float) -> None:
    """Raises InvalidType or InvalidValue unless it is a number from low to high."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidType(f"{name} must be a number, got {value!r}; pass one from {low:g} to {high:g}.")
    if not low <= value <= high:
        raise InvalidValue(f"{name} must lie between {low:g} and {high:g}, got {value}; choose another.")
