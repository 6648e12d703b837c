"""The log likelihood of single images and its lower bound, in nats.

    ln p(x) ≈ ln 1/K Σ_k p(x|z_k) p(z_k) / q(z_k|x),   z_k ~ q(z|x)
    ln p(x) ≥ ELBO = -(distortion + rate),   distortion = E_q[-ln p(x|z)],   rate = KL(q(z|x)‖N(0, I))

Importance sampling, with the encoder's posterior as proposal, is in the mean a lower bound, which
rises with K. How low depends on the proposal: one that is narrower than the true posterior misses
most of its mass, and the estimate falls by nats (Deasy et al. 2020's code, see `as_published`).
What the model was trained to minimize does not enter: a beta-VAE's loss is no ELBO. What importance
weights with K draws give is called NLL; what one draw gives is not.
"""

import math
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from vaelab._utils import checks, rng
from vaelab._utils.errors import InvalidValue
from vaelab._utils.images import sum_pixels
from vaelab.divergences.gaussian import Gaussian, diagonal_kl
from vaelab.divergences.quadrature import Estimate
from vaelab.metrics.adapter import Adapter, adapted
from vaelab.objectives.objective import Experiment


class Evidence(NamedTuple):
    """ln p(x) per image [n], their mean, and the ends of its 95 % interval over images, by bootstrap; nats."""

    each: Tensor
    mean: float
    low: float
    high: float


class ImportanceWeights(NamedTuple):
    """What the weights w_k = p(x, z_k) / q(z_k|x) of each image say; [n], float64, on the CPU.

    log_mean: ln 1/K Σ w, the estimate of ln p(x), nats.  effective: (Σ w)² / Σ w², from 1 (one draw is all that counts)
    to K (the proposal is the posterior).
    """

    log_mean: Tensor
    effective: Tensor
    samples: int

    @property
    def error(self) -> Tensor:
        """The standard error of log_mean by the draws of z [n], to first order: sqrt(1/effective - 1/K), nats; nan for
        one draw, which does not know it."""
        if self.samples == 1:
            return torch.full_like(self.effective, math.nan)
        return (1 / self.effective - 1 / self.samples).clamp_min(0).sqrt()


def evidence(
    experiment: Experiment,
    x: Tensor,
    samples: int = 128,
    *,
    as_published: bool = False,
    seed: int = 0,
) -> Evidence:
    """ln p(x), averaged over x [n, *shape], with a bootstrap interval.

    Arguments and errors as `log_evidence`.
    """
    each = log_evidence(experiment, x, samples, as_published=as_published, seed=seed)
    return Evidence(each, float(each.mean()), *bootstrap(each, seed=seed))


def log_evidence(
    experiment: Experiment,
    x: Tensor,
    samples: int = 128,
    *,
    as_published: bool = False,
    chunk: int = 4096,
    seed: int = 0,
) -> Tensor:
    """ln p(x) of every x [n, *shape]: [n], nats, float64, on the CPU.

    x: uint8 as [0, 1], or floats of the experiment's domain.

    samples: K, drawn for every x, exactly so many; chunk: at most so many decoded at once.
    as_published: the proposal gets sigma² for a standard deviation, as the published evaluation does by mistake.
    A density for `Normal` and `Laplace`; for `Bernoulli` only of binary images.

    Raises InvalidType or InvalidValue unless samples is a whole number from 1, and for x of another
    shape.
    Source: Burda et al. 2016 (arXiv 1509.00519), eq. 8; the mistake is in `generative.ipynb` of
    the code of Deasy et al. 2020, jacobdeasy/geometric-js.
    """
    adapter = adapted(experiment)
    if as_published and adapter.deeper is not None:
        raise InvalidValue(
            f"as_published=True is a mistake with one group of latents, and this model has "
            f"{experiment.model.groups}; leave it out."
        )
    if as_published:
        adapter = replace(adapter, encode=lambda x: _squared_twice(experiment.encode(x)))
    return importance_weights(adapter, x, samples, chunk=chunk, seed=seed).log_mean


def importance_weights(
    model: Adapter, x: Tensor, samples: int, *, chunk: int = 4096, seed: int = 0
) -> ImportanceWeights:
    """The importance weights of x [n, *shape] under any VAE, in one pass over K draws.

    Exactly `samples` draws for every image, at most `chunk` decoded at once, whatever the number of images.
    """
    checks.positive_int("samples", samples)
    checks.positive_int("chunk", chunk)
    generator = torch.Generator(model.device).manual_seed(seed)
    # made once: small blocks between large ones fray the heap
    found = torch.empty(2, len(x), dtype=torch.float64)
    together = max(1, chunk // samples)
    with model.evaluating():
        for part, place in zip(x.split(together), found.split(together, 1), strict=True):
            part = model.as_input(part)
            q = model.encode(part)
            start = torch.full((2, len(part)), -math.inf, dtype=torch.float64, device=model.device)
            total, squares = start
            for first in range(0, samples, chunk):
                ratios = _log_ratios(model, part, q, min(chunk, samples - first), generator)
                total = torch.logaddexp(total, ratios.logsumexp(0))
                squares = torch.logaddexp(squares, (2 * ratios).logsumexp(0))
            place.copy_(torch.stack([total - math.log(samples), torch.exp(2 * total - squares)]))
    return ImportanceWeights(found[0], found[1], samples)


def bootstrap(values: Tensor, resamples: int = 1000, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """The ends of the percentile interval for the mean of values [n].

    Raises InvalidType or InvalidValue for values that are no finite floating-point tensor, InvalidValue for fewer than
    two of them or a level outside (0, 1).
    """
    checks.float_tensor("values", values)
    if values.dim() != 1 or len(values) < 2:
        raise InvalidValue(f"a bootstrap needs at least two values in a row, got {tuple(values.shape)}; add images.")
    if not 0 < level < 1:
        raise InvalidValue(f"level must lie between 0 and 1, got {level}; 0.95 is usual.")
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(values), (resamples, len(values)), generator=generator)
    means = values.cpu().double()[chosen].mean(1)
    low, high = means.quantile(torch.tensor([0.5 - level / 2, 0.5 + level / 2], dtype=torch.float64)).tolist()
    return low, high


def _log_ratios(model: Adapter, x: Tensor, q: Gaussian, k: int, generator: torch.Generator) -> Tensor:
    """ln p(x|z) p(z) / q(z|x) for k draws of z per image: [k, b], float64."""
    if model.deeper is not None:
        with rng.use_generator(generator):
            return -torch.stack(model.deeper.draws(x, k)).double().sum(0)
    proposal = Gaussian(q.mean.repeat(k, 1), q.logvar.repeat(k, 1))
    noise = torch.randn(proposal.mean.shape, dtype=q.mean.dtype, device=model.device, generator=generator)
    z = proposal.mean + torch.exp(0.5 * proposal.logvar) * noise
    nll = model.nll(z, x.expand(k, *x.shape).flatten(0, 1))
    ratios = Gaussian.standard(z).log_prob(z) - proposal.log_prob(z) - nll
    return ratios.double().unflatten(0, (k, -1))


def _squared_twice(q: Gaussian) -> Gaussian:
    """The posterior with sigma² taken for a standard deviation."""
    return Gaussian(q.mean, 2 * q.logvar)


class Bound(NamedTuple):
    """Per image [n], float64, on the CPU: distortion (one draw of z) and rate in nats, error: squared, per pixel, of
    the image decoded at the posterior's mean."""

    distortion: Tensor
    rate: Tensor
    error: Tensor

    @property
    def elbo(self) -> Tensor:
        """A lower bound of ln p(x) in the mean over draws: [n], nats."""
        return -(self.distortion + self.rate)


class NLL(NamedTuple):
    """-ln p(x) by importance sampling; nats.

    each [n]: of every image.  by_images: their mean with the standard error that the choice of test images leaves;
    by_draws: the one that the draws of z leave, to first order.  effective: the median over images of the effective
    number of draws, of `samples`; where it is a few, the NLL is too high by an unknown amount.
    """

    each: Tensor
    by_images: Estimate
    by_draws: float
    effective: float
    samples: int


def nll(
    model: Experiment | Adapter,
    x: Tensor,
    samples: int,
    *,
    chunk: int = 4096,
    seed: int = 0,
) -> NLL:
    """Exactly `samples` draws for every x [n, *shape]; memory grows with `chunk` alone."""
    found = importance_weights(adapted(model), x, samples, chunk=chunk, seed=seed)
    by_draws = float(found.error.square().sum().sqrt()) / len(x)
    return NLL(-found.log_mean, mean_of(-found.log_mean), by_draws, float(found.effective.median()), samples)


def bound(model: Experiment | Adapter, x: Tensor, *, seed: int = 0, chunk: int = 1000) -> Bound:
    """The terms of the ELBO for x [n, *shape], uint8 or floats of the domain of the model."""
    model = adapted(model)
    generator = torch.Generator(model.device).manual_seed(seed)
    parts = []
    with model.evaluating():
        for part in x.split(chunk):
            part = model.as_input(part)
            q = model.encode(part)
            with rng.use_generator(generator):
                distortion, rate = _terms(model, part, q)
            deeper = model.deeper
            rebuilt = model.decode(q.mean) if deeper is None else deeper.reconstruct(part)
            error = sum_pixels((rebuilt - part).square()) / part[0].numel()
            parts.append(torch.stack([distortion, rate, error]).double().cpu())
    return Bound(*torch.cat(parts, 1))


def _terms(model: Adapter, x: Tensor, q: Gaussian) -> tuple[Tensor, Tensor]:
    """Distortion and rate by one draw of z, [b] each; the rate in closed form, where there is one."""
    if model.deeper is not None:
        distortion, rate = model.deeper.draws(x, 1)
        return distortion[0], rate[0]
    return model.nll(q.sample(), x), diagonal_kl(q, Gaussian.standard(q.mean))


def mean_of(values: Tensor) -> Estimate:
    """The mean of values [n] and its standard error over them; nan for a single one."""
    spread = float(values.double().std()) if len(values) > 1 else math.nan
    return Estimate(float(values.double().mean()), spread / math.sqrt(len(values)))


def difference(a: Estimate, b: Estimate) -> Estimate:
    """a - b of two sets of images that have none in common."""
    return Estimate(a.value - b.value, math.hypot(a.standard_error, b.standard_error))
