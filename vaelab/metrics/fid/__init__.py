"""The FID: the Fréchet distance on pooled features of the 2015 Inception network, with its protocol beside the number.

Resizing, file format, number of images and split change an FID by more than most methods do (see
one model, the two-stage VAE on CIFAR-10, in table 1 of Dai & Wipf 2019 and in table 1 of Ghosh et
al. 2020): never quote one without them, and never compare two that differ in them.
"""

import io
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from vaelab._utils.device import on_device
from vaelab._utils.errors import InvalidValue
from vaelab.data.dataset import Dataset
from vaelab.data.images import as_images
from vaelab.data.locate import DataFolder
from vaelab.metrics.fid.network import SIDE, inception, load_weights
from vaelab.metrics.fid.weights_file import weights
from vaelab.metrics.frechet import frechet_distance

Resize = Literal["tensorflow", "half-pixel"]
Format = Literal["png", "jpeg"]
JPEG_QUALITY = 75


class FID(NamedTuple):
    """A distance, and all that must be said with it."""

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
    a: Tensor | np.ndarray | Dataset,
    b: Tensor | np.ndarray | Dataset,
    *,
    resize: Resize = "tensorflow",
    file_format: Format = "png",
    device: str = "auto",
    folder: DataFolder = None,
) -> FID:
    """The FID between two sets of color images [n, 3, h, w], uint8 or in [0, 1], of more than 2048 images each.

    resize, file_format, device and folder as for `features`, and so are the errors.  A `Dataset` tells its name and
    split; other images are "images".
    Source: Heusel et al. 2017.  FID(CIFAR-10 train, test) = 3.15, the test of a port.
    """
    both = [x.images if isinstance(x, Dataset) else x for x in (a, b)]
    first, second = (
        features(x, resize=resize, file_format=file_format, device=device, folder=folder, progress=True) for x in both
    )
    return FID(frechet_distance(first, second), (len(first), len(second)), (_name(a), _name(b)), resize, file_format)


def _name(images: Any) -> str:
    return f"{images.name}, {images.split}" if isinstance(images, Dataset) else "images"


@torch.no_grad()
def features(
    images: Tensor | np.ndarray,
    *,
    resize: Resize = "tensorflow",
    file_format: Format = "png",
    device: str = "auto",
    folder: DataFolder = None,
    chunk: int = 50,
    progress: bool = False,
) -> Tensor:
    """Pooled Inception features of color images [n, 3, h, w], uint8 or in [0, 1]: [n, 2048], on the CPU.

    Floats are rounded to bytes first, as a file would.  resize: bilinear as TensorFlow 1 did it, the FID's own, or with
    half-pixel centers as PyTorch does.  file_format: "jpeg" writes and reads every image at quality 75 first, as the
    published two-stage evaluations do.  folder: where the weights are, else VAELAB_DATA, the cache, or a download.
    On one CPU core 5 to 10 images a second.

    Raises InvalidType or InvalidValue for other values than these, for no images, for images without three channels or
    an unknown protocol; DataError for weights that cannot be had.
    """
    images = as_images(images)
    if images.dim() != 4 or images.shape[1] != 3 or not len(images):
        raise InvalidValue(
            f"FID speaks of color images [n, 3, h, w], at least one, got {tuple(images.shape)}; for gray ones take "
            f"the Fréchet distance on features of vaelab.metrics.classifier."
        )
    if resize not in ("tensorflow", "half-pixel") or file_format not in ("png", "jpeg"):
        raise InvalidValue(
            f"resize must be 'tensorflow' or 'half-pixel' and file_format 'png' or 'jpeg', got {resize!r} and "
            f"{file_format!r}."
        )
    place = on_device(device)
    network = _network(weights(folder)).to(place)
    down, across = (_bilinear(side, resize).to(place) for side in images.shape[2:])
    found = []
    for part in tqdm(images.split(chunk), disable=not progress, unit="batch", desc="Inception"):
        x = as_files(part, file_format).to(place).float()
        x = torch.einsum("yh,nchw,xw->ncyx", down, x, across)
        found.append(network(((x - 128) / 128).contiguous(memory_format=torch.channels_last)).cpu())
    return torch.cat(found)


def as_files(images: Tensor, file_format: Format) -> Tensor:
    """Images, uint8 or in [0, 1], as they come back from files: rounded to bytes, and through JPEG if so wanted; uint8
    [n, 3, h, w].  Raises InvalidType or InvalidValue for other values."""
    images = as_images(images)
    pixels = images if images.dtype == torch.uint8 else (images * 255).round().to(torch.uint8)
    if file_format == "png":
        return pixels
    from PIL import Image

    back: list[np.ndarray] = []
    for picture in pixels.permute(0, 2, 3, 1).cpu().numpy():
        written = io.BytesIO()
        Image.fromarray(picture).save(written, "JPEG", quality=JPEG_QUALITY)
        back.append(np.asarray(Image.open(written)))
    return torch.from_numpy(np.stack(back)).permute(0, 3, 1, 2)


@lru_cache(maxsize=1)
def _network(path: Path) -> nn.Sequential:
    network = inception()
    load_weights(network, path)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last)  # four times faster
    return network.eval().requires_grad_(False)


def _bilinear(size: int, resize: Resize) -> Tensor:
    """The matrix [299, size] that resizes one axis."""
    out = torch.arange(SIDE, dtype=torch.float64)
    at = out * size / SIDE if resize == "tensorflow" else ((out + 0.5) * size / SIDE - 0.5).clamp(min=0)
    low = at.floor().clamp(max=size - 1)
    high = (low + 1).clamp(max=size - 1)
    matrix = torch.zeros(SIDE, size, dtype=torch.float64)
    rows = torch.arange(SIDE)
    matrix[rows, low.long()] += 1 - (at - low)
    matrix[rows, high.long()] += at - low
    return matrix.float()
