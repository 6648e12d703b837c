"""Moments of a mixture of diagonal Gaussians in closed form, and the variance law that speaks of two of them."""

from typing import NamedTuple

import torch
from torch import Tensor


class Moments(NamedTuple):
    """Of Q(z): mean, variance, skewness and kurtosis (3 for a Gaussian) per latent [d], covariance [d, d]."""

    mean: Tensor
    variance: Tensor
    skewness: Tensor
    kurtosis: Tensor
    covariance: Tensor


def moments(mean: Tensor, logvar: Tensor) -> Moments:
    """Moments of the mixture with components N(mean_i, exp(logvar_i)), [n, d], from those of its Gaussians.

    With c = mean_i - E z and v = var_i: E c² + v, E c³ + 3cv, E c⁴ + 6c²v + 3v²; covariance E c cᵀ + diag E v.
    In float64, since fourth powers leave float32.
    """
    mean, v = mean.double(), logvar.double().exp()
    center = mean.mean(0)
    c = mean - center
    second = (c**2 + v).mean(0)
    third, fourth = (c**3 + 3 * c * v).mean(0), (c**4 + 6 * c**2 * v + 3 * v**2).mean(0)
    covariance = c.T @ c / len(c) + torch.diag(v.mean(0))
    return Moments(center, second, third / second**1.5, fourth / second**2, covariance)
