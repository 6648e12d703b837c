"""Means over images, by the plain forward pass: what training drives down, and the rate whatever it minimises."""

import torch
from torch import Tensor

from vaelab._utils.images import sum_pixels, unit
from vaelab.divergences.gaussian import diagonal_kl
from vaelab.models.vae import at_rest
from vaelab.objectives.experiment import Experiment


@torch.no_grad()
def evaluate(
    experiment: Experiment, images: Tensor, inputs: Tensor | None = None, chunk: int = 2000
) -> dict[str, float]:
    """Means over images [n, *shape] (uint8 or floats in [0, 1]); inputs: what the network sees instead, when denoising.

    reconstruction: squared error summed over pixels with z at the posterior mean; reconstruction_sampled: with z drawn;
    rate: KL(q‖p) in nats whatever the experiment minimises; divergence: the one it minimises, in nats.
    """
    device = next(experiment.parameters()).device
    totals = torch.zeros(4, dtype=torch.float64)
    inputs = images if inputs is None else inputs
    for part, shown in zip(images.split(chunk), inputs.split(chunk), strict=True):
        x = unit(part.to(device))
        with at_rest(experiment):
            result = experiment.model(unit(shown.to(device)))
        (q,), (p,) = result.q, result.p
        sampled = experiment.objective.likelihood.mean(result.out)
        at_mean = experiment.decode(q.mean)
        rows = [
            sum_pixels((x - at_mean).square()),
            sum_pixels((x - sampled).square()),
            diagonal_kl(q, p),
            experiment.objective.divergence(q, p),
        ]
        totals += torch.stack([row.double().sum() for row in rows]).cpu()
    values = (totals / len(images)).tolist()
    return dict(zip(("reconstruction", "reconstruction_sampled", "rate", "divergence"), values, strict=True))
