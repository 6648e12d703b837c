"""What a trained experiment shows, as bytes small enough to keep: reconstructions, traversals, draws from the prior."""

import torch
from torch import Tensor

from vaelab.objective import Experiment
from vaelab.pixels import unit

SHOWN = 10  # test images whose reconstructions are kept
REACH = 1.96  # a traversal runs over the central 95 % of the prior, as in the published animations
STEPS = 9


@torch.no_grad()
def pictures(experiment: Experiment, images: Tensor, inputs: Tensor) -> dict[str, Tensor]:
    """Mean images as uint8, on the CPU: of the first `SHOWN` test images [n, c, h, w].

    shown: the images themselves; inputs: what the network saw of them; reconstructions: decoded at the posterior mean;
    traversals [latent, STEPS, c, h, w]: the first image with one latent at a time moved from -REACH to REACH.
    """
    device = next(experiment.parameters()).device
    q = experiment.encode(inputs[:SHOWN].to(device))
    path = torch.linspace(-REACH, REACH, STEPS, device=device)
    latent = q.mean.shape[1]
    z = q.mean[0].expand(latent, STEPS, latent).clone()
    for k in range(latent):
        z[k, :, k] = path
    moved = experiment.decode(z.flatten(0, 1)).unflatten(0, (latent, STEPS))
    kept = {
        "shown": unit(images[:SHOWN]),
        "inputs": unit(inputs[:SHOWN]),
        "reconstructions": experiment.decode(q.mean),
        "traversals": moved,
    }
    return {name: as_bytes(image) for name, image in kept.items()}


def as_bytes(images: Tensor) -> Tensor:
    """[0, 1] -> uint8, on the CPU."""
    return images.clamp(0, 1).mul(255).round().to(torch.uint8).cpu()
