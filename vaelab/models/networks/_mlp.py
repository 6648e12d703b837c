"""Fully connected networks: with ReLU, with tanh, and for the latents of a second stage."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


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


class SkipMLP(nn.Module):
    """head([body(x), x]): the last layer sees the input beside what was made of it."""

    def __init__(self, inside: int, width: int, outside: int, depth: int) -> None:
        super().__init__()
        self.body = nn.Sequential(layers([inside, *[width] * depth]), nn.ReLU())
        self.head = nn.Linear(inside + width, outside)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(torch.cat([self.body(x), x], 1))
        return out


def latents(data: int, latent: int, width: int = 1024, depth: int = 3) -> tuple[nn.Module, nn.Module]:
    """Encoder [b, data] -> [b, 2 latent] and decoder [b, latent] -> [b, data], `depth` ReLU layers of `width` each.

    Dai & Wipf 2019 take 1024, Asperti & Trentin 2020 take 2048 for CIFAR-10 (17,457,344 parameters) and 4096 for
    CelebA, all with latent = data = 64.
    """
    return SkipMLP(data, width, 2 * latent, depth), SkipMLP(latent, width, data, depth)
