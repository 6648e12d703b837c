"""The Fréchet distance between two sets of features, of whatever network."""

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Compute |mean(a) - mean(b)|² + tr A + tr B - 2 tr (A B)^½, with A and B the covariances.

    It is the square, as always quoted, and an FID only for features of the 2015 Inception network.
    In float64, tr (A B)^½ is the sum of the singular values of R_a R_bᵀ with A = R_aᵀ R_a, which
    needs no root of a nearly singular matrix.

    Args:
        a: Features [n, f] with n > f; with fewer, the distance would be too large.
        b: Features [m, f] with m > f.

    Returns:
        The squared distance.

    Raises:
        InvalidValue: If they are not finite, of other shapes, or too few.

    Example:
        >>> x = torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
        >>> round(frechet_distance(x, x + 3.0), 4)
        18.0

    References:
        Dowson & Landau (1982), doi:10.1016/0047-259X(82)90077-X; Heusel et al. (2017),
        https://arxiv.org/abs/1706.08500.
    """
    for name, features in (("a", a), ("b", b)):
        checks.float_tensor(name, features)
        if features.dim() != 2 or features.shape[1:] != a.shape[1:]:
            raise InvalidValue(f"{name} must be [images, features] like the other set, got {tuple(features.shape)}.")
        if len(features) <= features.shape[1]:
            raise InvalidValue(
                f"{name} must hold more than {features.shape[1]} images, one per feature, got {len(features)}."
            )
    (mean_a, root_a), (mean_b, root_b) = _moments(a), _moments(b)
    shared = torch.linalg.svdvals(root_a @ root_b.mT).sum()
    distance = (mean_a - mean_b).square().sum() + root_a.square().sum() + root_b.square().sum() - 2 * shared
    return max(0.0, float(distance))


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the mean [f] and an upper triangular R [f, f] with Rᵀ R the covariance."""
    x = features.detach().cpu().double()
    mean = x.mean(0)
    return mean, torch.linalg.qr((x - mean) / (len(x) - 1) ** 0.5, mode="r").R
