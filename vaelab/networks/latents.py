"""The network of a second stage, which models latents: dense layers that see their input once more at the end."""

import torch
from torch import Tensor, nn

from vaelab.networks.mlp import layers


class Reminded(nn.Module):
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
    return Reminded(data, width, 2 * latent, depth), Reminded(latent, width, data, depth)
