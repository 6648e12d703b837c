"""Gaussians as plain pairs of tensors: the diagonal one of every VAE, and its full-covariance twin for 2-D pictures."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vaelab import randomness

LOG_2PI = math.log(2 * math.pi)


def sum_latents(x: Tensor) -> Tensor:
    """Sum over every axis but the first: [b, ...] -> [b]; a scalar stays a scalar."""
    return x.flatten(1).sum(1) if x.dim() > 1 else x


class Gaussian(NamedTuple):
    """A batch of diagonal Gaussians N(mean, exp(logvar)).

    mean, logvar: [b, ...], one latent variable per entry behind the batch axis; logvar = log sigma^2, never log sigma.
    0-d tensors make a Gaussian that is broadcast to every latent of another one: `Gaussian.standard()` is the prior.
    """

    mean: Tensor
    logvar: Tensor

    @classmethod
    def standard(cls, like: Tensor | None = None) -> "Gaussian":
        """N(0, 1), 0-d, in the type and on the device of `like` (default: torch's default type, on the CPU)."""
        zero = torch.zeros(()) if like is None else like.new_zeros(())
        return cls(zero, zero)

    def sample(self) -> Tensor:
        """One reparameterised draw, mean + sigma * noise: [b, ...]; gradients reach mean and logvar."""
        return self.mean + torch.exp(0.5 * self.logvar) * randomness.normal_like(self.mean)

    def log_prob(self, z: Tensor) -> Tensor:
        """log N(z; mean, exp(logvar)) in nats, summed over the latents: [b]."""
        squares = (z - self.mean) ** 2 * torch.exp(-self.logvar)
        return sum_latents(-0.5 * (LOG_2PI + self.logvar + squares))


class FullGaussian(NamedTuple):
    """A batch of Gaussians with full covariance: mean [b, d], cov [b, d, d], symmetric and positive definite."""

    mean: Tensor
    cov: Tensor

    def sample(self) -> Tensor:
        """One reparameterised draw through the Cholesky factor: [b, d]."""
        return self.mean + (torch.linalg.cholesky(self.cov) @ torch.randn_like(self.mean)[..., None])[..., 0]

    def log_prob(self, z: Tensor) -> Tensor:
        """log N(z; mean, cov) in nats: [b]."""
        d = self.mean.shape[-1]
        factor = torch.linalg.cholesky(self.cov)
        white = torch.linalg.solve_triangular(factor, (z - self.mean)[..., None], upper=False)[..., 0]
        half_logdet = factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return -0.5 * (d * LOG_2PI + (white**2).sum(-1)) - half_logdet
