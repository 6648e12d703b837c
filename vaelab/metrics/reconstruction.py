"""Means over data, in evaluation mode: rate, distortion and what the training minimizes."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from vaelab._utils import checks, rng
from vaelab._utils.domain import encoder_domain
from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import typed
from vaelab.data.images import Images, as_images
from vaelab.models.vae import eval_mode, total_rate
from vaelab.objectives.objective import Experiment


class RateDistortion(NamedTuple):
    """Means per sample with z at the posterior mean, summed over latent groups.

    Args:
        distortion: Squared error summed over pixels; of clouds, D times their Chamfer distance.
        rate: KL(q || p), nats.
        divergence: The divergence of the objective, nats.
    """

    distortion: float
    rate: float
    divergence: float


@typed
def rate_distortion(
    experiment: Experiment, x: Images, inputs: Images | None = None, chunk: int = 1000
) -> RateDistortion:
    """Compute rate and distortion at the posterior means, without a draw of the training.

    Args:
        experiment: The VAE.
        x: Data [n, *shape], uint8 or floats of the experiment's domain.
        inputs: What the network receives instead, when denoising.
        chunk: Number of data at a time.

    Returns:
        Means over the data.

    Example:
        >>> from vaelab import recipes
        >>> rate_distortion(recipes.vae((3,), 2, squash=False), torch.zeros(5, 3)).rate > 0
        True
    """

    def terms(x: Tensor, inputs: Tensor) -> list[Tensor]:
        result = experiment.mean_pass(inputs)
        decoded = experiment.objective.likelihood.mean(result.out)
        squares = experiment.objective.likelihood.squares(decoded, x)
        return [squares, total_rate(result), experiment.objective.total_divergence(result)]

    device = next(experiment.parameters()).device
    with rng.use_generator(torch.Generator(device).manual_seed(0)):  # MMD draws from the prior
        return RateDistortion(*_means(experiment, terms, x, inputs, chunk))


@typed
def evaluate(experiment: Experiment, x: Images, inputs: Images | None = None, chunk: int = 2000) -> dict[str, float]:
    """Compute errors with z at its mean and drawn, rate and divergence.

    Args:
        experiment: The VAE.
        x: Data [n, *shape], uint8 or floats of the experiment's domain.
        inputs: What the network receives instead, when denoising.
        chunk: Number of data at a time.

    Returns:
        Means over the data: "reconstruction", squared error summed over pixels with z at the
        posterior mean, or D times the Chamfer distance of clouds; "reconstruction_sampled", with z
        drawn; "rate", KL(q || p) in nats; "divergence", that of the objective. For several latent
        groups the last two are along the draws.
    """
    objective = experiment.objective

    def terms(x: Tensor, inputs: Tensor) -> list[Tensor]:
        result = experiment.model(inputs)
        one_group = len(result.q) == 1  # which needs no second encoding
        at_mean = experiment.decode(result.q[0].mean) if one_group else experiment.reconstruct(inputs)
        errors = [objective.likelihood.squares(y, x) for y in (at_mean, objective.likelihood.mean(result.out))]
        return [*errors, total_rate(result), objective.total_divergence(result)]

    names = ("reconstruction", "reconstruction_sampled", "rate", "divergence")
    return dict(zip(names, _means(experiment, terms, x, inputs, chunk), strict=True))


@torch.no_grad()
def _means(
    experiment: Experiment,
    terms: Callable[[Tensor, Tensor], list[Tensor]],
    x: Images,
    inputs: Images | None,
    chunk: int,
) -> list[float]:
    device, totals = next(experiment.parameters()).device, torch.zeros((), dtype=torch.float64)
    chunk = checks.positive_int("chunk", chunk)
    domain = encoder_domain(experiment.domain)
    x = as_images(x, experiment.shape, domain)
    inputs = x if inputs is None else as_images(inputs, experiment.shape, domain)
    if not len(x) or len(inputs) != len(x):
        raise InvalidValue(f"x must have at least one datum, and inputs as many, got {len(x)} and {len(inputs)}.")
    for parts in zip(x.split(chunk), inputs.split(chunk), strict=True):
        with eval_mode(experiment):
            rows = terms(*(experiment.as_input(part.to(device)) for part in parts))
        totals = totals + torch.stack([row.double().sum() for row in torch.stack(rows).cpu()])
    means: list[float] = (totals / len(x)).tolist()
    return means
