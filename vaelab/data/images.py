"""Data as tensors, checked once: those of a data set, of a tensor or of an array."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaelab._utils import rng
from vaelab._utils.checks import shortest
from vaelab._utils.domain import Domain
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab._utils.images import to_float
from vaelab.data.dataset import Dataset

Images = Dataset | Tensor | np.ndarray
CHANNELS = (1, 3)
LEVEL_TOLERANCE = 0.1  # of float16, in steps of 1/255


def as_images(data: Any, shape: tuple[int, ...] | None = None, domain: Domain = "unit") -> Tensor:
    """Return data as a tensor, if it is of the domain and the shape; it is copied only if it must.

    Every function of the package that takes images calls it once.

    Args:
        data: A `Dataset`, a tensor or an array.
        shape: Shape of one datum; gray images [n, h, w] get their channel. None takes any shape.
        domain: "unit" takes uint8, bool, or floats in [0, 1]; "levels" of such floats only the
            multiples of 1/255; "real" any finite floats instead.

    Returns:
        [n, *shape] without gradients, uint8 or floats of at least 32 bits; of bool, 0 and 255.

    Raises:
        InvalidType: If `data` is something else, of another type, sparse, or without values.
        InvalidValue: If values are outside the domain, or the shape differs.

    Example:
        >>> as_images(np.zeros((5, 28, 28)), (1, 28, 28)).shape
        torch.Size([5, 1, 28, 28])
    """
    if isinstance(data, Dataset) and data.domain != domain == "unit":
        what = "point clouds" if data.is_clouds else "data"
        raise InvalidValue(
            f"images must be in [0, 1], but {data.name} are {what} {list(data.shape)} of the domain 'real'; use a "
            "model of that domain, such as recipes.folding_vae, or a likelihood with squash=False."
        )
    images = data.images if isinstance(data, Dataset) else data
    if isinstance(images, np.ndarray):
        images = _from_numpy(images)
    if not isinstance(images, Tensor):
        raise InvalidType(f"images must be a Dataset, a tensor or an array, got {type(images).__name__}.")
    images = _plain(images)
    if images.dim() < 2:
        raise InvalidValue(f"images must be [n, ...], got the shape {tuple(images.shape)}.")
    if images.dtype != torch.uint8:
        _check_floats(images, domain)
    if shape is None:
        return images
    shape = tuple(shape)
    if images.dim() == len(shape) and shape[0] == 1:
        images = images.unsqueeze(1)
    if images.shape[1:] != shape:
        raise InvalidValue(f"images must have the shape {shape} of the networks, got {tuple(images.shape[1:])}.")
    return images


def _from_numpy(array: np.ndarray) -> Tensor:
    """Share an array's memory where torch can: in native byte order, dense and writable."""
    if isinstance(array, np.ma.MaskedArray):
        if np.ma.is_masked(array):
            raise InvalidValue("images must have a value for each pixel, got a masked array; call .filled(0) on it.")
        array = array.data
    kind = array.dtype.kind
    if kind not in "bf" and array.dtype != np.uint8:
        raise InvalidType(f"images must be uint8, bool or floating point, got {array.dtype}{_remedy(kind)}.")
    native = np.float64 if kind == "f" and array.dtype.itemsize > 8 else array.dtype.newbyteorder("=")
    dense = np.ascontiguousarray(array, native)
    return torch.from_numpy(dense if dense.flags.writeable else dense.copy()).reshape(array.shape)


def _plain(images: Tensor) -> Tensor:
    """Return a dense tensor with values, without gradients, uint8 or of at least 32 bits."""
    if images.is_nested or images.layout != torch.strided:
        kind = "a nested one" if images.is_nested else f"a tensor of layout {images.layout}"
        raise InvalidType(f"images must be one dense tensor, got {kind}.")
    if images.device.type == "meta":
        raise InvalidType("images must have values, got a tensor on the device 'meta'.")
    if images.dtype not in (torch.bool, torch.uint8) and not images.is_floating_point():
        kind = "c" if images.is_complex() else "i"
        raise InvalidType(f"images must be uint8, bool or floating point, got {images.dtype}{_remedy(kind)}.")
    images = images.detach() if images.requires_grad else images
    if images.is_inference() and not torch.is_inference_mode_enabled():
        images = images.clone()
    if images.dtype == torch.bool:
        return images.to(torch.uint8) * 255
    return images.float() if images.is_floating_point() and images.dtype.itemsize < 4 else images


def _remedy(kind: str) -> str:
    if kind in "ui":
        return "; convert values from 0 to 255 to uint8, or values in [0, 1] to float32"
    return "; stack images of one shape to one array of numbers" if kind == "O" else ""


def _check_floats(images: Tensor, domain: Domain) -> None:
    low, high = (float(end) for end in images.aminmax()) if images.numel() else (0.0, 1.0)
    if not (math.isfinite(low) and math.isfinite(high)):
        name = "data of the domain 'real'" if domain == "real" else "images"
        raise InvalidValue(f"{name} must be finite, got {low if math.isnan(low) else f'values from {low} to {high}'}.")
    if domain != "real" and not (low >= 0 and high <= 1):
        raise InvalidValue(
            f"images as floats must be in [0, 1], got values from {shortest(low)} to {shortest(high)}; rescale them, "
            "or use a likelihood with squash=False, whose domain is 'real'."
        )
    if domain == "levels":
        for part in images.split(1000):
            levels = part * 255
            if (distance := (levels - levels.round()).abs()).numel() and float(distance.max()) > LEVEL_TOLERANCE:
                raise InvalidValue(
                    "images as floats must be multiples of 1/255 for a likelihood of 256 levels, got "
                    f"{shortest(float(part.flatten()[distance.argmax()]))}; pass (x * 255).round().to(torch.uint8)."
                )


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
