"""The InfoGAN-like network of Dai & Wipf (2019)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import typed
from vaelab.models.networks._conv import alternative
from vaelab.models.networks._mlp import check_sizes

LEAK = 0.2
MIN_STD = 1e-6  # of a posterior


class Softplus(nn.Module):
    """The encoder's last step: [mean, s] -> [mean, 2 ln(1e-6 + softplus(s))], the log variance."""

    def forward(self, head: Tensor) -> Tensor:
        mean, s = head.chunk(2, dim=1)
        return torch.cat([mean, 2 * (MIN_STD + F.softplus(s)).log()], 1)


class CheckedFlatten(nn.Module):
    """[b, ...] -> [b, size]; raises InvalidValue for one image in training (batch norm)."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training and len(x) == 1:
            raise InvalidValue("infogan needs at least two images per batch for its batch norm, got 1.")
        return x.flatten(1)


@typed
def infogan(shape: Sequence[int], latent: int, hidden: Sequence[int] = (64, 128, 1024)) -> tuple[nn.Module, nn.Module]:
    """Build two convolutions of stride 2, a dense layer, and the mirror image.

    The encoder has spectral norm on every layer and leaky ReLU, the decoder ReLU; both have batch
    norm except at the ends.

    Args:
        shape: (channels, height, width), with sides that are multiples of 4 from 8.
        latent: Number of latents.
        hidden: Channels of the two convolutions, and the width of the dense layer.

    Returns:
        Encoder and decoder, as from `mlp`.

    Raises:
        InvalidValue: For any other shape, or other than three widths.

    References:
        Dai & Wipf (2019), https://arxiv.org/abs/1903.05789, layers as in daib13/TwoStageVAE.
    """
    check_sizes(shape=shape, latent=latent, hidden=hidden)
    if len(shape) != 3 or any(side % 4 or side < 8 for side in shape[1:]):
        raise InvalidValue(
            f"shape must be (channels, height, width) with sides that are multiples of 4 from 8 for infogan, "
            f"got {tuple(shape)}; {alternative(shape)}"
        )
    if len(hidden) != 3:
        raise InvalidValue(f"hidden must be three widths for infogan, such as (64, 128, 1024), got {tuple(hidden)}.")
    channels, height, width = shape
    shallow, deep, dense = hidden
    inner = (deep, height // 4, width // 4)
    size = inner[0] * inner[1] * inner[2]
    encoder = nn.Sequential(
        spectral_norm(nn.Conv2d(channels, shallow, 4, stride=2, padding=1)),
        nn.LeakyReLU(LEAK),
        spectral_norm(nn.Conv2d(shallow, deep, 4, stride=2, padding=1)),
        nn.BatchNorm2d(deep),
        nn.LeakyReLU(LEAK),
        CheckedFlatten(),
        spectral_norm(nn.Linear(size, dense)),
        nn.BatchNorm1d(dense),
        nn.LeakyReLU(LEAK),
        spectral_norm(nn.Linear(dense, 2 * latent)),
        Softplus(),
    )
    decoder = nn.Sequential(
        nn.Linear(latent, dense),
        nn.BatchNorm1d(dense),
        nn.ReLU(),
        nn.Linear(dense, size),
        nn.BatchNorm1d(size),
        nn.ReLU(),
        nn.Unflatten(1, inner),
        nn.ConvTranspose2d(deep, shallow, 4, stride=2, padding=1),
        nn.BatchNorm2d(shallow),
        nn.ReLU(),
        nn.ConvTranspose2d(shallow, channels, 4, stride=2, padding=1),
    )
    return encoder, decoder
