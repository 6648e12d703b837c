"""Random changes of color, one per image: images [b, c, h, w] in [0, 1], and so they stay."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vaelab.data.augment.geometric import Draw, inside

LUMA = (0.299, 0.587, 0.114)  # how bright red, green and blue are


@dataclass(frozen=True)
class Jitter:
    """Brightness, contrast and saturation times a factor in 1 ± their range, hue turned by up to ±hue of a circle.

    In this order; contrast is about the image's mean brightness.  Gray images have neither saturation nor hue.
    Raises InvalidType or InvalidValue for a range outside [0, 1], or hue outside [0, 0.5].
    """

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0

    def __post_init__(self) -> None:
        for name, high in (("brightness", 1), ("contrast", 1), ("saturation", 1), ("hue", 0.5)):
            inside(name, getattr(self, name), 0, high)

    def color(self, x: Tensor, draw: Draw) -> Tensor:
        if self.brightness:
            x = (x * _factor(self.brightness, draw)).clamp(0, 1)
        if self.contrast:
            x = blend(x, gray(x).mean((-2, -1), keepdim=True), _factor(self.contrast, draw))
        if self.saturation and x.shape[-3] == 3:
            x = blend(x, gray(x), _factor(self.saturation, draw))
        if self.hue and x.shape[-3] == 3:
            x = turn_hue(x, self.hue * (2 * draw() - 1))
        return x


def _factor(width: float, draw: Draw) -> Tensor:
    return (1 + width * (2 * draw() - 1))[..., None, None, None]


def blend(x: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    """factor x + (1 - factor) other, kept in [0, 1]."""
    return (factor * x + (1 - factor) * other).clamp(0, 1)


def gray(x: Tensor) -> Tensor:
    """Brightness as the eye weighs it: [b, c, h, w] -> [b, 1, h, w]."""
    if x.shape[-3] != 3:
        return x.mean(-3, keepdim=True)
    return sum(weight * channel for weight, channel in zip(LUMA, x.split(1, -3), strict=True))


def turn_hue(x: Tensor, turn: Tensor) -> Tensor:
    """Turn the hue of images [b, 3, h, w] by `turn` [b] circles; value and saturation (as in HSV) stay."""
    high, low = x.amax(-3, keepdim=True), x.amin(-3, keepdim=True)
    red, green, blue = x.split(1, -3)
    span = (high - low).clamp_min(torch.finfo(x.dtype).tiny)
    sixths = torch.where(
        high == red,
        (green - blue) / span,
        torch.where(high == green, 2 + (blue - red) / span, 4 + (red - green) / span),
    )
    turned = sixths + 6 * turn[..., None, None, None]
    place = torch.remainder(torch.cat([turned + 5, turned + 3, turned + 1], -3), 6)
    return high - (high - low) * torch.minimum(place, 4 - place).clamp(0, 1)
