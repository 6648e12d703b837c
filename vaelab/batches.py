"""The data as the loop wants it: one tensor on the device, checked once."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaelab import randomness
from vaelab.datasets import Dataset
from vaelab.errors import InvalidType, InvalidValue
from vaelab.pixels import unit


def on_device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise InvalidValue(f"device {name!r} cannot be used here; choose 'auto' or 'cpu'.") from error
    return device


def device_name(name: str) -> str:
    """The same as a plain name, as the tasks of a sweep have it: "auto" is "cuda" where there is one, else "cpu"."""
    return str(on_device(name))


def as_images(data: Any, shape: tuple[int, ...]) -> Tensor:
    """The training images [n, *shape], uint8 or float in [0, 1], of the shape the networks were built for."""
    images = data.images if isinstance(data, Dataset) else data
    if not isinstance(images, Tensor | np.ndarray):
        raise InvalidType(
            f"images must be a Dataset, a tensor or an array, got {type(images).__name__}; see vaelab.load."
        )
    images = as_pixels(images)
    if images.dim() == len(shape) and shape[0] == 1:
        images = images.unsqueeze(1)
    if images.shape[1:] != shape:
        raise InvalidValue(
            f"images have shape {tuple(images.shape[1:])}, the networks were built for {shape}; rebuild one to match."
        )
    return images


def as_pixels(images: Tensor | np.ndarray) -> Tensor:
    """Images of any shape as a tensor, if they are uint8 or floats in [0, 1]."""
    if isinstance(images, np.ndarray):
        images = torch.from_numpy(np.ascontiguousarray(images))
    if images.dtype == torch.uint8:
        return images
    if not images.is_floating_point():
        raise InvalidType(
            f"images must be uint8 or floating point, got {images.dtype}; divide by the largest value and call "
            f".float()."
        )
    low, high = (float(v) for v in images.aminmax()) if images.numel() else (0.0, 1.0)
    if not (low >= 0 and high <= 1):
        raise InvalidValue(f"images as floats must lie in [0, 1], got values from {low:g} to {high:g}; rescale them.")
    return images


def black_and_white(images: Tensor, seed: int | None = None, chunk: int = 1000) -> Tensor:
    """One Bernoulli draw of every pixel of images [n, ...], uint8 or in [0, 1]: uint8 of 0 and 255.

    What is black and white already stays as it is.  seed: None draws on from where the training's noise is.
    """
    generator = None if seed is None else torch.Generator(images.device).manual_seed(seed)
    drawn = (randomness.coins(unit(part), generator) for part in images.split(chunk))
    return torch.cat([part.mul_(255).to(torch.uint8) for part in drawn])
