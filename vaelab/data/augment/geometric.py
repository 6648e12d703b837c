"""Geometric maps of an image's plane, one per image, and random ones.

Coordinates are pixels from the center of the image, x to the right and y down.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab._utils.precision import without_autocast

UniformSource = Callable[[], Tensor]  # new uniform numbers in [0, 1), one per image: [b]


class Warp(NamedTuple):
    """Affine maps p -> linear p + shift of the content of each image.

    Args:
        linear: [b, 2, 2].
        shift: [b, 2], pixels.
    """

    linear: Tensor
    shift: Tensor

    @without_autocast
    def after(self, first: "Warp") -> "Warp":
        """Compose two warps: `first`, then this one."""
        checks.tensors(**checks.instance("first", first, Warp)._asdict())
        if first.linear.shape != self.linear.shape or first.shift.shape != self.shift.shape:
            raise InvalidValue(f"first must have one map [b, 2, 2] per image, got {list(first.linear.shape)}.")
        return Warp(self.linear @ first.linear, (self.linear @ first.shift[..., None])[..., 0] + self.shift)

    @without_autocast
    def inverse(self) -> "Warp":
        """Return the warp that undoes this one."""
        (a, b), (c, d) = (row.unbind(-1) for row in self.linear.unbind(-2))
        linear = _matrix(d, -b, -c, a) / (a * d - b * c)[..., None, None]
        return Warp(linear, -(linear @ self.shift[..., None])[..., 0])


def affine(rotation: Tensor, shift: Tensor, scale: Tensor, shear: Tensor) -> Warp:
    """Return warps that shear, then scale, then rotate about the center, then shift.

    Args:
        rotation: Degrees counter-clockwise, [b].
        shift: Pixels to the right and down, [b, 2].
        scale: Factors, [b].
        shear: Degrees from the vertical, [b].

    Returns:
        One warp per image.

    Example:
        >>> zero = torch.zeros(1)
        >>> to_the_right = affine(zero, torch.tensor([[2.0, 0.0]]), zero + 1, zero)
        >>> to_the_right.after(to_the_right).shift.tolist()
        [[4.0, 0.0]]
    """
    checks.tensors(rotation=rotation, shift=shift, scale=scale, shear=shear)
    if shift.shape[-1:] != (2,) or any(t.shape != shift.shape[:-1] for t in (rotation, scale, shear)):
        raise InvalidValue(
            f"shift must be [b, 2] for rotations [b], got {list(shift.shape)} for {list(rotation.shape)}."
        )
    angle, lean = torch.deg2rad(rotation), torch.tan(torch.deg2rad(shear))
    cos, sin = scale * torch.cos(angle), scale * torch.sin(angle)
    return Warp(_matrix(cos, sin - cos * lean, -sin, cos + sin * lean), shift)


@dataclass(frozen=True)
class Affine:
    """Random rotation, shift, scale and shear, each uniform.

    Args:
        rotation: Largest angle in degrees, to both sides.
        translation: Largest shift as a fraction of each side.
        scale: Smallest and largest factor.
        shear: Largest angle in degrees, to both sides.

    Raises:
        InvalidType: If an argument is not a number, or `scale` not a pair.
        InvalidValue: If an argument is out of range.

    Example:
        >>> Affine(rotation=15, scale=(0.9, 1.1))
        Affine(rotation=15, translation=0.0, scale=(0.9, 1.1), shear=0.0)
    """

    rotation: float = 0.0
    translation: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    shear: float = 0.0

    def __post_init__(self) -> None:
        checks.in_range("rotation", self.rotation, 0, 180)
        checks.in_range("translation", self.translation, 0, 1)
        checks.in_range("shear", self.shear, 0, 80)
        if not isinstance(self.scale, tuple | list) or len(self.scale) != 2:
            raise InvalidType(f"scale must be two factors such as (0.9, 1.1), got {checks.shown(self.scale)}.")
        object.__setattr__(self, "scale", tuple(self.scale))  # a list could change later
        low, high = (checks.positive("scale", factor) for factor in self.scale)
        if low > high:
            raise InvalidValue(f"scale must be two factors in ascending order, got {self.scale}.")

    def warp(self, uniform: UniformSource, size: tuple[int, int]) -> Warp:
        """Draw a warp per image of this height and width."""
        check_source(uniform, size)
        shift = self.translation * torch.stack([side * (2 * uniform() - 1) for side in (size[1], size[0])], -1)
        low, high = self.scale
        rotation, shear = self.rotation * (2 * uniform() - 1), self.shear * (2 * uniform() - 1)
        return affine(rotation, shift, low + (high - low) * uniform(), shear)


@dataclass(frozen=True)
class Flip:
    """Random mirroring.

    Args:
        horizontal: Probability of a swap of left and right.
        vertical: Probability of a swap of top and bottom.

    Raises:
        InvalidValue: If a probability is not in [0, 1].
    """

    horizontal: float = 0.5
    vertical: float = 0.0

    def __post_init__(self) -> None:
        checks.in_range("horizontal", self.horizontal, 0, 1)
        checks.in_range("vertical", self.vertical, 0, 1)

    def warp(self, uniform: UniformSource, size: tuple[int, int]) -> Warp:
        """Draw a warp per image; the size does not matter."""
        check_source(uniform, size)
        x, y = (1 - 2 * (u := uniform()).lt(chance).to(u.dtype) for chance in (self.horizontal, self.vertical))
        zero = torch.zeros_like(x)
        return Warp(_matrix(x, zero, zero, y), torch.stack([zero, zero], -1))


def check_source(uniform: object, size: object = (1, 1)) -> None:
    """Raise InvalidType unless `uniform` is a function and `size` a height and a width."""
    if not callable(uniform) or isinstance(uniform, type):
        raise InvalidType(f"uniform must be a function, got {checks.shown(uniform)}.")
    if not isinstance(size, tuple | list) or len(size) != 2:
        raise InvalidType(f"size must be (height, width), got {checks.shown(size)}.")
    for side in size:
        checks.positive_int("size", side)


def _matrix(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """Arrange four entries [b] as matrices [b, 2, 2], row by row."""
    return torch.stack([a, b, c, d], -1).unflatten(-1, (2, 2))
