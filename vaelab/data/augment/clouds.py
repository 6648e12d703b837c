"""Random transformations of point clouds: rotation, scaling, noise of the points, and points left out."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from vaelab._utils import checks, rng
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab._utils.precision import without_autocast

Rotation = Literal["none", "vertical", "full"]


@dataclass(frozen=True)
class CloudAugment:
    """A random transformation of clouds, each cloud by its own draw.

    Args:
        rotation: "none"; "vertical", about the third axis by any angle; "full", any rotation.
        scale: Smallest and largest factor of a cloud.
        jitter: Standard deviation of normal noise on each coordinate.
        dropout: Largest share of points left out, in [0, 1); the share is uniform. As many others
            take their places, so that clouds stay of one size.

    Returns:
        From a call on floats [b, n, 3]: the same shape.

    Raises:
        InvalidType, InvalidValue: If an option, or the clouds, are of another type, range or shape.

    Example:
        >>> CloudAugment(rotation="full", dropout=0.5)(torch.randn(2, 64, 3)).shape
        torch.Size([2, 64, 3])
    """

    rotation: Rotation = "vertical"
    scale: tuple[float, float] = (0.9, 1.1)
    jitter: float = 0.01
    dropout: float = 0.0

    def __post_init__(self) -> None:
        checks.one_of("rotation", self.rotation, ("none", "vertical", "full"))
        checks.not_negative("jitter", self.jitter)
        if checks.in_range("dropout", self.dropout, 0, 1) == 1:
            raise InvalidValue("dropout must be below 1, got 1.")
        if not isinstance(self.scale, tuple | list) or len(self.scale) != 2:
            raise InvalidType(f"scale must be two factors such as (0.9, 1.1), got {checks.shown(self.scale)}.")
        object.__setattr__(self, "scale", tuple(self.scale))  # a list could change later
        low, high = (checks.positive("scale", factor) for factor in self.scale)
        if low > high:
            raise InvalidValue(f"scale must be two factors in ascending order, got {self.scale}.")

    @without_autocast
    @torch.no_grad()
    def __call__(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        checks.tensors(clouds=x)
        if generator is not None:
            checks.instance("generator", generator, torch.Generator)
        if x.dim() != 3 or x.shape[2] != 3 or not x.numel():
            raise InvalidValue(f"clouds must be [b, n, 3], got {list(x.shape)}.")
        b, n, _ = x.shape

        def uniform(count: int) -> Tensor:
            return rng.uniform(b * count, x, generator).reshape(b, count)

        low, high = self.scale
        x = x * (low + (high - low) * uniform(1)[..., None])
        if self.rotation == "vertical":
            x = x @ about_the_vertical(2 * math.pi * uniform(1)[:, 0])
        elif self.rotation == "full":
            x = x @ any_rotation(uniform(3))
        if self.dropout:
            order = uniform(n).argsort(1)
            left = (n - (self.dropout * uniform(1) * n).floor().long()).clamp_min(1)
            # The points in a random order; those after the last one that stays repeat from the first.
            place = torch.arange(n, device=x.device) % left
            x = x.gather(1, order.gather(1, place)[..., None].expand(-1, -1, 3))
        if self.jitter:
            # Box and Muller, since all draws are uniform numbers of one source.
            radius = (-2 * (1 - uniform(3 * n)).log()).sqrt()
            x = x + self.jitter * (radius * (2 * math.pi * uniform(3 * n)).cos()).reshape(b, n, 3)
        return x


def about_the_vertical(angle: Tensor) -> Tensor:
    """Return rotations about the third axis by angles [b], for rows of points: [b, 3, 3]."""
    cos, sin, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    return torch.stack([cos, sin, zero, -sin, cos, zero, zero, zero, one], 1).unflatten(1, (3, 3))


def any_rotation(u: Tensor) -> Tensor:
    """Return rotations [b, 3, 3], uniform over all of them for uniform numbers [b, 3]."""
    # A uniform unit quaternion; Shoemake (1992), Graphics Gems III.
    a, b, c = u.unbind(1)
    first, second = (1 - a).sqrt(), a.sqrt()
    angles = 2 * math.pi * b, 2 * math.pi * c
    q = torch.stack(
        [first * angles[0].sin(), first * angles[0].cos(), second * angles[1].sin(), second * angles[1].cos()], 1
    )
    x, y, z, w = F.normalize(q, dim=1).unbind(1)
    rows = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        *(2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        *(2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    ]
    return torch.stack(rows, 1).unflatten(1, (3, 3))
