"""Images as tensors, checked once: those of a data set, of a tensor or of an array."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vaelab._utils import rng
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab._utils.images import unit
from vaelab.data.dataset import Dataset


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
    drawn = (rng.coins(unit(part), generator) for part in images.split(chunk))
    return torch.cat([part.mul_(255).to(torch.uint8) for part in drawn])


CHANNELS = (1, 3)
SHAPES = "[n, h, w], [n, c, h, w] or [n, h, w, c] with 1 or 3 channels"


def images_from_array(array: NDArray[Any] | Tensor) -> Tensor:
    """The array as uint8 [n, c, h, w].

    Raises InvalidType for another dtype, InvalidValue for another shape, a shape that can be read in two
    ways, no images at all, or floats that are not between 0 and 1.
    """
    values = array.detach().cpu().numpy() if isinstance(array, Tensor) else array
    return torch.from_numpy(np.array(_channels_first(_bytes(values)), order="C"))


def _bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    if values.size == 0:
        raise InvalidValue(f"an array of shape {list(values.shape)} holds no images; give at least one.")
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind != "f":
        raise InvalidType(
            f"images of type {values.dtype} are ambiguous: give uint8 from 0 to 255, or floats from 0 to 1."
        )
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 1):
        raise InvalidValue(
            f"float images must lie between 0 and 1, but these run from {low:g} to {high:g}: rescale them, "
            "or give uint8 from 0 to 255."
        )
    return np.rint(values * 255.0).astype(np.uint8)


def _channels_first(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    shape = list(values.shape)
    if values.ndim == 3:
        return values[:, None]
    if values.ndim != 4 or (shape[1] not in CHANNELS and shape[3] not in CHANNELS):
        raise InvalidValue(f"an array of shape {shape} is not a set of images: reshape it to {SHAPES}.")
    if shape[1] in CHANNELS and shape[3] in CHANNELS:
        raise InvalidValue(
            f"an array of shape {shape} could be [n, c, h, w] or [n, h, w, c]: "
            "give more than 3 columns, or [n, h, w] for grey images."
        )
    return values if shape[1] in CHANNELS else values.transpose(0, 3, 1, 2)
