"""Means over data, by the plain forward pass: what training drives down; and the rate."""

import torch
from torch import Tensor

from vaelab._utils.images import sum_pixels
from vaelab.data.images import as_images
from vaelab.models.vae import ForwardPass, eval_mode, total_rate
from vaelab.objectives.objective import Experiment


@torch.no_grad()
def evaluate(
    experiment: Experiment,
    x: Tensor,
    inputs: Tensor | None = None,
    chunk: int = 2000,
) -> dict[str, float]:
    """Means over x [n, *shape], uint8 or floats of the experiment's domain.

    inputs: what the network sees instead, when denoising.

    reconstruction: squared error summed over pixels with z at the posterior mean; reconstruction_sampled: with z drawn;
    rate: KL(q‖p) in nats whatever the experiment minimizes; divergence: the one it minimizes, in nats.
    Both are summed over the groups of latents; where there are several, along the z drawn.
    """
    device = next(experiment.parameters()).device
    totals = torch.zeros(4, dtype=torch.float64)
    x = as_images(x, domain=experiment.domain)
    inputs = x if inputs is None else inputs
    for part, shown in zip(x.split(chunk), inputs.split(chunk), strict=True):
        truth, seen = (experiment.as_input(t.to(device)) for t in (part, shown))
        with eval_mode(experiment):
            result = experiment.model(seen)
        sampled = experiment.objective.likelihood.mean(result.out)
        at_mean = _at_mean(experiment, seen, result)
        rows = [
            sum_pixels((truth - at_mean).square()),
            sum_pixels((truth - sampled).square()),
            total_rate(result),
            experiment.objective.total_divergence(result),
        ]
        totals += torch.stack([row.double().sum() for row in rows]).cpu()
    values = (totals / len(x)).tolist()
    return dict(zip(("reconstruction", "reconstruction_sampled", "rate", "divergence"), values, strict=True))


def _at_mean(experiment: Experiment, x: Tensor, result: ForwardPass) -> Tensor:
    """Decode the posterior means: [b, *shape]; one group needs no second encoding."""
    if len(result.q) > 1:
        return experiment.reconstruct(x)
    return experiment.decode(result.q[0].mean)
