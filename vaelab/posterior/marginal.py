"""The aggregate posterior Q(z) = 1/n Σ N(z; mean_i, var_i), with one Gaussian per image."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.checks import shortest
from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import typed
from vaelab.divergences.gaussian import Gaussian
from vaelab.divergences.quadrature import Estimate
from vaelab.divergences.validation import check_pair
from vaelab.models.priors import Prior
from vaelab.objectives.objective import Experiment
from vaelab.posterior import information, mixture, moments
from vaelab.posterior.information import LatentEstimates, MutualInformation
from vaelab.posterior.moments import Moments
from vaelab.posterior.scaling import fit_gaussian_mixture
from vaelab.posterior.variance_law import VarianceLaw, variance_law

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

MAX_LOGVAR = 300.0  # beyond it the square of a precision overflows float64


class MarginalPosterior:
    """The mixture Q(z) of the posteriors of n images.

    Args:
        mean, logvar: The posteriors [n, d], with |logvar| at most 300. They are kept on the CPU,
            since some devices have no float64.

    Raises:
        InvalidType, InvalidValue: If they are not finite floating-point tensors of that kind.

    Example:
        >>> posterior = MarginalPosterior(torch.tensor([[-1.0], [1.0]]), torch.zeros(2, 1))
        >>> posterior.moments().variance
        tensor([2.], dtype=torch.float64)
        >>> posterior.log_prob(torch.zeros(1, 1))  # ln N(0; 1, 1)
        tensor([-1.4189], dtype=torch.float64)
    """

    def __init__(self, mean: Tensor, logvar: Tensor) -> None:
        check_pair(Gaussian(mean, logvar), Gaussian(mean, logvar))
        if mean.dim() != 2 or mean.numel() == 0:
            raise InvalidValue(f"mean must be [n, d] and not empty, got {tuple(mean.shape)}; flatten the latents.")
        if float(logvar.detach().abs().max()) > MAX_LOGVAR:
            raise InvalidValue(
                f"logvar must be within ±{MAX_LOGVAR:g}, got {shortest(float(logvar.detach().abs().max()))}; clamp it."
            )
        self.mean, self.logvar = mean.cpu(), logvar.cpu()  # all that follows is in float64

    @classmethod
    @typed
    def from_model(cls, experiment: Experiment, x: Any, group: int | None = None) -> "MarginalPosterior":
        """Return the mixture of the posteriors of x under a trained experiment.

        Args:
            experiment: Trained experiment.
            x: [n, *shape], as the experiment was trained on: tensor, array or data set.
            group: Number of a group of latents, from 0, as for `Experiment.encode`.

        Returns:
            The mixture, on the CPU.

        Raises:
            InvalidType, InvalidValue: If x does not fit the experiment or is empty, or there is no such group.
        """
        q = experiment.encode_in_chunks(x, group=group)
        if not len(q.mean):
            raise InvalidValue("x must have at least one datum, got 0.")
        return cls(*q)

    @typed
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw n points from Q: [n, d]; generator None is torch's own."""
        return mixture.draw(self.mean, self.logvar, checks.positive_int("n", n), generator)[0]

    @typed
    def log_prob(self, z: Tensor, *, chunk: int = mixture.COMPONENTS) -> Tensor:
        """Compute ln Q(z) over all n components, to 1e-9 nats at any variance.

        Args:
            z: Points [m, d]; gradients reach them.
            chunk: Components at a time; memory grows with it, not with n m.

        Returns:
            [m], nats, float64.

        Raises:
            InvalidType, InvalidValue: If z is not a finite floating-point tensor [m, d].
        """
        self._check_points(z, self.mean.shape[1])
        return mixture.log_density(z.cpu(), self.mean, self.logvar, checks.positive_int("chunk", chunk))

    def moments(self) -> Moments:
        """Compute the moments per latent [d] and the covariance [d, d] in closed form."""
        return moments.moments(self.mean, self.logvar)

    @typed
    def variance_law(self, threshold: float = 0.05) -> VarianceLaw:
        """Compute the law of total variance per latent.

        Args:
            threshold: Variance of the means above which a latent is active.

        Returns:
            Variances [d]. The law is about their average over images, not each image.

        References:
            Asperti (2019), doi:10.1007/978-3-030-37599-7_7.
        """
        return variance_law(self.mean, self.logvar, checks.positive("threshold", threshold))

    @typed
    def density_1d(self, z: Tensor, latent: int, chunk: int = mixture.COMPONENTS) -> Tensor:
        """Compute the density of one latent of Q at points z [m].

        Args:
            z, latent: Points [m], and the index of the latent.
            chunk: Components at a time.

        Returns:
            [m], float64.

        Raises:
            InvalidType, InvalidValue: If z is not [m] or the latent does not exist.
        """
        if checks.float_tensor("z", z).dim() != 1:
            raise InvalidValue(f"z must be [m] for one latent, got {tuple(z.shape)}.")
        return self._density(z[:, None], [latent], chunk)

    @typed
    def density_2d(self, z: Tensor, latents: tuple[int, int] = (0, 1), chunk: int = 1024) -> Tensor:
        """Compute the joint density of two latents at z [m, 2]; otherwise as `density_1d`."""
        return self._density(z, list(latents), chunk)

    @typed
    def kl_to_prior(self, samples: int = 2000, seed: int = 0, prior: Prior | None = None) -> Estimate:
        """Estimate KL(Q‖p) = E_Q[ln Q - ln p], the cost of sampling from the prior.

        The mean rate is this plus the mutual information.

        Args:
            samples: Number of draws, at least 2.
            seed: Seed of the draws.
            prior: p, such as `experiment.model.prior`; None is N(0, I).

        Returns:
            Value and standard error, nats.

        References:
            Hoffman & Johnson (2016), ELBO surgery, NIPS workshop on approximate Bayesian inference.
        """
        return information.kl_to_prior(self.mean, self.logvar, samples, seed, prior)

    @typed
    def total_correlation(self, samples: int = 2000, seed: int = 0) -> Estimate:
        """Estimate KL(Q‖Π_j Q_j), the dependence between latents; arguments as in `kl_to_prior`.

        References:
            Chen et al. (2018), https://arxiv.org/abs/1802.04942, eq. 2.
        """
        return information.total_correlation(self.mean, self.logvar, samples, seed)

    @typed
    def dimension_wise_kl(self, samples: int = 2000, seed: int = 0) -> LatentEstimates:
        """Estimate KL(Q_j‖N(0, 1)) of every latent [d]; arguments as in `kl_to_prior`.

        With one seed, their sum plus `total_correlation` is `kl_to_prior`.
        """
        return information.dimension_wise_kl(self.mean, self.logvar, samples, seed)

    @typed
    def mutual_information(self, samples: int = 2000, seed: int = 0) -> MutualInformation:
        """Estimate the mutual information of z and the image with two bounds, in nats.

        Arguments as in `kl_to_prior`; raises InvalidValue for fewer than two components.

        References:
            Poole et al. (2019), https://arxiv.org/abs/1905.06922, section 2.
        """
        return information.mutual_information(self.mean, self.logvar, samples, seed)

    @typed
    def compress(self, k: int, samples: int = 10_000, seed: int = 0) -> "GaussianMixture":
        """Fit a scikit-learn mixture of k Gaussians with full covariance to draws from Q.

        Args:
            k: Number of components.
            samples: Number of draws, at least 2 and at least k.
            seed: Seed of the draws and the fit.

        Returns:
            The fitted mixture.
        """
        if not checks.positive_int("k", k) <= checks.positive_int("samples", samples) or samples < 2:
            raise InvalidValue(f"k must be at most the number of draws, which is at least 2, got {k} and {samples}.")
        with torch.no_grad():
            draws = self.sample(samples, torch.Generator().manual_seed(checks.seed(seed))).double()
        return fit_gaussian_mixture(draws, k, seed)

    def _density(self, z: Tensor, latents: list[int], chunk: int) -> Tensor:
        for latent in latents:
            if not 0 <= latent < self.mean.shape[1]:
                raise InvalidValue(f"latent must be from 0 to {self.mean.shape[1] - 1}, got {latent}.")
        self._check_points(z, len(latents))
        mean, logvar = self.mean[:, latents], self.logvar[:, latents]
        return mixture.log_density(z.cpu(), mean, logvar, checks.positive_int("chunk", chunk)).exp()

    def _check_points(self, z: Tensor, d: int) -> None:
        checks.float_tensor("z", z)
        if z.dim() != 2 or z.shape[1] != d:
            raise InvalidValue(f"z must be [m, {d}] for {d} latents, got {tuple(z.shape)}.")
