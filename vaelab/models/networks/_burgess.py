"""The network of Burgess et al. 2018 as Deasy et al. 2020 use it: 469,173 parameters for 1x32x32 and 10 latents."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from vaelab._utils.errors import InvalidValue
from vaelab.models.networks._mlp import layers

CHANNELS = 32
INNER = (CHANNELS, 4, 4)


class Pad(nn.Module):
    """Zero pixels around the image until it is `side` square: MNIST enters the network at 32x32."""

    def __init__(self, amounts: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.amounts = amounts

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, self.amounts)


class Crop(nn.Module):
    """Undo `Pad`: give back the middle of the image."""

    def __init__(self, amounts: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.amounts = amounts

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, tuple(-amount for amount in self.amounts))


def border(shape: Sequence[int], side: int) -> tuple[int, int, int, int]:
    """What `Pad` must add to images (channels, height, width) to make them `side` square: left, right, top, bottom."""
    across, down = side - shape[2], side - shape[1]
    return across // 2, across - across // 2, down // 2, down - down // 2


def burgess(shape: Sequence[int], latent: int, hidden: Sequence[int] = (256, 256)) -> tuple[nn.Module, nn.Module]:
    """Four-by-four convolutions of stride 2 down to 4x4, two dense layers, and the mirror image; ReLU, Kaiming weights.

    The network knows two sides, 32 (three convolutions) and 64 (four); a smaller image is padded with zeros to the next
    of them and the decoder's picture cropped back, so the padded border costs no reconstruction loss.
    shape: (channels, height, width).

    Raises InvalidValue for a shape that is not (c, h, w) with sides from 8 to 64.
    """
    if len(shape) != 3 or not all(8 <= side <= 64 for side in shape[1:]):
        raise InvalidValue(
            f"burgess takes images (channels, height, width) with sides from 8 to 64, got {tuple(shape)}; use "
            f"network='conv'."
        )
    side = 32 if max(shape[1:]) <= 32 else 64
    depth = {32: 3, 64: 4}[side]
    channels = [shape[0]] + [CHANNELS] * depth
    down: list[nn.Module] = []
    up: list[nn.Module] = []
    for wide, deep in pairwise(channels):
        down += [nn.Conv2d(wide, deep, 4, stride=2, padding=1), nn.ReLU()]
        up = [nn.ReLU(), nn.ConvTranspose2d(deep, wide, 4, stride=2, padding=1), *up]
    size = INNER[0] * INNER[1] * INNER[2]
    amounts = border(shape, side)
    encoder = nn.Sequential(Pad(amounts), *down, nn.Flatten(), layers([size, *hidden, 2 * latent]))
    decoder = nn.Sequential(layers([latent, *reversed(hidden), size]), nn.Unflatten(1, INNER), *up, Crop(amounts))
    for module in (*encoder.modules(), *decoder.modules()):
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
    return encoder, decoder
