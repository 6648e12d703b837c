"""Gaussians with full covariance and their divergences, unchecked; skews are 0-d or [b]."""

from typing import NamedTuple

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab.divergences.gaussian import LOG_2PI


class FullGaussian(NamedTuple):
    """A batch of Gaussians with full covariance.

    Args:
        mean: [b, d].
        cov: [b, d, d], symmetric and positive definite.

    Example:
        >>> q = FullGaussian(torch.zeros(1, 2), torch.eye(2)[None])
        >>> q.log_prob(torch.zeros(1, 2))
        tensor([-1.8379])
    """

    mean: Tensor
    cov: Tensor

    def sample(self) -> Tensor:
        """Draw one reparameterized point per Gaussian through the Cholesky factor: [b, d]."""
        return self.mean + (torch.linalg.cholesky(self.cov) @ torch.randn_like(self.mean)[..., None])[..., 0]

    def log_prob(self, z: Tensor) -> Tensor:
        """Compute log N(z; mean, cov) at z [b, d]: [b], nats."""
        if checks.float_tensor("z", z).shape != self.mean.shape:
            raise InvalidValue(f"z must have the shape {tuple(self.mean.shape)} of the means, got {tuple(z.shape)}.")
        d = self.mean.shape[-1]
        factor = torch.linalg.cholesky(self.cov)
        white = torch.linalg.solve_triangular(factor, (z - self.mean)[..., None], upper=False)[..., 0]
        half_logdet = factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return -0.5 * (d * LOG_2PI + (white**2).sum(-1)) - half_logdet


def kl(q: FullGaussian, p: FullGaussian) -> Tensor:
    """Compute ½ [tr(Σp⁻¹Σq) - d + (μq-μp)ᵀ Σp⁻¹ (μq-μp) + ln|Σp| - ln|Σq|]: [b], nats."""
    d = q.mean.shape[-1]
    difference = (q.mean - p.mean)[..., None]
    solved = torch.linalg.solve(p.cov, torch.cat((q.cov, difference), dim=-1))
    trace = solved[..., :d].diagonal(dim1=-2, dim2=-1).sum(-1)
    mahalanobis = (difference[..., 0] * solved[..., d]).sum(-1)
    return 0.5 * (trace - d + mahalanobis + torch.logdet(p.cov) - torch.logdet(q.cov))


def geometric_mean(q: FullGaussian, p: FullGaussian, a: Tensor) -> FullGaussian:
    """Compute the normalized q^(1-a) p^a.

    Σ = ((1-a) Σq⁻¹ + a Σp⁻¹)⁻¹ = Σp M⁻¹ Σq and μ = μq + a Σ Σp⁻¹ (μp-μq), M = (1-a) Σp + a Σq.
    """
    a = a.reshape(-1)[0] if a.numel() == 1 else a.reshape(-1)[:, None]
    mixed = (1 - a)[..., None] * p.cov + a[..., None] * q.cov
    cov = p.cov @ torch.linalg.solve(mixed, q.cov)
    shift = q.cov @ torch.linalg.solve(mixed, (p.mean - q.mean)[..., None])
    return FullGaussian(q.mean + a * shift[..., 0], 0.5 * (cov + cov.mT))


def geometric_js(q: FullGaussian, p: FullGaussian, alpha: Tensor, *, dual: bool, primed: bool) -> Tensor:
    """Compute `vaelab.geometric_js` from its definition, without checks: [b], nats."""
    mean = geometric_mean(q, p, 1 - alpha if primed else alpha)
    weight = alpha.reshape(-1)[0] if alpha.numel() == 1 else alpha.reshape(-1)
    if dual:
        return (1 - weight) * kl(mean, q) + weight * kl(mean, p)
    return (1 - weight) * kl(q, mean) + weight * kl(p, mean)
