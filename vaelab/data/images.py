"""Data as tensors, checked once: those of a data set, of a tensor or of an array."""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vaelab._utils import rng
from vaelab._utils.domain import Domain
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab._utils.images import to_float
from vaelab.data.dataset import Dataset

Images = Dataset | Tensor | np.ndarray


def as_images(data: Any, shape: tuple[int, ...], domain: Domain = "unit") -> Tensor:
    """Check that data are [n, *shape], the shape the networks were built for, and of the domain.

    domain: "unit", uint8 or floats in [0, 1]; "real", any finite floats, or uint8 as [0, 1].
    Raises InvalidType or InvalidValue for others.
    """
    images = data.images if isinstance(data, Dataset) else data
    if not isinstance(images, Tensor | np.ndarray):
        raise InvalidType(
            f"images must be a Dataset, a tensor or an array, got {type(images).__name__}; see vaelab.load."
        )
    images = in_domain(images, domain)
    if images.dim() == len(shape) and shape[0] == 1:
        images = images.unsqueeze(1)
    if images.shape[1:] != shape:
        raise InvalidValue(
            f"images have shape {tuple(images.shape[1:])}, the networks were built for {shape}; rebuild one to match."
        )
    return images


def as_image_tensor(images: Tensor | np.ndarray) -> Tensor:
    """Images of any shape as a tensor, if they are uint8 or floats in [0, 1]."""
    return in_domain(images, "unit")


def in_domain(data: Tensor | np.ndarray, domain: Domain) -> Tensor:
    """Data of any shape as a tensor, if they are uint8 or floats of the domain."""
    if isinstance(data, np.ndarray):
        data = torch.from_numpy(np.ascontiguousarray(data))
    if data.dtype == torch.uint8:
        return data
    if not data.is_floating_point():
        remedy = "divide by the largest value and " if domain == "unit" else ""
        what = f"got {data.dtype}; {remedy}call .float()"
        raise InvalidType(f"images must be uint8 or floating point, {what}.")
    low, high = (float(v) for v in data.aminmax()) if data.numel() else (0.0, 1.0)
    if domain == "unit" and not (low >= 0 and high <= 1):
        raise InvalidValue(
            f"images as floats must lie in [0, 1], got values from {low:g} to {high:g}; rescale "
            f"them (only likelihoods with squash=False, whose domain is 'real', take others)."
        )
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InvalidValue(f"data of the domain 'real' must be finite, got {low:g} to {high:g}.")
    return data


def binarize_images(images: Tensor, seed: int | None = None, chunk: int = 1000) -> Tensor:
    """One Bernoulli draw of every pixel of images [n, ...], uint8 or in [0, 1]: uint8 of 0 and 255.

    What is black and white already stays as it is.  seed: None draws on from where the training's noise is.
    """
    generator = None if seed is None else torch.Generator(images.device).manual_seed(seed)
    drawn = (rng.bernoulli(to_float(part), generator) for part in images.split(chunk))
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
            "give more than 3 columns, or [n, h, w] for gray images."
        )
    return values if shape[1] in CHANNELS else values.transpose(0, 3, 1, 2)
