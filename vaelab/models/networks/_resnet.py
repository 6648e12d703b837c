"""The residual network of Asperti & Trentin (2020)."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import typed
from vaelab.models.networks._burgess import padding
from vaelab.models.networks._mlp import check_sizes

DECAY = 1e-3  # of the running statistics: TensorFlow's 0.999, too slow for a short training
START = 2  # the side at which the decoder starts


class Residual(nn.Module):
    """body(x) + shortcut(x), for two networks with the same input and output."""

    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = self.body(x) + self.shortcut(x)
        return total


@typed
def resnet(
    shape: Sequence[int],
    latent: int,
    hidden: Sequence[int] = (32, 64, 128, 256),
    *,
    dense: int = 512,
    decay: float = DECAY,
) -> tuple[nn.Module, nn.Module]:
    """Build pre-activated residual blocks, one per scale, between strided convolutions.

    It has 5,190,467 parameters for 3x32x32 and 64 latents. Smaller images are padded with zeros to
    32 or 64; the decoder's images are cropped. The decoder starts at 2x2 and has hidden[0] channels
    at the full side, and double the number at each smaller one.

    Args:
        shape: (channels, height, width), with sides from 8 to 64.
        latent: Number of latents.
        hidden: Channels of the encoder, one per scale: three are used for side 32, four for 64.
        dense: Width after the average over the image.
        decay: Of the running statistics of batch norm; use 0.1 for a short training.

    Returns:
        Encoder and decoder, as from `mlp`.

    Raises:
        InvalidValue: For any other shape, or fewer channels than scales.

    References:
        Asperti & Trentin (2020), https://arxiv.org/abs/2002.07514; layers of asperti/BalancingVAE.
    """
    check_sizes(shape=shape, latent=latent, hidden=hidden, dense=dense)
    checks.rate(decay, "decay")
    side, pad, crop = padding("resnet", shape)
    needed = {32: 3, 64: 4}[side]
    if len(hidden) < needed:
        raise InvalidValue(
            f"hidden must have at least {needed} channel counts for sides of {side}, got {tuple(hidden)}."
        )
    channels = [*hidden[:needed]]

    down: list[nn.Module] = [nn.Conv2d(shape[0], channels[0], 3, padding=1), _block(channels[0], decay)]
    for shallow, deep in pairwise(channels):
        down += [nn.Conv2d(shallow, deep, 3, stride=2, padding=1), _block(deep, decay)]
    pooled = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), _dense_block(channels[-1], dense)]
    encoder = nn.Sequential(pad, *down, *pooled, nn.Linear(dense, 2 * latent))

    scales = (side // START).bit_length() - 1
    widths = [channels[0] * 2**k for k in reversed(range(scales + 1))]
    up: list[nn.Module] = []
    for deep, shallow in pairwise(widths):
        up += [nn.ConvTranspose2d(deep, shallow, 3, stride=2, padding=1, output_padding=1), _block(shallow, decay)]
    inner = (widths[0], START, START)
    start = [nn.Linear(latent, widths[0] * START**2), nn.Unflatten(1, inner)]
    decoder = nn.Sequential(*start, *up, nn.Conv2d(widths[-1], shape[0], 3, padding=1), crop)
    return encoder, decoder


def _block(channels: int, decay: float) -> Residual:
    """Build twice [batch norm, ReLU, 3x3 convolution] beside a 3x3 convolution."""
    body: list[nn.Module] = []
    for _ in range(2):
        norm = nn.BatchNorm2d(channels, eps=1e-5, momentum=decay)
        body += [norm, nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1)]
    return Residual(nn.Sequential(*body), nn.Conv2d(channels, channels, 3, padding=1))


def _dense_block(inputs: int, outputs: int) -> Residual:
    body = nn.Sequential(nn.ReLU(), nn.Linear(inputs, outputs), nn.ReLU(), nn.Linear(outputs, outputs))
    return Residual(body, nn.Linear(inputs, outputs))
