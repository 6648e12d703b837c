"""The InfoGAN-like neutral network of Dai & Wipf 2019: two strided convolutions and two dense layers on each side."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from vaelab._utils.errors import InvalidValue

LEAK = 0.2
LEAST = 1e-6  # standard deviation of a posterior


class Softplus(nn.Module):
    """The second half of the head, s, becomes a log variance: 2 ln(1e-6 + softplus(s))."""

    def forward(self, head: Tensor) -> Tensor:
        mean, s = head.chunk(2, dim=1)
        return torch.cat([mean, 2 * (LEAST + F.softplus(s)).log()], 1)


class Flat(nn.Module):
    """[b, ...] -> [b, size].  Raises InvalidValue for a single image in training, which has no variance to norm by."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training and len(x) == 1:
            raise InvalidValue(
                "infogan has batch norm, which learns from no single image; enlarge the batch or its pieces."
            )
        return x.flatten(1)


def infogan(shape: Sequence[int], latent: int, hidden: Sequence[int] = (64, 128, 1024)) -> tuple[nn.Module, nn.Module]:
    """Convolutions of stride 2 with hidden[0] and hidden[1] channels, a dense layer of hidden[2], and the mirror image.

    Spectral norm on every layer of the encoder, leaky ReLU there and ReLU in the decoder, batch norm but for the ends.
    shape: (channels, height, width).

    Raises InvalidValue for sides that are not multiples of 4 from 8 on, or for other than three widths.
    Source: Dai & Wipf 2019 (arXiv 1903.05789), layers as in their code, daib13/TwoStageVAE.
    """
    if len(shape) != 3 or any(side % 4 or side < 8 for side in shape[1:]):
        raise InvalidValue(
            f"infogan takes images (channels, height, width) with sides that are multiples of 4, got {tuple(shape)}; "
            f"use network='conv'."
        )
    if len(hidden) != 3:
        raise InvalidValue(f"infogan has three widths, such as hidden=(64, 128, 1024), got {tuple(hidden)}.")
    channels, height, width = shape
    wide, deep, dense = hidden
    inner = (deep, height // 4, width // 4)
    size = inner[0] * inner[1] * inner[2]
    encoder = nn.Sequential(
        *(spectral_norm(nn.Conv2d(channels, wide, 4, stride=2, padding=1)), nn.LeakyReLU(LEAK)),
        *(spectral_norm(nn.Conv2d(wide, deep, 4, stride=2, padding=1)), nn.BatchNorm2d(deep), nn.LeakyReLU(LEAK)),
        Flat(),
        *(spectral_norm(nn.Linear(size, dense)), nn.BatchNorm1d(dense), nn.LeakyReLU(LEAK)),
        *(spectral_norm(nn.Linear(dense, 2 * latent)), Softplus()),
    )
    decoder = nn.Sequential(
        *(nn.Linear(latent, dense), nn.BatchNorm1d(dense), nn.ReLU()),
        *(nn.Linear(dense, size), nn.BatchNorm1d(size), nn.ReLU(), nn.Unflatten(1, inner)),
        *(nn.ConvTranspose2d(deep, wide, 4, stride=2, padding=1), nn.BatchNorm2d(wide), nn.ReLU()),
        nn.ConvTranspose2d(wide, channels, 4, stride=2, padding=1),
    )
    return encoder, decoder
