"""Moments of a mixture of diagonal Gaussians in closed form."""

from typing import NamedTuple

import torch
from torch import Tensor


class Moments(NamedTuple):
    """Moments of Q(z).

    Args:
        mean, variance, skewness, kurtosis: Per latent [d]; the kurtosis of a Gaussian is 3.
        covariance: [d, d].
    """

    mean: Tensor
    variance: Tensor
    skewness: Tensor
    kurtosis: Tensor
    covariance: Tensor


def moments(mean: Tensor, logvar: Tensor) -> Moments:
    """Compute the moments of the mixture from those of its components.

    With c = mean_i - E z and v = var_i they are E c² + v, E c³ + 3cv, E c⁴ + 6c²v + 3v² and the
    covariance E c cᵀ + diag E v.

    Args:
        mean, logvar: The components [n, d].

    Returns:
        The moments in float64, since fourth powers overflow float32.

    Example:
        >>> moments(torch.tensor([[-1.0], [1.0]]), torch.zeros(2, 1)).variance
        tensor([2.], dtype=torch.float64)
    """
    mean, v = mean.cpu().double(), logvar.cpu().double().exp()
    center = mean.mean(0)
    c = mean - center
    second = (c**2 + v).mean(0)
    third, fourth = (c**3 + 3 * c * v).mean(0), (c**4 + 6 * c**2 * v + 3 * v**2).mean(0)
    covariance = c.T @ c / len(c) + torch.diag(v.mean(0))
    return Moments(center, second, third / second**1.5, fourth / second**2, covariance)
