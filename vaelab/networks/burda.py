"""The networks of Burda et al. 2016: two tanh layers, Glorot initialisation."""

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import nn


def burda(shape: Sequence[int], latent: int, hidden: Sequence[int] = (200, 200)) -> tuple[nn.Module, nn.Module]:
    """Encoder shape -> hidden -> 2 latent (means, then log variances) and the mirrored decoder, tanh between.

    Glorot-uniform weights, zero biases.  Source: Burda et al. 2016, section 5.
    """
    size = math.prod(shape)
    encoder = nn.Sequential(nn.Flatten(), tanh_layers([size, *hidden, 2 * latent]))
    decoder = nn.Sequential(tanh_layers([latent, *reversed(hidden), size]), nn.Unflatten(1, tuple(shape)))
    return encoder, decoder


def tanh_layers(widths: Sequence[int]) -> nn.Sequential:
    """Linear layers of the given widths with tanh between them, none behind the last."""
    blocks: list[nn.Module] = []
    for wide, narrow in pairwise(widths):
        linear = nn.Linear(wide, narrow)
        nn.init.xavier_uniform_(linear.weight)
        nn.init.zeros_(linear.bias)
        blocks += [linear, nn.Tanh()]
    return nn.Sequential(*blocks[:-1])
