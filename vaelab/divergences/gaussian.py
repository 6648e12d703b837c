"""Gaussians as plain pairs of tensors: the diagonal one of every VAE, and its full-covariance twin for 2-D pictures."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vaelab._utils import rng
from vaelab._utils.checks import float_tensor
from vaelab._utils.errors import InvalidType, InvalidValue

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
        return self.mean + torch.exp(0.5 * self.logvar) * rng.normal_like(self.mean)

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


def pair(q: object, p: object) -> None:
    """q and p must be of one kind, finite, and of equal shapes (or one of them 0-d)."""
    for name, g in (("q", q), ("p", p)):
        if not isinstance(g, Gaussian | FullGaussian):
            raise InvalidType(
                f"{name} must be a Gaussian or a FullGaussian, got {type(g).__name__}; build one from its mean "
                f"and logvar."
            )
    if isinstance(q, FullGaussian) and isinstance(p, FullGaussian):
        _full("q", q)
        _full("p", p)
        shapes = q.mean.shape, p.mean.shape
    elif isinstance(q, Gaussian) and isinstance(p, Gaussian):
        _diagonal("q", q)
        _diagonal("p", p)
        shapes = q.mean.shape, p.mean.shape
    else:
        raise InvalidType(
            "q and p must be of one kind, got a Gaussian and a FullGaussian; "
            "torch.diag_embed(logvar.exp()) is the covariance of a diagonal one."
        )
    if shapes[0] != shapes[1] and 0 not in (len(shapes[0]), len(shapes[1])):
        raise InvalidValue(
            f"q has shape {tuple(shapes[0])} and p has shape {tuple(shapes[1])}; expand one to the other, "
            f"nothing is broadcast silently."
        )


def _diagonal(name: str, g: Gaussian) -> None:
    mean, logvar = float_tensor(f"{name}.mean", g.mean), float_tensor(f"{name}.logvar", g.logvar)
    if mean.shape != logvar.shape:
        raise InvalidValue(
            f"{name}.mean has shape {tuple(mean.shape)} and {name}.logvar {tuple(logvar.shape)}; they must be equal."
        )


def _full(name: str, g: FullGaussian) -> None:
    mean, cov = float_tensor(f"{name}.mean", g.mean), float_tensor(f"{name}.cov", g.cov)
    if mean.dim() == 0 or cov.shape != (*mean.shape, mean.shape[-1]):
        raise InvalidValue(
            f"{name}.mean has shape {tuple(mean.shape)} and {name}.cov {tuple(cov.shape)}; give [b, d] and [b, d, d]."
        )
    if not torch.allclose(cov, cov.mT, rtol=1e-5, atol=1e-8):
        raise InvalidValue(f"{name}.cov is not symmetric; average it with its transpose.")
    if bool((torch.linalg.cholesky_ex(cov).info != 0).any()):
        raise InvalidValue(f"{name}.cov is not positive definite; add a small multiple of the identity.")
