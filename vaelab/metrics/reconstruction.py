"""Means over data, in evaluation mode: what training drives down, and rate and distortion."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from vaelab._utils import rng
from vaelab._utils.images import sum_pixels
from vaelab.data.images import in_domain
from vaelab.models.vae import eval_mode, total_rate
from vaelab.objectives.objective import Experiment


class RateDistortion(NamedTuple):
    """Means per sample.

    distortion: squared error summed over pixels with z at the posterior mean; rate: KL(q‖p) summed over the groups of
    latents, in nats; divergence: the one that the experiment minimizes.
    """

    distortion: float
    rate: float
    divergence: float


def rate_distortion(
    experiment: Experiment, x: Tensor, inputs: Tensor | None = None, chunk: int = 1000
) -> RateDistortion:
    """Means over x [n, *shape], uint8 or floats of the experiment's domain; no random numbers of the training are drawn.

    inputs: what the network sees instead, when denoising.
    """

    def terms(x: Tensor, seen: Tensor) -> list[Tensor]:
        result = experiment.mean_pass(seen)
        rebuilt = experiment.objective.likelihood.mean(result.out)
        return [sum_pixels((x - rebuilt).square()), total_rate(result), experiment.objective.total_divergence(result)]

    device = next(experiment.parameters()).device
    with rng.use_generator(torch.Generator(device).manual_seed(0)):  # MMD draws from the prior
        return RateDistortion(*_means(experiment, terms, x, inputs, chunk))


def evaluate(experiment: Experiment, x: Tensor, inputs: Tensor | None = None, chunk: int = 2000) -> dict[str, float]:
    """The same with z drawn: means over x [n, *shape], uint8 or floats of the experiment's domain.

    inputs: what the network sees instead, when denoising.

    reconstruction: squared error summed over pixels with z at the posterior mean; reconstruction_sampled: with z drawn;
    rate: KL(q‖p) in nats whatever the experiment minimizes; divergence: the one it minimizes, in nats.
    Both are summed over the groups of latents; where there are several, along the z drawn.
    """
    objective = experiment.objective

    def terms(x: Tensor, seen: Tensor) -> list[Tensor]:
        with eval_mode(experiment):
            result = experiment.model(seen)
        one_group = len(result.q) == 1  # which needs no second encoding
        at_mean = experiment.decode(result.q[0].mean) if one_group else experiment.reconstruct(seen)
        errors = [sum_pixels((x - y).square()) for y in (at_mean, objective.likelihood.mean(result.out))]
        return [*errors, total_rate(result), objective.total_divergence(result)]

    names = ("reconstruction", "reconstruction_sampled", "rate", "divergence")
    return dict(zip(names, _means(experiment, terms, x, inputs, chunk), strict=True))


@torch.no_grad()
def _means(
    experiment: Experiment,
    terms: Callable[[Tensor, Tensor], list[Tensor]],
    x: Tensor,
    inputs: Tensor | None,
    chunk: int,
) -> list[float]:
    """The means over x of terms(x, inputs), [b] each, taken `chunk` at a time."""
    device = next(experiment.parameters()).device
    totals = torch.zeros((), dtype=torch.float64)
    x = in_domain(x, experiment.domain)
    inputs = x if inputs is None else inputs
    for parts in zip(x.split(chunk), inputs.split(chunk), strict=True):
        rows = terms(*(experiment.as_input(part.to(device)) for part in parts))
        totals = totals + torch.stack([row.double().sum() for row in rows]).cpu()
    means: list[float] = (totals / len(x)).tolist()
    return means
