"""Images as numbers: bytes to [0, 1], sums over pixels, the variance of a data set."""

import torch
from torch import Tensor


def to_float(images: Tensor) -> Tensor:
    """uint8 -> float in [0, 1]; floats pass."""
    return images.float().div_(255) if images.dtype == torch.uint8 else images


def sum_pixels(x: Tensor) -> Tensor:
    """[b, ...] -> [b]."""
    return x.flatten(1).sum(1)


def data_variance(images: Tensor, chunk: int = 1000) -> Tensor:
    """The mean over the pixels of the variance over the images [n, ...]: 0-d, float64; `chunk` images at a time."""
    total = square = torch.zeros((), dtype=torch.float64, device=images.device)
    for part in images.flatten(1).split(chunk):
        x = to_float(part).double()
        total, square = total + x.sum(0), square + x.square().sum(0)
    return (square / len(images) - (total / len(images)).square()).mean()


def to_uint8(images: Tensor) -> Tensor:
    """[0, 1] -> uint8, on the CPU."""
    return images.clamp(0, 1).mul(255).round().to(torch.uint8).cpu()
