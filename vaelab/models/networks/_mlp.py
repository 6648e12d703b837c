"""Fully connected networks: with ReLU, with tanh, and with a skip connection."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import typed

MAX_SIZE, MAX_WEIGHTS = 2**24, 2**31  # of a network and of a layer; 2**31 weights take 8 GB


def check_sizes(**sizes: int | Sequence[int]) -> None:
    """Raise InvalidValue unless every size, or all of a sequence, is from 1 to 2**24."""
    for name, given in sizes.items():
        for size in given if isinstance(given, Sequence) else (given,):
            if checks.positive_int(name, size) > MAX_SIZE:
                raise InvalidValue(f"{name} must be at most {MAX_SIZE:,}, got {size}.")
    if not sizes.get("shape", True):
        raise InvalidValue("shape must be that of one datum, got ().")


def dense_layers(widths: Sequence[int], activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Return linear layers of the given widths with an activation between them.

    Args:
        widths: Input, hidden and output widths.
        activation: nn.ReLU, or nn.Tanh with Glorot-uniform weights and zero biases.

    Returns:
        A network [b, widths[0]] -> [b, widths[-1]].
    """
    blocks: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        if inputs * outputs > MAX_WEIGHTS:
            raise InvalidValue(f"a layer must have at most {MAX_WEIGHTS:,} weights, got {inputs:,} x {outputs:,}.")
        linear = nn.Linear(inputs, outputs)
        if activation is nn.Tanh:
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)
        blocks += [linear, activation()]
    return nn.Sequential(*blocks[:-1])


@typed
def mlp(
    shape: Sequence[int], latent: int, hidden: Sequence[int] = (400,), activation: type[nn.Module] = nn.ReLU
) -> tuple[nn.Module, nn.Module]:
    """Build a fully connected encoder and its mirror image.

    Args:
        shape: Shape of one datum, with any number of axes.
        latent: Number of latents.
        hidden: Widths of the encoder's hidden layers.
        activation: As in `dense_layers`.

    Returns:
        Encoder [b, *shape] -> [b, 2 latent], means, then log variances; decoder [b, latent] ->
        [b, *shape].

    Example:
        >>> encoder, decoder = mlp((1, 8, 8), 2)
        >>> encoder(torch.zeros(5, 1, 8, 8)).shape, decoder(torch.zeros(5, 2)).shape
        (torch.Size([5, 4]), torch.Size([5, 1, 8, 8]))
    """
    check_sizes(shape=shape, latent=latent, hidden=hidden)
    size = math.prod(shape)
    encoder = nn.Sequential(nn.Flatten(), dense_layers([size, *hidden, 2 * latent], activation))
    layers = dense_layers([latent, *reversed(hidden), size], activation)
    return encoder, nn.Sequential(layers, nn.Unflatten(1, tuple(shape)))


@typed
def burda(shape: Sequence[int], latent: int, hidden: Sequence[int] = (200, 200)) -> tuple[nn.Module, nn.Module]:
    """Build `mlp` with tanh, the network of Burda et al.

    Args:
        shape, latent, hidden: As in `mlp`.

    Returns:
        Encoder and decoder, as from `mlp`.

    References:
        Burda et al. (2016), https://arxiv.org/abs/1509.00519, section 5.
    """
    return mlp(shape, latent, hidden, nn.Tanh)


class SkipMLP(nn.Module):
    """head([body(x), x]): dense layers with ReLU, whose last one also receives the input.

    Args:
        inputs, width, outputs: Widths of the input, the hidden layers and the output.
        depth: Number of hidden layers.
    """

    def __init__(self, inputs: int, width: int, outputs: int, depth: int) -> None:
        super().__init__()
        self.body = nn.Sequential(dense_layers([inputs, *[width] * depth]), nn.ReLU())
        self.head = nn.Linear(inputs + width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(torch.cat([self.body(x), x], 1))
        return out


@typed
def skip_mlp(data: int, latent: int, width: int = 1024, depth: int = 3) -> tuple[nn.Module, nn.Module]:
    """Build encoder and decoder of a second-stage VAE as `SkipMLP`.

    Dai & Wipf use width 1024, Asperti & Trentin 2048 for CIFAR-10 (17,457,344 parameters) and 4096
    for CelebA, all with latent = data = 64.

    Args:
        data: Width of a datum, the number of latents of the first stage.
        latent: Number of latents.
        width, depth: Width and number of the hidden layers.

    Returns:
        Encoder [b, data] -> [b, 2 latent], decoder [b, latent] -> [b, data].

    References:
        Dai & Wipf (2019), https://arxiv.org/abs/1903.05789.
        Asperti & Trentin (2020), https://arxiv.org/abs/2002.07514.
    """
    check_sizes(data=data, latent=latent, width=width, depth=depth)
    return SkipMLP(data, width, 2 * latent, depth), SkipMLP(latent, width, data, depth)
