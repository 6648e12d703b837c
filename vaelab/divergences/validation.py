"""The check of the two arguments of a divergence: each failure is one sentence that names what is wrong."""

import torch

from vaelab._utils.checks import float_tensor
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.divergences.full_covariance import FullGaussian
from vaelab.divergences.gaussian import Gaussian


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
