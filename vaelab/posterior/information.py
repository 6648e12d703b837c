"""Information quantities of the mixture by Monte Carlo, in nats with standard errors.

    mean rate = E_i KL(q_i‖p) = mutual information + KL(Q‖p)
    KL(Q‖p) = total correlation + Σ_j KL(Q_j‖p_j)

With one seed all of them use the same draws, for which the second identity is exact. The arguments
are those of the methods of `MarginalPosterior`: means and log variances [n, d], draws, seed.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab.divergences.gaussian import LOG_2PI, Gaussian
from vaelab.divergences.quadrature import Estimate
from vaelab.models.priors import Prior
from vaelab.posterior.mixture import draw, log_density, log_density_of_others


class LatentEstimates(NamedTuple):
    """Monte Carlo estimates per latent.

    Args:
        value: Values [d], nats.
        standard_error: Their standard errors [d], nats.
    """

    value: Tensor
    standard_error: Tensor


class MutualInformation(NamedTuple):
    """The mutual information of z and the image, in nats.

    Args:
        leave_one_in: E ln q(z|x_i) - ln Q(z): exactly the information between z and the index of
            the image among n, at most the ceiling. For images in general a lower bound.
        leave_one_out: The same with image i left out of Q, an upper bound for images in general;
            very large where posteriors do not overlap. leave_one_in ≤ (n-1)/n leave_one_out for any
            draws.
        ceiling: ln n.
    """

    leave_one_in: Estimate
    leave_one_out: Estimate
    ceiling: float


@torch.no_grad()
def mutual_information(mean: Tensor, logvar: Tensor, samples: int, seed: int) -> MutualInformation:
    """Estimate the mutual information of z and the image with two bounds.

    Args:
        mean: Means of the posteriors, [n, d].
        logvar: ln sigma², [n, d].
        samples: Draws from the mixture.
        seed: Seed of the draws.

    Returns:
        Both bounds, and the ceiling ln n.
    """
    n = len(mean)
    if n < 2:
        raise InvalidValue(f"mutual_information needs at least two images, got {n}.")
    z, component = _draws(mean, logvar, samples, seed)
    log_q_i = Gaussian(mean[component].double(), logvar[component].double()).log_prob(z.double())
    others = log_density_of_others(z, component, mean, logvar)
    log_q = torch.logaddexp(log_q_i, others + math.log(n - 1)) - math.log(n)
    return MutualInformation(_estimate(log_q_i - log_q), _estimate(log_q_i - others), math.log(n))


@torch.no_grad()
def kl_to_prior(mean: Tensor, logvar: Tensor, samples: int, seed: int, prior: Prior | None = None) -> Estimate:
    """Estimate KL(Q‖p); arguments as for `mutual_information`, and the prior, N(0, I) by default.

    Returns:
        The estimate, nats.
    """
    z, _ = _draws(mean, logvar, samples, seed)
    return _estimate(log_density(z, mean, logvar) - (_log_prior(z).sum(1) if prior is None else _of_prior(prior, z)))


@torch.no_grad()
def total_correlation(mean: Tensor, logvar: Tensor, samples: int, seed: int) -> Estimate:
    """Estimate KL(Q‖Π_j Q_j); arguments as for `mutual_information`.

    Returns:
        The estimate, nats.
    """
    z, _ = _draws(mean, logvar, samples, seed)
    return _estimate(log_density(z, mean, logvar) - _log_marginals(mean, logvar, z).sum(1))


@torch.no_grad()
def dimension_wise_kl(mean: Tensor, logvar: Tensor, samples: int, seed: int) -> LatentEstimates:
    """Estimate KL(Q_j‖N(0, 1)) of every latent; arguments as for `mutual_information`.

    Returns:
        The estimates [d], nats.
    """
    z, _ = _draws(mean, logvar, samples, seed)
    terms = _log_marginals(mean, logvar, z) - _log_prior(z)
    return LatentEstimates(terms.mean(0), terms.std(0) / math.sqrt(samples))


def _draws(mean: Tensor, logvar: Tensor, samples: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draw points [m, d], and return them with their components [m]."""
    checks.positive_int("samples", samples, at_least=2)
    return draw(mean, logvar, samples, torch.Generator(mean.device).manual_seed(checks.seed(seed)))


def _log_prior(z: Tensor) -> Tensor:
    """Compute ln N(z; 0, 1) per latent, [m, d] -> [m, d], float64."""
    return -0.5 * (LOG_2PI + z.double() ** 2)


def _of_prior(prior: Prior, z: Tensor) -> Tensor:
    """Compute ln p(z) of points [m, d], on the device of the prior's weights: [m], float64, on the CPU."""
    like = next(prior.parameters(), z)
    return torch.cat([prior.log_prob(part.to(like)).cpu().double() for part in z.split(1000)])


def _log_marginals(mean: Tensor, logvar: Tensor, z: Tensor) -> Tensor:
    """Compute ln Q_j(z_j) per latent, [m, d] -> [m, d], float64."""
    columns = zip(z.split(1, 1), mean.split(1, 1), logvar.split(1, 1), strict=True)
    return torch.stack([log_density(*column) for column in columns], 1)


def _estimate(terms: Tensor) -> Estimate:
    return Estimate(float(terms.mean()), float(terms.std()) / math.sqrt(len(terms)))
