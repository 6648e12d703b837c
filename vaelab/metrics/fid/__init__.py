"""The FID: the Fréchet distance on pooled features of the 2015 Inception network.

Resizing, file format, number of images and split change an FID by more than most methods do:
compare one model, the two-stage VAE on CIFAR-10, in table 1 of Dai & Wipf (2019) and of Ghosh et
al. (2020). Quote them with the number, and compare only numbers that agree in them.
"""

import io
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from vaelab._utils.device import on_device
from vaelab._utils.errors import InvalidValue
from vaelab._utils.progress import tqdm
from vaelab.data.dataset import Dataset
from vaelab.data.images import Images, as_images
from vaelab.data.locate import DataFolder
from vaelab.metrics.fid.network import FEATURES, SIDE, inception, load_weights
from vaelab.metrics.fid.weights_file import WEIGHTS, weights
from vaelab.metrics.frechet import frechet_distance

Resize = Literal["tensorflow", "half-pixel"]
Format = Literal["png", "jpeg"]
JPEG_QUALITY = 75


class FID(NamedTuple):
    """An FID with its protocol; `str()` is a sentence.

    Args:
        value: The squared distance.
        images: Numbers of images.
        sets: Names of both sets.
        resize: How images were resized.
        file_format: Through which files they went.
    """

    value: float
    images: tuple[int, int]
    sets: tuple[str, str]
    resize: Resize
    file_format: Format

    def __str__(self) -> str:
        first, second = (f"{n:,} of {name}" for n, name in zip(self.images, self.sets, strict=True))
        return (
            f"FID {self.value:.2f} (2015 Inception, pool 3; {first} against {second}; {self.file_format}; "
            f"bilinear to {SIDE}, {self.resize})"
        )


def fid(
    a: Images,
    b: Images,
    *,
    resize: Resize = "tensorflow",
    file_format: Format = "png",
    device: str = "auto",
    folder: DataFolder = None,
) -> FID:
    """Compute the FID between two sets of color images; that of CIFAR-10 train and test is 3.15.

    Args:
        a: More than 2048 images [n, 3, h, w], uint8 or in [0, 1]; a `Dataset` adds its name.
        b: Likewise.
        resize, file_format, device, folder: As for `features`.

    Returns:
        The distance with its protocol.

    Raises:
        InvalidValue: For other images, or too few, before features are computed.

    References:
        Heusel et al. (2017), https://arxiv.org/abs/1706.08500.
    """
    sets = _color_images(a), _color_images(b)
    for name, images in zip("ab", sets, strict=True):  # before minutes of features
        if len(images) <= FEATURES:
            raise InvalidValue(f"{name} must hold more than {FEATURES} images, one per feature, got {len(images)}.")
    first, second = (
        features(images, resize=resize, file_format=file_format, device=device, folder=folder, progress=True)
        for images in sets
    )
    return FID(frechet_distance(first, second), (len(first), len(second)), (_name(a), _name(b)), resize, file_format)


def _name(images: Any) -> str:
    return f"{images.name}, {images.split}" if isinstance(images, Dataset) else "images"


@torch.no_grad()
def features(
    images: Images,
    *,
    resize: Resize = "tensorflow",
    file_format: Format = "png",
    device: str = "auto",
    folder: DataFolder = None,
    chunk: int = 50,
    progress: bool = False,
) -> Tensor:
    """Compute pooled Inception features, 5 to 10 images a second on one CPU core.

    Args:
        images: [n, 3, h, w], uint8 or in [0, 1]; floats are rounded to bytes, as in a file.
        resize: Bilinear as in TensorFlow 1, the FID's own, or with half-pixel centers as PyTorch.
        file_format: "jpeg" writes and reads every image at quality 75 first, as the published
            two-stage evaluations do.
        device: Where the network runs.
        folder: Where the weights are; else VAELAB_DATA, the cache, or a download.
        chunk: Images at a time.
        progress: Whether to show a progress bar.

    Returns:
        [n, 2048], on the CPU.

    Raises:
        InvalidValue: For other images than these, none, or an unknown protocol.
        DataError: If the weights cannot be downloaded.
    """
    images = _color_images(images)
    if resize not in ("tensorflow", "half-pixel") or file_format not in ("png", "jpeg"):
        raise InvalidValue(
            f"resize must be 'tensorflow' or 'half-pixel' and file_format 'png' or 'jpeg', got {resize!r} and "
            f"{file_format!r}."
        )
    place = on_device(device)
    network = _network(weights(folder)).to(place)
    down, across = (_bilinear(side, resize).to(place) for side in images.shape[2:])
    parts = []
    for part in tqdm(images.split(chunk), disable=not progress, unit="batch", desc="Inception"):
        x = as_files(part, file_format).to(place).float()
        x = torch.einsum("yh,nchw,xw->ncyx", down, x, across)
        parts.append(network(((x - 128) / 128).contiguous(memory_format=torch.channels_last)).cpu())
    return torch.cat(parts)


def as_files(images: Images, file_format: Format) -> Tensor:
    """Return images as they come back from files.

    Args:
        images: [n, 3, h, w], uint8 or in [0, 1].
        file_format: "png" rounds to bytes, "jpeg" also compresses.

    Returns:
        uint8 [n, 3, h, w].
    """
    images = as_images(images)
    pixels = images if images.dtype == torch.uint8 else (images * 255).round().to(torch.uint8)
    if file_format == "png":
        return pixels
    from PIL import Image

    arrays: list[np.ndarray] = []
    for picture in pixels.permute(0, 2, 3, 1).cpu().numpy():
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=JPEG_QUALITY)
        arrays.append(np.asarray(Image.open(buffer)))
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2)


def _color_images(data: Images) -> Tensor:
    images = as_images(data)
    if images.dim() != 4 or images.shape[1] != 3 or not len(images):
        raise InvalidValue(
            f"images must be [n, 3, h, w], at least one, got {tuple(images.shape)}; for gray ones, use the features of "
            f"vaelab.metrics.classifier."
        )
    return images


@lru_cache(maxsize=1)
def _network(path: Path) -> nn.Sequential:
    network = inception()
    checksum = next(entry.files[path.name] for entry in WEIGHTS if path.name in entry.files)
    load_weights(network, path, checksum.removeprefix("sha256:"))
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            # Four times faster.
            layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last)
    return network.eval().requires_grad_(False)


def _bilinear(size: int, resize: Resize) -> Tensor:
    """Return the matrix [299, size] that resizes one axis."""
    out = torch.arange(SIDE, dtype=torch.float64)
    at = out * size / SIDE if resize == "tensorflow" else ((out + 0.5) * size / SIDE - 0.5).clamp(min=0)
    low = at.floor().clamp(max=size - 1)
    high = (low + 1).clamp(max=size - 1)
    matrix = torch.zeros(SIDE, size, dtype=torch.float64)
    rows = torch.arange(SIDE)
    matrix[rows, low.long()] += 1 - (at - low)
    matrix[rows, high.long()] += at - low
    return matrix.float()
