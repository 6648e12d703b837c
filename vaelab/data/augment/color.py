"""Random changes of color, one per image; values stay in [0, 1]."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab.data.augment.geometric import UniformSource, check_source

LUMA = (0.299, 0.587, 0.114)  # perceived brightness of red, green and blue


@dataclass(frozen=True)
class Jitter:
    """Random brightness, contrast, saturation and hue, changed in this order.

    Args:
        brightness: Factor in 1 ± this.
        contrast: Factor in 1 ± this, about the mean brightness of the image.
        saturation: Factor in 1 ± this; without effect on gray images.
        hue: Rotation of hue in ± this fraction of a circle; without effect on gray images.

    Raises:
        InvalidType: If an argument is not a number.
        InvalidValue: If `hue` is not in [0, 0.5], or another one not in [0, 1].
    """

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0

    def __post_init__(self) -> None:
        for name, high in (("brightness", 1), ("contrast", 1), ("saturation", 1), ("hue", 0.5)):
            checks.in_range(name, getattr(self, name), 0, high)

    def apply(self, x: Tensor, uniform: UniformSource) -> Tensor:
        """Change the colors of images [b, c, h, w]."""
        check_source(uniform)
        checks.tensors(x=x)
        if x.dim() != 4 or not x.numel():
            raise InvalidValue(f"x must be images [b, c, h, w], got {list(x.shape)}.")
        if self.brightness:
            x = (x * _factor(self.brightness, uniform)).clamp(0, 1)
        if self.contrast:
            x = blend(x, brightness(x).mean((-2, -1), keepdim=True), _factor(self.contrast, uniform))
        if self.saturation and x.shape[-3] == 3:
            x = blend(x, brightness(x), _factor(self.saturation, uniform))
        if self.hue and x.shape[-3] == 3:
            x = rotate_hue(x, self.hue * (2 * uniform() - 1))
        return x


def _factor(width: float, uniform: UniformSource) -> Tensor:
    return (1 + width * (2 * uniform() - 1))[..., None, None, None]


def blend(x: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    """Compute factor x + (1 - factor) other, clipped to [0, 1]."""
    return (factor * x + (1 - factor) * other).clamp(0, 1)


def brightness(x: Tensor) -> Tensor:
    """Compute the perceived brightness [b, 1, h, w] of images [b, c, h, w]."""
    if x.shape[-3] != 3:
        return x.mean(-3, keepdim=True)
    return sum(weight * channel for weight, channel in zip(LUMA, x.split(1, -3), strict=True))


def rotate_hue(x: Tensor, fraction: Tensor) -> Tensor:
    """Rotate the hue (HSV) of images [b, 3, h, w] by fractions [b] of a circle."""
    high, low = x.amax(-3, keepdim=True), x.amin(-3, keepdim=True)
    red, green, blue = x.split(1, -3)
    span = (high - low).clamp_min(torch.finfo(x.dtype).tiny)
    sixths = torch.where(
        high == red,
        (green - blue) / span,
        torch.where(high == green, 2 + (blue - red) / span, 4 + (red - green) / span),
    )
    rotated = sixths + 6 * fraction[..., None, None, None]
    phase = torch.remainder(torch.cat([rotated + 5, rotated + 3, rotated + 1], -3), 6)
    return high - (high - low) * torch.minimum(phase, 4 - phase).clamp(0, 1)
