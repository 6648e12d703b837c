"""The aggregate posterior as what it is, a mixture with one Gaussian per image: Q(z) = 1/n Σ N(z; mean_i, var_i)."""

from typing import NamedTuple

from torch import Tensor

from vaelab import checks
from vaelab.errors import InvalidValue
from vaelab.gaussian import Gaussian


class VarianceLaw(NamedTuple):
    """Per latent [d]: Var of the means + mean of the variances = total, the variance of Q(z); 1 at a stationary
    point of KL.

    `active` marks latents whose means vary by more than `threshold`; collapsed ones satisfy the law trivially (0 + 1).
    """

    of_means: Tensor
    of_noise: Tensor
    total: Tensor
    active: Tensor


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
