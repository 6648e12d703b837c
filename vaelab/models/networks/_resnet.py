"""The residual network of Asperti & Trentin 2020: 5,190,467 parameters for 3x32x32 and 64 latents."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from vaelab._utils.errors import InvalidValue
from vaelab.models.networks._burgess import Crop, Pad, border

DECAY = 1e-3  # of the running statistics: TensorFlow's 0.999, too slow for less than some thousand steps
START = 2  # the side at which the decoder starts


class Residual(nn.Module):
    """body(x) + shortcut(x)."""

    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = self.body(x) + self.shortcut(x)
        return total


def resnet(
    shape: Sequence[int],
    latent: int,
    hidden: Sequence[int] = (32, 64, 128, 256),
    *,
    dense: int = 512,
    decay: float = DECAY,
) -> tuple[nn.Module, nn.Module]:
    """Pre-activated residual blocks, one per scale, between strided convolutions; the decoder starts at 2x2.

    The network knows two sides, 32 (the first three of the encoder's channel counts `hidden`) and 64 (four); a smaller
    image is padded with zeros to the next of them and the decoder's picture cropped back.  The decoder has hidden[0]
    channels at the full side, and twice as many at each smaller one.  dense: the width behind the average
    over the image.  decay: of the batch norms' running statistics; 0.1 for a short training.
    shape: (channels, height, width).

    Raises InvalidValue for a shape that is not (c, h, w) with sides from 8 to 64, or fewer channel counts than scales.
    Source: Asperti & Trentin 2020 (arXiv 2002.07514), layers as in their code,
    asperti/BalancingVAE.
    """
    if len(shape) != 3 or not all(8 <= side <= 64 for side in shape[1:]):
        raise InvalidValue(
            f"resnet takes images (channels, height, width) with sides from 8 to 64, got {tuple(shape)}; use "
            f"network='conv'."
        )
    side = 32 if max(shape[1:]) <= 32 else 64
    amounts, needed = border(shape, side), {32: 3, 64: 4}[side]
    if len(hidden) < needed:
        raise InvalidValue(
            f"resnet needs {needed} channel counts for sides of {side}, got hidden={tuple(hidden)}; such as "
            f"(32, 64, 128, 256)."
        )
    channels = [*hidden[:needed]]

    down: list[nn.Module] = [nn.Conv2d(shape[0], channels[0], 3, padding=1), _block(channels[0], decay)]
    for wide, deep in pairwise(channels):
        down += [nn.Conv2d(wide, deep, 3, stride=2, padding=1), _block(deep, decay)]
    pooled = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), _dense_block(channels[-1], dense)]
    encoder = nn.Sequential(Pad(amounts), *down, *pooled, nn.Linear(dense, 2 * latent))

    scales = (side // START).bit_length() - 1
    widths = [channels[0] * 2**k for k in reversed(range(scales + 1))]
    up: list[nn.Module] = []
    for deep, wide in pairwise(widths):
        up += [nn.ConvTranspose2d(deep, wide, 3, stride=2, padding=1, output_padding=1), _block(wide, decay)]
    first = (widths[0], START, START)
    start = [nn.Linear(latent, widths[0] * START**2), nn.Unflatten(1, first)]
    decoder = nn.Sequential(*start, *up, nn.Conv2d(widths[-1], shape[0], 3, padding=1), Crop(amounts))
    return encoder, decoder


def _block(channels: int, decay: float) -> Residual:
    """Twice [batch norm, ReLU, 3x3 convolution] beside a 3x3 convolution."""
    body: list[nn.Module] = []
    for _ in range(2):
        norm = nn.BatchNorm2d(channels, eps=1e-5, momentum=decay)
        body += [norm, nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1)]
    return Residual(nn.Sequential(*body), nn.Conv2d(channels, channels, 3, padding=1))


def _dense_block(inside: int, outside: int) -> Residual:
    body = nn.Sequential(nn.ReLU(), nn.Linear(inside, outside), nn.ReLU(), nn.Linear(outside, outside))
    return Residual(body, nn.Linear(inside, outside))
