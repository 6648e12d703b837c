"""The posteriors of many images under any VAE, a chunk at a time."""

import torch
from torch import Tensor

from vaelab.adapter import Adapter
from vaelab.gaussian import Gaussian
from vaelab.pixels import unit


def posteriors(model: Adapter, images: Tensor, chunk: int = 1000) -> Gaussian:
    """q(z|x) of images [n, *shape] (uint8 or floats in [0, 1]), on the CPU: Gaussian of [n, latent]."""
    with model.evaluating():
        parts = [model.encode(model.images(part)) for part in images.split(chunk)]
    return Gaussian(torch.cat([q.mean for q in parts]).cpu(), torch.cat([q.logvar for q in parts]).cpu())


def black_and_white(images: Tensor, seed: int, chunk: int = 1000) -> Tensor:
    """One Bernoulli draw of every pixel of images [n, ...], uint8 or in [0, 1]: uint8 of 0 and 255.

    What is black and white already stays as it is.
    """
    generator = torch.Generator(images.device).manual_seed(seed)
    return torch.cat([coins(part, generator) for part in images.split(chunk)])


def coins(images: Tensor, generator: torch.Generator) -> Tensor:
    """A draw from this generator: uint8 of 0 and 255."""
    return torch.bernoulli(unit(images), generator=generator).mul_(255).to(torch.uint8)
