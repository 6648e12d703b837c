"""The aggregate posterior as what it is, a mixture with one Gaussian per image: Q(z) = 1/n Σ N(z; mean_i, var_i)."""

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab.data.images import as_images
from vaelab.divergences.gaussian import Gaussian
from vaelab.divergences.quadrature import Estimate
from vaelab.divergences.validation import pair
from vaelab.objectives.objective import Experiment
from vaelab.posterior import fused_density, information, mixture, moments
from vaelab.posterior.information import Estimates, MutualInformation
from vaelab.posterior.moments import Moments
from vaelab.posterior.variance_law import VarianceLaw, variance_law

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

Route = Literal["products", "compiled"]
WIDEST = 300.0  # of |logvar|: beyond it a square of a precision would leave float64


class MarginalPosterior:
    """The mixture Q(z) of the posteriors of n images.

    mean, logvar: [n, d].  `taken`: the path of the last `log_prob`, "products" or "compiled".

    Raises InvalidType or InvalidValue unless both are finite floating-point tensors of one shape and every logvar lies
    within ± 300.
    """

    def __init__(self, mean: Tensor, logvar: Tensor) -> None:
        pair(Gaussian(mean, logvar), Gaussian(mean, logvar))
        if mean.dim() != 2 or mean.numel() == 0:
            raise InvalidValue(
                f"a marginal posterior needs means of shape [n, d], got {tuple(mean.shape)}; flatten the latents."
            )
        if float(logvar.abs().max()) > WIDEST:
            raise InvalidValue(
                f"logvar reaches {float(logvar.abs().max()):g} in size, a variance that no arithmetic holds; clamp it "
                f"to ±{WIDEST:g}."
            )
        self.mean, self.logvar = mean, logvar
        self.taken: Route | None = None

    @classmethod
    def from_model(cls, experiment: Experiment, x: Any) -> "MarginalPosterior":
        """The mixture of the posteriors of x [n, *shape] under a trained experiment, on the CPU.

        x: as the experiment was trained on, a tensor, an array, or a data set.

        Raises InvalidType or InvalidValue for others.
        """
        if not isinstance(x, Tensor):
            x = as_images(x, experiment.shape, experiment.domain)
        if tuple(x.shape[1:]) != tuple(experiment.shape) or not len(x):
            raise InvalidValue(
                f"images of shape {tuple(x.shape)} do not fit an experiment on "
                f"{tuple(experiment.shape)}; pass at least one of its own."
            )
        return cls(*experiment.encode_in_chunks(x))

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n draws from Q: a component at random, then a point of it: [n, d].

        generator: default torch's own.  Raises InvalidValue for fewer than one draw.
        """
        return mixture.draw(self.mean, self.logvar, checks.positive_int("n", n), generator)[0]

    def log_prob(self, z: Tensor, *, path: Route | Literal["auto"] = "auto", chunk: int = mixture.COMPONENTS) -> Tensor:
        """ln Q(z) over all n components at z [m, d]: [m], nats, float64.

        path: "products" (matrix products in float64: to 1e-9 nats, gradients reach z; memory grows with `chunk`, the
        components at a time, not with n m), "compiled" (one kernel in float32: to 1e-4 nats, and products again where
        ln Q is below -100; seconds at the first call; float32 on the CPU with a C++ compiler and no gradients only), or
        "auto": compiled where it can be and repays compiling within the call, which takes n m of at least 1e10 and d of
        at most 16.  `taken` tells which it was; for repeated work choose "compiled" by hand.

        Raises InvalidType or InvalidValue for points that are not finite and [m, d], an unknown path, or a compiled one
        that is impossible here.
        """
        self._check_points(z, self.mean.shape[1])
        self.taken = self._path(z, path)
        checks.positive_int("chunk", chunk)
        if self.taken == "products":
            return mixture.log_density(z, self.mean, self.logvar, chunk)
        logs = fused_density.log_density(z, self.mean, self.logvar)
        far = ~(logs > fused_density.TRUSTED)  # also where it is no number
        if bool(far.any()):
            logs[far] = mixture.log_density(z[far], self.mean, self.logvar, chunk)
        return logs

    def moments(self) -> Moments:
        """Mean, variance, skewness, kurtosis per latent [d] and covariance [d, d] of Q(z), in closed form."""
        return moments.moments(self.mean, self.logvar)

    def variance_law(self, threshold: float = 0.05) -> VarianceLaw:
        """Law of total variance per latent, variances (not standard deviations) throughout; [d] each.

        threshold: of the variance of its means, above which a latent counts as active.
        Source: Asperti 2019; the average over images is what the law speaks of, not each image by itself.
        """
        return variance_law(self.mean, self.logvar, checks.positive("threshold", threshold))

    def density_1d(self, z: Tensor, latent: int, chunk: int = mixture.COMPONENTS) -> Tensor:
        """The density of one latent of Q at the points z [m]: 1/n Σ N(z; mean_i, var_i) -> [m].

        Raises InvalidType or InvalidValue for a latent that is not there, or points that are not [m].
        """
        if checks.float_tensor("z", z).dim() != 1:
            raise InvalidValue(f"z has shape {tuple(z.shape)}; points of one latent must be [m].")
        return self._density(z[:, None], [latent], chunk)

    def density_2d(self, z: Tensor, latents: tuple[int, int] = (0, 1), chunk: int = 1024) -> Tensor:
        """The joint density of two latents of Q at the points z [m, 2] -> [m].

        Raises InvalidType or InvalidValue for other than two latents that are there, or points of another shape.
        """
        if len(latents) != 2:
            raise InvalidValue(f"latents must be two, got {latents!r}; density_1d takes one.")
        return self._density(z, list(latents), chunk)

    def kl_to_prior(self, samples: int = 2000, seed: int = 0) -> Estimate:
        """KL(Q‖N(0, I)) = E_Q[ln Q - ln p], the price of sampling from the prior; by Monte Carlo, nats.

        Source: Hoffman & Johnson 2016, where the mean rate is this + the mutual information.
        """
        return information.kl_to_prior(self.mean, self.logvar, samples, seed)

    def total_correlation(self, samples: int = 2000, seed: int = 0) -> Estimate:
        """KL(Q‖Π_j Q_j), what the latents share; by Monte Carlo, nats.  Source: Chen et al. 2018, eq. 2."""
        return information.total_correlation(self.mean, self.logvar, samples, seed)

    def dimension_wise_kl(self, samples: int = 2000, seed: int = 0) -> Estimates:
        """KL(Q_j‖N(0, 1)) of every latent [d], by Monte Carlo, nats.

        With one seed, their sum + `total_correlation` = `kl_to_prior`.  Source: Chen et al. 2018, eq. 2.
        """
        return information.dimension_wise_kl(self.mean, self.logvar, samples, seed)

    def mutual_information(self, samples: int = 2000, seed: int = 0) -> MutualInformation:
        """How much z tells about the image: E ln q(z|x_i) - ln Q(z), by Monte Carlo, with two bounds; nats.

        Raises InvalidValue for fewer than two components.  Source: Poole et al. 2019, section 2.
        """
        return information.mutual_information(self.mean, self.logvar, samples, seed)

    def compress(self, k: int, samples: int = 10_000, seed: int = 0) -> "GaussianMixture":
        """A scikit-learn GaussianMixture of k full-covariance components, fitted to draws from Q.

        Raises InvalidType or InvalidValue for k below 1 or above the number of draws, or fewer than two draws.
        """
        from sklearn.mixture import GaussianMixture

        if not checks.positive_int("k", k) <= checks.positive_int("samples", samples) or samples < 2:
            raise InvalidValue(f"k must lie between 1 and the {samples} draws to fit, got {k}; 10 to 100 are usual.")
        with torch.no_grad():
            draws = self.sample(samples, torch.Generator(self.mean.device).manual_seed(seed)).double().cpu().numpy()
        return GaussianMixture(k, random_state=seed, max_iter=300).fit(draws)

    def _density(self, z: Tensor, latents: list[int], chunk: int) -> Tensor:
        for latent in latents:
            if not isinstance(latent, int) or not 0 <= latent < self.mean.shape[1]:
                raise InvalidValue(f"there is no latent {latent}; choose one from 0 to {self.mean.shape[1] - 1}.")
        self._check_points(z, len(latents))
        mean, logvar = self.mean[:, latents], self.logvar[:, latents]
        return mixture.log_density(z, mean, logvar, checks.positive_int("chunk", chunk)).exp()

    def _path(self, z: Tensor, path: str) -> Route:
        if path not in ("auto", "products", "compiled"):
            raise InvalidValue(f"path must be auto, products or compiled, got {path!r}.")
        possible = fused_density.possible(z, self.mean)
        if path == "compiled" and not possible:
            raise InvalidValue(
                f"path='compiled' needs float32 on the CPU, a C++ compiler and no gradients, got {z.dtype} for z and "
                f"{self.mean.dtype} for the means; take path='products'."
            )
        repaid = path == "auto" and possible and fused_density.worth_it(len(self.mean), len(z), z.shape[1])
        return "compiled" if path == "compiled" or repaid else "products"

    def _check_points(self, z: Tensor, d: int) -> None:
        checks.float_tensor("z", z)
        if z.dim() != 2 or z.shape[1] != d:
            raise InvalidValue(f"z has shape {tuple(z.shape)}; points of {d} latents must be [m, {d}].")
