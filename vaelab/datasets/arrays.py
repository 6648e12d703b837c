"""A plain array as a data set: [n, h, w], [n, c, h, w] or [n, h, w, c]; bytes, or floats from 0 to 1."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vaelab.errors import InvalidType, InvalidValue

CHANNELS = (1, 3)
SHAPES = "[n, h, w], [n, c, h, w] or [n, h, w, c] with 1 or 3 channels"


def as_images(array: NDArray[Any] | Tensor) -> Tensor:
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
