"""The log likelihood of single data and its lower bound, in nats.

    ln p(x) ≈ ln 1/K Σ_k p(x|z_k) p(z_k) / q(z_k|x),   z_k ~ q(z|x)
    ln p(x) ≥ ELBO = -(distortion + rate)
    distortion = E_q[-ln p(x|z)],   rate = KL(q(z|x)‖p(z))

Importance sampling with the encoder's posterior as proposal is, in the mean, a lower bound that
rises with K. A proposal narrower than the true posterior misses most of its mass, and the estimate
falls by nats. The objective of the training does not enter: a beta-VAE's loss is no ELBO. An
estimate with K draws is called NLL, one with a single draw is not.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vaelab._utils import checks, rng
from vaelab._utils.domain import require_density
from vaelab._utils.errors import InvalidValue
from vaelab._utils.images import sum_pixels
from vaelab._utils.typed import typed
from vaelab.data.images import Images
from vaelab.divergences.gaussian import Gaussian, diagonal_kl
from vaelab.divergences.quadrature import Estimate
from vaelab.metrics.adapter import Adapter, adapted
from vaelab.objectives.objective import Experiment

Proposal = Callable[[Gaussian], Gaussian]
RATE_DRAWS = 32  # of each posterior, for the rate of a learned prior


class ImportanceWeights(NamedTuple):
    """Statistics of the weights w_k = p(x, z_k) / q(z_k|x), float64, on the CPU.

    Args:
        log_mean: ln 1/K Σ w, the estimate of ln p(x), [n], nats.
        effective: (Σ w)² / Σ w², [n]: 1 if a single draw counts, K for the posterior as proposal.
        samples: K.
    """

    log_mean: Tensor
    effective: Tensor
    samples: int

    @property
    def error(self) -> Tensor:
        """Standard error of log_mean from the draws, to first order, [n], nats; nan for K = 1."""
        if self.samples == 1:
            return torch.full_like(self.effective, math.nan)
        return (1 / self.effective - 1 / self.samples).clamp_min(0).sqrt()


class NLL(NamedTuple):
    """-ln p(x) by importance sampling, in nats.

    Args:
        per_image: [n].
        by_images: Mean with the standard error over the data.
        by_draws: Standard error from the draws of z, to first order.
        effective: Median effective number of draws; where it is a few, the NLL is too high by an
            unknown amount.
        samples: K.
    """

    per_image: Tensor
    by_images: Estimate
    by_draws: float
    effective: float
    samples: int


class Bound(NamedTuple):
    """The terms of the ELBO, float64, on the CPU.

    Args:
        distortion: -ln p(x|z) for one draw of z, [n], nats.
        rate: KL(q || p), [n], nats; for several latent groups by that draw, for a learned prior the mean
            of ln q(z|x) - ln p(z) over 32 draws.
        error: Squared error per pixel of the image decoded at the posterior mean, [n].
        rate_error: Standard error of each rate from these draws, [n], nats; 0 in closed form, nan for
            several latent groups.
    """

    distortion: Tensor
    rate: Tensor
    error: Tensor
    rate_error: Tensor

    @property
    def elbo(self) -> Tensor:
        """A lower bound of ln p(x) in the mean over draws: [n], nats."""
        return -(self.distortion + self.rate)


@typed
def importance_weights(
    model: Experiment | Adapter,
    x: Images,
    samples: int,
    *,
    proposal: Proposal | None = None,
    chunk: int = 4096,
    seed: int = 0,
) -> ImportanceWeights:
    """Compute the importance weights of data under a VAE, in one pass over the draws.

    Args:
        model: Any VAE. For a Bernoulli the result is a likelihood of binary images only.
        x: Data [n, *shape], uint8 or floats of the model's domain.
        samples: K, drawn for every datum.
        proposal: Distribution from which z is drawn, as a function of q(z|x); q itself by default.
        chunk: Largest number of latents decoded at once; memory depends on it alone.
        seed: Of the draws.

    Returns:
        Their statistics.

    Raises:
        InvalidType: If `samples` or `chunk` is not a whole number.
        InvalidValue: If one is below 1, for data of another shape or domain, or for a proposal with
            several groups of latents.

    References:
        Burda et al. (2016), https://arxiv.org/abs/1509.00519, eq. 8.
    """
    samples, chunk = checks.positive_int("samples", samples), checks.positive_int("chunk", chunk)
    model = adapted(model)
    require_density("the log likelihood", model)
    if proposal is not None and model.deeper is not None:
        raise InvalidValue("proposal must be None for a model with several groups of latents.")
    generator = torch.Generator(model.device).manual_seed(checks.seed(seed))
    x = model.as_images(x, density=True)
    model.check(x[:2], density=False)
    # Allocated once: small blocks between large ones fragment the memory.
    weights = torch.empty(2, len(x), dtype=torch.float64)
    images = max(1, chunk // samples)
    with model.evaluating():
        for part, place in zip(x.split(images), weights.split(images, 1), strict=True):
            part = model.convert(part)
            q = model.encode(part)
            q = q if proposal is None else proposal(q)
            total = squares = torch.full((len(part),), -math.inf, dtype=torch.float64)
            for first in range(0, samples, chunk):
                ratios = _log_ratios(model, part, q, min(chunk, samples - first), generator)
                total = torch.logaddexp(total, ratios.logsumexp(0))
                squares = torch.logaddexp(squares, (2 * ratios).logsumexp(0))
            place.copy_(torch.stack([total - math.log(samples), torch.exp(2 * total - squares)]))
    return ImportanceWeights(weights[0], weights[1], samples)


def log_evidence(model: Experiment | Adapter, x: Images, samples: int = 128, **options: Any) -> Tensor:
    """Estimate ln p(x) by `importance_weights`, with its arguments: [n], nats, float64."""
    return importance_weights(model, x, samples, **options).log_mean


@typed
def nll(model: Experiment | Adapter, x: Images, samples: int, *, chunk: int = 4096, seed: int = 0) -> NLL:
    """Estimate -ln p(x) by importance sampling, with its errors.

    Args:
        model, x, samples, chunk, seed: As for `importance_weights`.

    Returns:
        The estimate for each datum, its mean and errors, in nats.

    Example:
        >>> from vaelab import recipes
        >>> result = nll(recipes.vae((3,), 2, squash=False), torch.zeros(5, 3), samples=10)
        >>> result.per_image.shape, result.samples
        (torch.Size([5]), 10)
    """
    weights = importance_weights(model, x, samples, chunk=chunk, seed=seed)
    by_draws = float(weights.error.square().sum().sqrt()) / len(weights.error)
    return NLL(-weights.log_mean, mean_of(-weights.log_mean), by_draws, float(weights.effective.median()), samples)


@typed
def bound(model: Experiment | Adapter, x: Images, *, seed: int = 0, chunk: int = 1000) -> Bound:
    """Compute the terms of the ELBO for one draw of z per datum.

    Args:
        model: Any VAE.
        x: Data [n, *shape], uint8 or floats of the model's domain.
        seed: Of the draws.
        chunk: Number of data at a time.

    Returns:
        The terms of each datum, in nats.

    Example:
        >>> from vaelab import recipes
        >>> bound(recipes.vae((3,), 2, squash=False), torch.zeros(5, 3)).elbo.shape
        torch.Size([5])
    """
    model, chunk = adapted(model), checks.positive_int("chunk", chunk)
    require_density("the ELBO", model)
    x = model.as_images(x, density=True)
    model.check(x[:2], density=False)
    generator = torch.Generator(model.device).manual_seed(checks.seed(seed))
    parts = []
    with model.evaluating():
        for part in x.split(chunk):
            part = model.convert(part)
            with rng.use_generator(generator):
                parts.append(torch.stack(_terms(model, part)).cpu().double())
    return Bound(*torch.cat(parts, 1))


@typed
def bits_per_dim(nats: float, dims: int) -> float:
    """Convert nats per image to bits per dimension, a number for each pixel and channel.

    Args:
        nats: -ln P of an image, such as an NLL, at least 0: that of a density is no number of bits.
        dims: Channels times pixels, 3072 for CIFAR-10.

    Returns:
        nats / (dims ln 2); ln 256 for each dimension gives 8.

    Raises:
        InvalidValue: If `nats` is negative, or `dims` below 1.

    Example:
        >>> bits_per_dim(3072 * math.log(256), 3072)
        8.0
    """
    return checks.not_negative("nats", nats) / (checks.positive_int("dims", dims) * math.log(2))


@typed
def bootstrap(values: Tensor, resamples: int = 1000, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """Compute the percentile interval of a mean by bootstrap.

    Args:
        values: [n], at least two.
        resamples: Number of resamples.
        level: Coverage, in (0, 1).
        seed: Of the resampling.

    Returns:
        The ends of the interval.

    Raises:
        InvalidType: If `values` is no floating-point tensor.
        InvalidValue: For other values than these.

    Example:
        >>> low, high = bootstrap(torch.arange(100.0))
        >>> low < 49.5 < high
        True
    """
    checks.float_tensor("values", values)
    if values.dim() != 1 or len(values) < 2:
        raise InvalidValue(f"values must be [n] with n at least 2, got {tuple(values.shape)}.")
    if not 0 < level < 1:
        raise InvalidValue(f"level must be in (0, 1), got {level}.")
    generator = torch.Generator().manual_seed(checks.seed(seed))
    index = torch.randint(len(values), (resamples, len(values)), generator=generator)
    means = values.cpu().double()[index].mean(1)
    low, high = means.quantile(torch.tensor([0.5 - level / 2, 0.5 + level / 2], dtype=torch.float64)).tolist()
    return low, high


def mean_of(values: Tensor) -> Estimate:
    """Return the mean of values [n] and its standard error; nan for a single one."""
    values = values.cpu().double()
    deviation = float(values.std()) if len(values) > 1 else math.nan
    return Estimate(float(values.mean()), deviation / math.sqrt(len(values)))


def _log_ratios(model: Adapter, x: Tensor, q: Gaussian, k: int, generator: torch.Generator) -> Tensor:
    """Compute ln p(x|z) p(z) / q(z|x) for k draws of z per datum: [k, b], float64, on the CPU."""
    if model.deeper is not None:
        with rng.use_generator(generator):
            return -torch.stack(model.deeper.draws(x, k)).cpu().double().sum(0)
    proposal = Gaussian(q.mean.repeat(k, 1), q.logvar.repeat(k, 1))
    with rng.use_generator(generator):
        z = proposal.sample()
    nll = model.nll(z, x.expand(k, *x.shape).flatten(0, 1))
    ratios = (model.prior or Gaussian.standard(z)).log_prob(z) - proposal.log_prob(z) - nll
    return ratios.cpu().double().unflatten(0, (k, -1))


def _terms(model: Adapter, x: Tensor) -> list[Tensor]:
    """Compute distortion by one draw of z, rate (in closed form if possible), error, error of the rate: [b] each."""
    q = model.encode(x)
    if model.deeper is None:
        distortion = model.nll(q.sample(), x)
        rate, rate_error = _rate(model, q)
        rebuilt = model.decode(q.mean)
    else:
        distortion, rate = (part[0] for part in model.deeper.draws(x, 1))
        rate_error = torch.full_like(rate, math.nan)
        rebuilt = model.deeper.reconstruct(x)
    return [distortion, rate, sum_pixels((rebuilt - x).square()) / x[0].numel(), rate_error]


def _rate(model: Adapter, q: Gaussian) -> tuple[Tensor, Tensor]:
    """Compute KL(q‖p) and its standard error from the draws: [b] each."""
    if model.prior is None:
        rate = diagonal_kl(q, Gaussian.standard(q.mean))
        return rate, torch.zeros_like(rate)
    repeated = Gaussian(q.mean.repeat(RATE_DRAWS, 1), q.logvar.repeat(RATE_DRAWS, 1))
    draws = model.prior.rate(repeated).unflatten(0, (RATE_DRAWS, -1))
    return draws.mean(0), draws.std(0) / math.sqrt(RATE_DRAWS)
