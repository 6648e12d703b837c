"""From images to posteriors, a chunk at a time."""

import torch
from torch import Tensor

from vaelab.gaussian import Gaussian
from vaelab.objective import Experiment


@torch.no_grad()
def encode(experiment: Experiment, images: Tensor, chunk: int = 2000) -> Gaussian:
    """The posteriors of images [n, *shape] (uint8 or floats in [0, 1]), on the CPU: Gaussian of [n, latent]."""
    device = next(experiment.parameters()).device
    parts = []
    for part in images.split(chunk):
        parts.append(experiment.encode(part.to(device)))
    return Gaussian(torch.cat([q.mean for q in parts]).cpu(), torch.cat([q.logvar for q in parts]).cpu())
