"""Data as tensors, checked once: those of a data set, of a tensor or of an array."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaelab._utils import rng
from vaelab._utils.domain import Domain
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab._utils.images import to_float
from vaelab.data.dataset import Dataset

Images = Dataset | Tensor | np.ndarray
CHANNELS = (1, 3)


def as_images(data: Any, shape: tuple[int, ...] | None = None, domain: Domain = "unit") -> Tensor:
    """Return data as a tensor, if it is of the domain and the shape; a tensor is not copied.

    Args:
        data: A `Dataset`, a tensor or an array.
        shape: Shape of one datum; gray images [n, h, w] get their channel. None takes any shape.
        domain: "unit" takes uint8, or floats in [0, 1]; "real" takes uint8, or any finite floats.

    Returns:
        [n, *shape], uint8 or floating point as in `data`.

    Raises:
        InvalidType: If `data` is something else, or of another type.
        InvalidValue: If values are outside the domain, or the shape differs.

    Example:
        >>> as_images(np.zeros((5, 28, 28)), (1, 28, 28)).shape
        torch.Size([5, 1, 28, 28])
    """
    images = data.images if isinstance(data, Dataset) else data
    if not isinstance(images, Tensor | np.ndarray):
        raise InvalidType(f"images must be a Dataset, a tensor or an array, got {type(images).__name__}.")
    if images.dtype not in (np.uint8, torch.uint8):
        _check_floats(images, domain)
    if isinstance(images, np.ndarray):
        images = torch.from_numpy(np.ascontiguousarray(images))
    if shape is None:
        return images
    if images.dim() == len(shape) and shape[0] == 1:
        images = images.unsqueeze(1)
    if images.shape[1:] != shape:
        raise InvalidValue(f"images must have the shape {shape} of the networks, got {tuple(images.shape[1:])}.")
    return images


def _check_floats(images: Tensor | np.ndarray, domain: Domain) -> None:
    floating = images.is_floating_point() if isinstance(images, Tensor) else images.dtype.kind == "f"
    if not floating:
        raise InvalidType(f"images must be uint8 or floating point, got {images.dtype}; call .float() on them.")
    low, high = (float(images.min()), float(images.max())) if math.prod(images.shape) else (0.0, 1.0)
    if domain == "unit" and not (low >= 0 and high <= 1):
        raise InvalidValue(
            f"images as floats must be in [0, 1], got values from {low:g} to {high:g}; rescale them, "
            "or use a likelihood with squash=False, whose domain is 'real'."
        )
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InvalidValue(f"data of the domain 'real' must be finite, got values from {low:g} to {high:g}.")


def channels_first(images: Tensor) -> Tensor:
    """Return images [n, h, w], [n, c, h, w] or [n, h, w, c], c = 1 or 3, as [n, c, h, w]."""
    shape = list(images.shape)
    first, last = (len(shape) == 4 and shape[axis] in CHANNELS for axis in (1, -1))
    if first and last:
        raise InvalidValue(f"images must be [n, c, h, w] or [n, h, w, c], got {shape}, which can be read as both.")
    if len(shape) != 3 and not (first or last):
        raise InvalidValue(
            f"images must be [n, h, w], [n, c, h, w] or [n, h, w, c], with 1 or 3 channels, got {shape}."
        )
    return images if first else images.permute(0, 3, 1, 2) if last else images.unsqueeze(1)


def binarize_images(images: Tensor, seed: int | None = None, chunk: int = 1000) -> Tensor:
    """Draw every pixel once from a Bernoulli distribution with its value as probability.

    Args:
        images: [n, ...], uint8 or in [0, 1]; black and white images stay as they are.
        seed: Of the draw; None uses the generator of the training.
        chunk: Images drawn at a time.

    Returns:
        uint8 of 0 and 255, the shape of `images`.

    Example:
        >>> binarize_images(torch.full((1, 6), 0.5), seed=0).tolist()
        [[255, 0, 255, 255, 255, 0]]
    """
    generator = None if seed is None else torch.Generator(images.device).manual_seed(seed)
    draws = (rng.bernoulli(to_float(part), generator) for part in images.split(chunk))
    return torch.cat([draw.mul_(255).to(torch.uint8) for draw in draws])
