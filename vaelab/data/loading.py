"""`load`: a data set by its name, the user's folder of images, or an array."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.domain import Domain
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab._utils.images import to_uint8
from vaelab._utils.typed import typed
from vaelab.data import formats
from vaelab.data.catalogue import ENTRIES, find_entry
from vaelab.data.dataset import SPLITS, Dataset
from vaelab.data.download import Request
from vaelab.data.images import as_images, channels_first


def names() -> list[str]:
    """List the names that `load` knows; it also takes folder:PATH and arrays.

    Returns:
        The names, in the order of the catalogue.

    Example:
        >>> names()[:3]
        ['mnist-mini', 'fashion-mini', 'digits']
    """
    return list(ENTRIES)


@typed
def load(
    name: str | NDArray[Any] | Tensor,
    split: str = "train",
    *,
    folder: Path | str | None = None,
    limit: int | None = None,
    progress: bool = True,
    domain: Literal["unit", "real"] = "unit",
) -> Dataset:
    """Load labeled images or point clouds by name, from a folder of the user's, or from an array.

    Sub-folders of folder:PATH are classes; those named train and test, or their usual synonyms, are
    the splits, and validation images are the test set if there is no other. Images are turned as
    EXIF says; transparent parts are white; of 16 bits the upper 8 are taken; floats must be in
    [0, 1]. Files of several pages are refused.

    Files are taken from `folder` (else VAELAB_DATA), the cache, a folder of the system, web
    mirrors, or a package registry, in this order; every copy passes the same checksum.

    Args:
        name: A name of `names()`; "folder:PATH", or "folder:PATH@64" to crop and scale to 64x64;
            or an array or tensor of images, uint8 or floats in [0, 1].
        split: "train", "test" or "all".
        folder: The user's data folder.
        limit: Largest number of images. The draw is the same every time and, where labels are
            known beforehand, keeps each class in proportion.
        progress: Show progress bars.
        domain: "real" takes an array of finite floats [n, ...] as they are, such as point clouds
            [n, points, 3]. That of a known data set is its own.

    Returns:
        A `Dataset` with uint8 images [n, c, h, w], or, of its domain "real", floats [n, ...]: solids,
        modelnet10, modelnet40 and shapenet are point clouds in the unit ball, their third axis up.

    Raises:
        InvalidValue: If an argument is out of range.
        InvalidType: If an argument has a wrong type.
        DataError: If the data is altered or unavailable.
        StorageError: If the cache cannot be written.

    Example:
        >>> load("digits", limit=100).images.shape
        torch.Size([100, 1, 8, 8])
    """
    if split not in SPLITS:
        raise InvalidValue(f"split must be one of {', '.join(SPLITS)}, got {split!r}.")
    if limit is not None:
        checks.positive_int("limit", limit)
    if domain not in ("unit", "real"):
        raise InvalidValue(f"domain must be 'unit' or 'real', got {domain!r}.")
    if isinstance(name, np.ndarray | Tensor):
        dataset = _from_array(name, split, domain)
    elif domain == "real" and not (name in ENTRIES and ENTRIES[name].domain == "real"):
        raise InvalidType(f"name must be an array or point clouds for domain='real', got {name!r:.60}.")
    elif not isinstance(name, str):
        raise InvalidType(f"name must be a data set, folder:PATH or an array, got {type(name).__name__}.")
    else:
        dataset = _from_files(name, Request(split, folder, limit, progress))
    return dataset if limit is None or limit >= len(dataset) else dataset.subset(limit)


def _from_files(name: str, request: Request) -> Dataset:
    if name.startswith("folder:"):
        from vaelab.data.image_files import load_folder  # imports Pillow

        return load_folder(name.removeprefix("folder:"), request)
    entry = find_entry(name)
    loader = getattr(formats, f"load_{entry.format}")
    dataset: Dataset = loader(entry, request)
    return dataset


def _from_array(array: NDArray[Any] | Tensor, split: str, domain: Domain) -> Dataset:
    if split == "test":
        raise InvalidValue("split must be 'train' or 'all' for an array, got 'test'; pass the test images themselves.")
    data = as_images(array, domain=domain).detach().cpu()
    if not data.numel() or data.dim() < 2:
        raise InvalidValue(f"an array must have the shape [n, ...] with n at least 1, got {list(data.shape)}.")
    if domain == "unit":
        data = channels_first(data)
        data = data if data.dtype == torch.uint8 else to_uint8(data)
    labels = torch.zeros(len(data), dtype=torch.int64)
    return Dataset(data.contiguous().clone(), labels, "array", "all", "memory", "your own", "your own array", domain)
