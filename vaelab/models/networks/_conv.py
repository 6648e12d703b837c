"""A convolutional network for images of any side from 8 to 128 and any number of channels."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import typed
from vaelab.models.networks._mlp import check_sizes

SIDES = (8, 128)


def takes(shape: Sequence[int]) -> bool:
    """Return whether `conv` takes images of this shape."""
    return len(shape) == 3 and all(SIDES[0] <= side <= SIDES[1] for side in shape[1:])


def alternative(shape: Sequence[int]) -> str:
    """Return the end of a sentence with a network for a shape that another one does not take."""
    return f"use network={'conv' if takes(shape) else 'mlp'!r}."


@typed
def conv(shape: Sequence[int], latent: int, hidden: Sequence[int] = (32, 64, 128)) -> tuple[nn.Module, nn.Module]:
    """Build strided 3x3 convolutions, each halving the sides (rounding up), and the mirror image.

    Args:
        shape: (channels, height, width), with sides from 8 to 128.
        latent: Number of latents.
        hidden: Channels of the convolutions. Halving stops at 4 pixels, so a small image uses only
            the first few.

    Returns:
        Encoder and decoder, as from `mlp`.

    Raises:
        InvalidValue: For any other shape.
    """
    check_sizes(shape=shape, latent=latent, hidden=hidden)
    if not takes(shape):
        raise InvalidValue(
            f"shape must be (channels, height, width) with sides from {SIDES[0]} to {SIDES[1]} for conv, got "
            f"{tuple(shape)}; use network='mlp'."
        )
    sides = [tuple(shape[1:])]
    while len(sides) <= len(hidden) and max(sides[-1]) > 4:
        height, width = sides[-1]
        sides.append(((height + 1) // 2, (width + 1) // 2))
    channels = [shape[0], *hidden[: len(sides) - 1]]

    down: list[nn.Module] = []
    up: list[nn.Module] = []
    for i, (shallow, deep) in enumerate(pairwise(channels)):
        down += [nn.Conv2d(shallow, deep, 3, stride=2, padding=1), nn.ReLU()]
        # The transposed convolution must undo the rounding: an even side needs one extra row.
        extra = (1 - sides[i][0] % 2, 1 - sides[i][1] % 2)
        up = [nn.ReLU(), nn.ConvTranspose2d(deep, shallow, 3, stride=2, padding=1, output_padding=extra), *up]
    inner = (channels[-1], *sides[-1])
    size = inner[0] * inner[1] * inner[2]
    encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(size, 2 * latent))
    decoder = nn.Sequential(nn.Linear(latent, size), nn.Unflatten(1, inner), *up)
    return encoder, decoder
