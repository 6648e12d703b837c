"""The Fréchet distance between two sets of features: the arithmetic, whatever network the features come from."""

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """|mean(a) - mean(b)|² + tr A + tr B - 2 tr (A B)^½ of the features a [n, f], b [m, f]; A, B are their covariances.

    It is the square, as always quoted, and is called FID only for features of the 2015 Inception network.  In float64;
    tr (A B)^½ is the sum of the singular values of R_a R_bᵀ, A = R_aᵀ R_a, which needs no root of a matrix that is
    nearly singular.  Fewer images than features would make the covariances singular and the distance too large.

    Raises InvalidType or InvalidValue for features that are not finite [n, f] and [m, f] with n, m > f.
    Source: Dowson & Landau 1982; Heusel et al. 2017.
    """
    for name, features in (("a", a), ("b", b)):
        checks.float_tensor(name, features)
        if features.dim() != 2 or features.shape[1:] != a.shape[1:]:
            raise InvalidValue(f"{name} has shape {tuple(features.shape)}; both sets must be [images, features] alike.")
        if len(features) <= features.shape[1]:
            raise InvalidValue(
                f"{name} holds {len(features)} images of {features.shape[1]} features; the distance needs more images "
                f"than features, so add images."
            )
    (mean_a, root_a), (mean_b, root_b) = _moments(a), _moments(b)
    shared = torch.linalg.svdvals(root_a @ root_b.mT).sum()
    distance = (mean_a - mean_b).square().sum() + root_a.square().sum() + root_b.square().sum() - 2 * shared
    return max(0.0, float(distance))


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """The mean [f] and an upper triangular R [f, f] with Rᵀ R the covariance."""
    x = features.detach().double()
    mean = x.mean(0)
    return mean, torch.linalg.qr((x - mean) / (len(x) - 1) ** 0.5, mode="r").R
