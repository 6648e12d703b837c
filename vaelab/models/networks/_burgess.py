"""The network of Burgess et al. (2018), and zero padding to a fixed side."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import typed
from vaelab.models.networks._conv import alternative
from vaelab.models.networks._mlp import check_sizes, dense_layers

CHANNELS = 32
INNER = (CHANNELS, 4, 4)


class Pad(nn.Module):
    """Zero padding of images; negative amounts crop.

    Args:
        amounts: Pixels to add left, right, above and below.
    """

    def __init__(self, amounts: Sequence[int]) -> None:
        super().__init__()
        self.amounts = tuple(amounts)

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, self.amounts)


def padding(name: str, shape: Sequence[int]) -> tuple[int, Pad, Pad]:
    """Return how a network with fixed sides takes images of this shape.

    Args:
        name: Name of the network, for messages.
        shape: (channels, height, width).

    Returns:
        The network's side, 32 or 64; the padding to it; the crop that undoes the padding.

    Raises:
        InvalidValue: If the shape is not (c, h, w) with sides from 8 to 64.
    """
    if len(shape) != 3 or not all(8 <= side <= 64 for side in shape[1:]):
        raise InvalidValue(
            f"shape must be (channels, height, width) with sides from 8 to 64 for {name}, got {tuple(shape)}; "
            f"{alternative(shape)}"
        )
    side = 32 if max(shape[1:]) <= 32 else 64
    amounts = [(side - size + end) // 2 for size in (shape[2], shape[1]) for end in (0, 1)]
    return side, Pad(amounts), Pad([-amount for amount in amounts])


@typed
def burgess(shape: Sequence[int], latent: int, hidden: Sequence[int] = (256, 256)) -> tuple[nn.Module, nn.Module]:
    """Build 4x4 convolutions of stride 2 down to 4x4, dense layers, and the mirror image.

    It has ReLU, Kaiming-uniform weights, and 469,173 parameters for 1x32x32 and 10 latents. Smaller
    images are padded with zeros to 32 or 64; the decoder's images are cropped, so that the border
    does not enter the loss.

    Args:
        shape: (channels, height, width), with sides from 8 to 64.
        latent, hidden: Number of latents, and widths of the encoder's dense layers.

    Returns:
        Encoder and decoder, as from `mlp`.

    Raises:
        InvalidValue: For any other shape.

    References:
        Burgess et al. (2018), https://arxiv.org/abs/1804.03599, as in Deasy et al. (2020),
            https://arxiv.org/abs/2006.10599.
    """
    check_sizes(shape=shape, latent=latent, hidden=hidden)
    side, pad, crop = padding("burgess", shape)
    channels = [shape[0]] + [CHANNELS] * {32: 3, 64: 4}[side]
    down: list[nn.Module] = []
    up: list[nn.Module] = []
    for shallow, deep in pairwise(channels):
        down += [nn.Conv2d(shallow, deep, 4, stride=2, padding=1), nn.ReLU()]
        up = [nn.ReLU(), nn.ConvTranspose2d(deep, shallow, 4, stride=2, padding=1), *up]
    size = INNER[0] * INNER[1] * INNER[2]
    encoder = nn.Sequential(pad, *down, nn.Flatten(), dense_layers([size, *hidden, 2 * latent]))
    decoder = nn.Sequential(dense_layers([latent, *reversed(hidden), size]), nn.Unflatten(1, INNER), *up, crop)
    for module in (*encoder.modules(), *decoder.modules()):
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
    return encoder, decoder
