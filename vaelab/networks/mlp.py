"""Fully connected networks, for data of any shape."""

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import nn


def layers(widths: Sequence[int]) -> nn.Sequential:
    """Linear layers of the given widths with ReLU between them, none behind the last."""
    blocks: list[nn.Module] = []
    for wide, narrow in pairwise(widths):
        blocks += [nn.Linear(wide, narrow), nn.ReLU()]
    return nn.Sequential(*blocks[:-1])


def mlp(shape: Sequence[int], latent: int, hidden: Sequence[int] = (400,)) -> tuple[nn.Module, nn.Module]:
    """Encoder shape -> hidden -> 2 latent (means, then log variances) and the mirrored decoder.

    shape: of one datum, any number of axes.
    """
    size = math.prod(shape)
    encoder = nn.Sequential(nn.Flatten(), layers([size, *hidden, 2 * latent]))
    decoder = nn.Sequential(layers([latent, *reversed(hidden), size]), nn.Unflatten(1, tuple(shape)))
    return encoder, decoder
