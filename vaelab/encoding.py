"""From images to posteriors under any VAE, a chunk at a time."""

import torch
from torch import Tensor

from vaelab.adapter import Adapter, adapted
from vaelab.gaussian import Gaussian
from vaelab.objective import Experiment


def encode(model: Experiment | Adapter, images: Tensor, chunk: int = 2000) -> Gaussian:
    """q(z|x) of images [n, *shape] (uint8 or floats in [0, 1]), on the CPU: Gaussian of [n, latent].

    Raises InvalidType for a model of another kind.
    """
    model = adapted(model)
    with model.evaluating():
        parts = [model.encode(model.images(part)) for part in images.split(chunk)]
    return Gaussian(torch.cat([q.mean for q in parts]).cpu(), torch.cat([q.logvar for q in parts]).cpu())
