"""Diagonal Gaussians as plain pairs of tensors, and KL between them: what a step of every VAE needs.

Those with full covariance, for 2-D pictures, are in `full_covariance`.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vaelab._utils import rng

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
        """One reparameterized draw, mean + sigma * noise: [b, ...]; gradients reach mean and logvar."""
        return self.mean + torch.exp(0.5 * self.logvar) * rng.normal_like(self.mean)

    def log_prob(self, z: Tensor) -> Tensor:
        """log N(z; mean, exp(logvar)) in nats, summed over the latents: [b]."""
        squares = (z - self.mean) ** 2 * torch.exp(-self.logvar)
        return sum_latents(-0.5 * (LOG_2PI + self.logvar + squares))


def diagonal_kl(q: Gaussian, p: Gaussian) -> Tensor:
    """KL(q‖p) of diagonal Gaussians [b, ...], summed over the latents: [b], nats; not checked."""
    return sum_latents(latent_kl(q, p))


def latent_kl(q: Gaussian, p: Gaussian) -> Tensor:
    """KL(q‖p) of every latent alone: [b, ...] -> [b, ...]."""
    r = q.logvar - p.logvar
    return 0.5 * (torch.expm1(r) - r + (q.mean - p.mean) ** 2 * torch.exp(-p.logvar))


class KL(nn.Module):
    """KL(q‖p), the divergence of the ordinary VAE: [b], nats."""

    def forward(self, q: Gaussian, p: Gaussian) -> Tensor:
        return diagonal_kl(q, p)


class ReverseKL(nn.Module):
    """KL(p‖q): [b], nats."""

    def forward(self, q: Gaussian, p: Gaussian) -> Tensor:
        return diagonal_kl(p, q)
