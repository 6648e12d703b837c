"""A model whose evidence is known: z ~ N(0, I) in ten dimensions, x = z + noise of standard deviation 0.2.

Its posterior N(x / 1.04, 0.04 / 1.04) is the encoder here, so importance sampling with it has no error at all.
"""

import math

import torch
from torch import Tensor, nn

from vaelab.divergences import KL
from vaelab.likelihoods import Normal
from vaelab.models import VAE
from vaelab.objective import Experiment, Objective

DIMENSIONS, NOISE = 10, 0.2
MARGINAL = 1 + NOISE**2
EXACT = -14.3396  # the mean of ln p(x) over the images of the sheet; ours are scaled to have the same


class Posterior(nn.Module):
    """x -> (means, log variances) of p(z|x)."""

    logvar: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("logvar", torch.tensor(math.log(NOISE**2 / MARGINAL)))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((x / MARGINAL, self.logvar.expand_as(x)), 1)


def linear_gaussian() -> Experiment:
    """The model with its true posterior for an encoder, in float64."""
    objective = Objective(Normal(NOISE, squash=False), KL())
    return Experiment(VAE(Posterior(), nn.Identity(), DIMENSIONS), objective, (DIMENSIONS,)).double()


def toy_images(n: int, seed: int = 0) -> Tensor:
    """n draws of x [n, 10], scaled together so that the mean of ln p(x) is `EXACT`."""
    x = torch.randn(n, DIMENSIONS, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    wanted = -2 * MARGINAL * (EXACT + 0.5 * DIMENSIONS * math.log(2 * math.pi * MARGINAL))
    return x * (wanted / float((x**2).sum(1).mean())) ** 0.5
