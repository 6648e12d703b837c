"""The aggregate posterior as what it is, a mixture with one Gaussian per image: Q(z) = 1/n Σ N(z; mean_i, var_i)."""

from typing import NamedTuple

import torch
from torch import Tensor

from vaelab import checks
from vaelab.errors import InvalidValue
from vaelab.gaussian import LOG_2PI, Gaussian


class VarianceLaw(NamedTuple):
    """Per latent [d]: Var of the means + mean of the variances = total, the variance of Q(z); 1 at a stationary
    point of KL.

    `active` marks latents whose means vary by more than `threshold`; collapsed ones satisfy the law trivially (0 + 1).
    """

    of_means: Tensor
    of_noise: Tensor
    total: Tensor
    active: Tensor


class Moments(NamedTuple):
    """Per latent [d]: mean, variance, skewness and kurtosis (3 for a Gaussian) of Q(z)."""

    mean: Tensor
    variance: Tensor
    skewness: Tensor
    kurtosis: Tensor


class MarginalPosterior:
    """The mixture Q(z) of the posteriors of n images.

    mean, logvar: [n, d].  Raises InvalidType or InvalidValue unless both are finite floating-point tensors of one
    shape.
    """

    def __init__(self, mean: Tensor, logvar: Tensor) -> None:
        checks.pair(Gaussian(mean, logvar), Gaussian(mean, logvar))
        if mean.dim() != 2:
            raise InvalidValue(
                f"a marginal posterior needs means of shape [n, d], got {tuple(mean.shape)}; flatten the latents."
            )
        self.mean, self.logvar = mean, logvar

    def variance_law(self, threshold: float = 0.05) -> VarianceLaw:
        """Law of total variance per latent, variances (not standard deviations) throughout; [d] each.

        Source: Asperti 2019; the average over images is what the law speaks of, not each image by itself.
        """
        of_means, of_noise = self.mean.var(0, correction=0), self.logvar.exp().mean(0)
        return VarianceLaw(of_means, of_noise, of_means + of_noise, of_means > threshold)

    def moments(self) -> Moments:
        """Moments of Q(z) in closed form, from those of its Gaussians about the common mean.

        With c = mean_i - E z and v = var_i: E c² + v, E c³ + 3cv, E c⁴ + 6c²v + 3v².
        """
        centre, v = self.mean.mean(0), self.logvar.exp()
        c = self.mean - centre
        second = (c**2 + v).mean(0)
        third, fourth = (c**3 + 3 * c * v).mean(0), (c**4 + 6 * c**2 * v + 3 * v**2).mean(0)
        return Moments(centre, second, third / second**1.5, fourth / second**2)

    def density_1d(self, z: Tensor, latent: int, chunk: int = 2000) -> Tensor:
        """The density of one latent of Q at the points z [m]: 1/n Σ N(z; mean_i, var_i) -> [m].

        Raises InvalidValue for a latent that is not there.
        """
        if not 0 <= latent < self.mean.shape[1]:
            raise InvalidValue(f"there is no latent {latent}; choose one from 0 to {self.mean.shape[1] - 1}.")
        total = torch.zeros_like(z)
        for mean, logvar in zip(self.mean[:, latent].split(chunk), self.logvar[:, latent].split(chunk), strict=True):
            squares = (z[:, None] - mean) ** 2 * torch.exp(-logvar)
            total += torch.exp(-0.5 * (LOG_2PI + logvar + squares)).sum(1)
        return total / len(self.mean)
