"""Diagonal Gaussians as pairs of tensors, and the KL divergence between them.

The functions here are unchecked, for use inside a training step; `vaelab.kl` checks its arguments.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vaelab._utils import checks, rng
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab._utils.precision import without_autocast

LOG_2PI = math.log(2 * math.pi)


def require_gaussians(*pair: object) -> None:
    """Raise InvalidType unless q and p are `Gaussian`s; their values are not read."""
    for name, g in zip(("q", "p"), pair, strict=True):
        if not isinstance(g, Gaussian):
            raise InvalidType(f"{name} must be a Gaussian, got {checks.shown(g)}.")
        for part, value in zip(g._fields, g, strict=True):
            if not checks.is_plain(value):
                checks.tensors(**{f"{name}.{part}": value})
        if g.mean.shape != g.logvar.shape:
            raise InvalidValue(
                f"{name}.logvar must have the shape {tuple(g.mean.shape)} of {name}.mean, got {tuple(g.logvar.shape)}."
            )


def sum_latents(x: Tensor) -> Tensor:
    """Sum over every axis but the first: [b, ...] -> [b]; a scalar stays a scalar."""
    return x.flatten(1).sum(1) if x.dim() > 1 else x


class Gaussian(NamedTuple):
    """A batch of diagonal Gaussians N(mean, exp(logvar)).

    Args:
        mean: [b, ...], one latent per entry after the batch axis.
        logvar: log sigma², of the same shape. Tensors with no axes are broadcast to another
            Gaussian; `Gaussian.standard()` is the prior in this form.

    Example:
        >>> q = Gaussian(torch.zeros(5, 2), torch.zeros(5, 2))
        >>> q.log_prob(q.mean)[0]  # -ln 2π
        tensor(-1.8379)
    """

    mean: Tensor
    logvar: Tensor

    @classmethod
    def standard(cls, like: Tensor | None = None) -> "Gaussian":
        """Return N(0, 1) as 0-d tensors.

        Args:
            like: Tensor whose type and device to use; None is torch's default type on the CPU.

        Returns:
            A Gaussian that is broadcast against any other.
        """
        zero = torch.zeros(()) if like is None else checks.tensor("like", like).new_zeros(())
        return cls(zero, zero)

    @without_autocast
    def sample(self, noise: Tensor | None = None) -> Tensor:
        """Draw mean + sigma * noise: [b, ...]; gradients reach mean and logvar.

        Args:
            noise: Draws from N(0, 1) of the shape of the means; new ones by default.
        """
        if noise is None:
            noise = rng.normal_like(self.mean)
        else:
            _check_points("noise", noise, self.mean)
        return self.mean + torch.exp(0.5 * self.logvar) * noise

    @without_autocast
    def log_prob(self, z: Tensor) -> Tensor:
        """Compute log N(z; mean, exp(logvar)) at z [b, ...]: [b], nats, summed over the latents."""
        _check_points("z", z, self.mean)
        squares = (z - self.mean) ** 2 * torch.exp(-self.logvar)
        return sum_latents(-0.5 * (LOG_2PI + self.logvar + squares))


def _check_points(name: str, points: object, mean: Tensor) -> None:
    checks.tensors(**{name: points})
    assert isinstance(points, Tensor)
    if points.shape != mean.shape:
        try:
            torch.broadcast_shapes(points.shape, mean.shape)
        except RuntimeError:
            raise InvalidValue(
                f"{name} must have the shape {tuple(mean.shape)} of the means, got {tuple(points.shape)}."
            ) from None


def diagonal_kl(q: Gaussian, p: Gaussian) -> Tensor:
    """Compute KL(q‖p) of diagonal Gaussians [b, ...] without checks: [b], nats."""
    return sum_latents(latent_kl(q, p))


def latent_kl(q: Gaussian, p: Gaussian) -> Tensor:
    """Compute KL(q‖p) of every latent: [b, ...] -> [b, ...], nats."""
    r = q.logvar - p.logvar
    return 0.5 * (torch.expm1(r) - r + (q.mean - p.mean) ** 2 * torch.exp(-p.logvar))


class KL(nn.Module):
    """KL(q‖p) as a module, the divergence of the ordinary VAE.

    Args:
        q, p: Of the call `KL()(q, p)`: encoder distribution and prior [b, ...].

    Returns:
        From the call: [b], nats, summed over the latents.

    Example:
        >>> KL()(Gaussian(torch.ones(3, 2), torch.zeros(3, 2)), Gaussian.standard())
        tensor([1., 1., 1.])

    References:
        Kingma & Welling (2014), https://arxiv.org/abs/1312.6114, appendix B.
    """

    @without_autocast
    def forward(self, q: Gaussian, p: Gaussian) -> Tensor:
        require_gaussians(q, p)
        return diagonal_kl(q, p)

    def of_rate(self, rate: Tensor) -> Tensor:
        """Return the divergence [b] for a Monte Carlo estimate of KL(q‖p) [b], where p is no Gaussian."""
        checks.tensors(rate=rate)
        return rate


class ReverseKL(nn.Module):
    """KL(p‖q) as a module.

    Args:
        q, p: As in `KL`.

    Returns:
        From the call: [b], nats, summed over the latents.

    Example:
        >>> q = Gaussian(torch.zeros(1, 1), torch.full((1, 1), -2.0))
        >>> KL()(q, Gaussian.standard()), ReverseKL()(q, Gaussian.standard())
        (tensor([0.5677]), tensor([2.1945]))
    """

    @without_autocast
    def forward(self, q: Gaussian, p: Gaussian) -> Tensor:
        require_gaussians(q, p)
        return diagonal_kl(p, q)
