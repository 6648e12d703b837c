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


class VarianceLaw(NamedTuple):
    """Per latent [d]: Var of the means + mean of the variances = total, the variance of Q(z); 1 at a stationary
    point of KL.

    active: whose means vary by more than `threshold`; collapsed latents satisfy the law trivially (0 + 1).
    of_squares: E[mean²] in the place of Var of the means; about_zero: of_squares + of_noise, the second moment.  It is
    what KL asks to be 1, along with E[mean] = 0; where it exceeds `total`, by E[mean]², the means are shifted.
    """

    of_means: Tensor
    of_noise: Tensor
    total: Tensor
    active: Tensor
    of_squares: Tensor
    about_zero: Tensor
    threshold: float

    @property
    def mean_active(self) -> float:
        """The mean of `total` over the active latents; nan if there are none."""
        return float(self.total[self.active].mean())

    @property
    def mean_collapsed(self) -> float:
        """The mean of `total` over the others, about 1 whatever the training; nan if there are none."""
        return float(self.total[~self.active].mean())


def moments(mean: Tensor, logvar: Tensor) -> Moments:
    """Moments of the mixture with components N(mean_i, exp(logvar_i)), [n, d], from those of its Gaussians.

    With c = mean_i - E z and v = var_i: E c² + v, E c³ + 3cv, E c⁴ + 6c²v + 3v²; covariance E c cᵀ + diag E v.
    In float64, since fourth powers leave float32.
    """
    mean, v = mean.double(), logvar.double().exp()
    centre = mean.mean(0)
    c = mean - centre
    second = (c**2 + v).mean(0)
    third, fourth = (c**3 + 3 * c * v).mean(0), (c**4 + 6 * c**2 * v + 3 * v**2).mean(0)
    covariance = c.T @ c / len(c) + torch.diag(v.mean(0))
    return Moments(centre, second, third / second**1.5, fourth / second**2, covariance)


def variance_law(mean: Tensor, logvar: Tensor, threshold: float) -> VarianceLaw:
    """The law of total variance for the components N(mean_i, exp(logvar_i)), [n, d]."""
    of_means, of_noise, of_squares = mean.var(0, correction=0), logvar.exp().mean(0), (mean**2).mean(0)
    total, about_zero = of_means + of_noise, of_squares + of_noise
    return VarianceLaw(of_means, of_noise, total, of_means > threshold, of_squares, about_zero, threshold)
