"""The check of the two arguments of a divergence."""

import torch

from vaelab._utils.checks import float_tensor, shown
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.divergences.full_covariance import FullGaussian
from vaelab.divergences.gaussian import Gaussian


def check_pair(q: object, p: object) -> None:
    """Check that q and p are finite Gaussians of one kind and shape, or one of them 0-d.

    Args:
        q, p: The two arguments of a divergence.

    Raises:
        InvalidType, InvalidValue: If they are not.
    """
    for name, g in (("q", q), ("p", p)):
        if isinstance(g, Gaussian):
            mean, logvar = float_tensor(f"{name}.mean", g.mean), float_tensor(f"{name}.logvar", g.logvar)
            if mean.shape != logvar.shape:
                raise InvalidValue(
                    f"{name}.logvar must have the shape {tuple(mean.shape)} of {name}.mean, got {tuple(logvar.shape)}."
                )
        elif isinstance(g, FullGaussian):
            _check_full(name, g)
        else:
            raise InvalidType(f"{name} must be a Gaussian or a FullGaussian, got {shown(g)}.")
    assert isinstance(q, Gaussian | FullGaussian)
    if not isinstance(p, type(q)):
        raise InvalidType(
            "q and p must be of one kind, got a Gaussian and a FullGaussian; "
            "torch.diag_embed(logvar.exp()) is the covariance of a diagonal one."
        )
    if q.mean.shape != p.mean.shape and 0 not in (q.mean.dim(), p.mean.dim()):
        raise InvalidValue(f"p must have the shape {tuple(q.mean.shape)} of q, got {tuple(p.mean.shape)}.")


def _check_full(name: str, g: FullGaussian) -> None:
    mean, cov = float_tensor(f"{name}.mean", g.mean), float_tensor(f"{name}.cov", g.cov)
    if mean.dim() == 0 or cov.shape != (*mean.shape, mean.shape[-1]):
        raise InvalidValue(
            f"{name} must have mean [b, d] and cov [b, d, d], got {tuple(mean.shape)} and {tuple(cov.shape)}."
        )
    if not torch.allclose(cov, cov.mT, rtol=1e-5, atol=1e-8):
        raise InvalidValue(f"{name}.cov must be symmetric; average it with its transpose.")
    if bool((torch.linalg.cholesky_ex(cov).info != 0).any()):
        raise InvalidValue(f"{name}.cov must be positive definite; add a small multiple of the identity.")
