"""Conversions and statistics of images."""

import torch
from torch import Tensor


def to_float(images: Tensor) -> Tensor:
    """Convert uint8 images to floats in [0, 1]; floats are returned as they are."""
    return images.float().div_(255) if images.dtype == torch.uint8 else images


def to_uint8(images: Tensor) -> Tensor:
    """Round images in [0, 1] to uint8, on the CPU; other values are clipped.

    Example:
        >>> to_uint8(torch.tensor([0.0, 0.5, 2.0])).tolist()
        [0, 128, 255]
    """
    return images.clamp(0, 1).mul(255).round().to(torch.uint8).cpu()


def sum_pixels(x: Tensor) -> Tensor:
    """Sum [b, ...] over all axes but the first: [b]."""
    return x.flatten(1).sum(1)


def data_variance(images: Tensor, chunk: int = 1000) -> Tensor:
    """Compute the variance over images [n, ...], averaged over pixels: 0-d, float64, on the CPU."""
    total = square = torch.zeros((), dtype=torch.float64)
    for part in images.flatten(1).split(chunk):
        x = to_float(part).cpu().double()  # an MPS device has no float64
        total, square = total + x.sum(0), square + x.square().sum(0)
    return (square / len(images) - (total / len(images)).square()).mean()
