"""Labeled images, or other data, with their domain, origin, license and checksum."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.domain import Domain
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab._utils.typed import check_fields, typed
from vaelab.data.catalogue import Entry

SPLITS = ("train", "test", "all")


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Labeled images and what a figure or a paper has to state about them.

    Args:
        images: uint8 [n, c, h, w], 0..255; in the domain "real", finite floats [n, ...], such as
            point clouds [n, points, 3].
        labels: int64 [n], zeros where the data has none.
        name: The name that was loaded.
        split: "train", "test" or "all".
        origin: The file or folder from which these bytes were read.
        license: The license of the data.
        credit: Authors and title, for a citation.
        domain: "unit" for images in [0, 1], or their bytes; "real" for other data, which nothing
            takes that needs images.

    Raises:
        InvalidType, InvalidValue: If a field is of another type, or labels and images do not match.

    Example:
        >>> images, labels = torch.zeros(5, 1, 8, 8), torch.zeros(5).long()
        >>> Dataset(images, labels, "zeros", "all", "memory", license="", credit="")
        Dataset(zeros, all: 5 images 1x8x8, from memory)
    """

    images: Tensor
    labels: Tensor
    name: str
    split: str
    origin: str
    license: str
    credit: str
    domain: Domain = "unit"

    def __post_init__(self) -> None:
        check_fields(self)
        checks.one_of("domain", self.domain, get_args(Domain))
        if self.images.dtype not in (torch.uint8, torch.bool):
            checks.float_tensor("images", self.images)
        if self.images.dim() < 2 or self.labels.shape != self.images.shape[:1]:
            shapes = f"{list(self.images.shape)} and {list(self.labels.shape)}"
            raise InvalidValue(f"images must be [n, ...] and labels [n], got {shapes}.")
        if self.labels.is_floating_point() or self.labels.dtype == torch.bool:
            raise InvalidType(f"labels must be whole numbers, got {self.labels.dtype}; call .long() on them.")

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.shape))
        kind = "images" if len(self.shape) == 3 else "point clouds" if self.is_clouds else "data"
        return f"Dataset({self.name}, {self.split}: {len(self):,} {kind} {shape}, from {self.origin})"

    @property
    def shape(self) -> tuple[int, ...]:
        """(channels, height, width) of one image, or the shape of one datum."""
        return tuple(self.images.shape[1:])

    @property
    def is_clouds(self) -> bool:
        """Whether these are clouds of points in space, [n, points, 3]."""
        return self.domain == "real" and len(self.shape) == 2 and self.shape[1] == 3

    @cached_property
    def sha256(self) -> str:
        """The sha256 of the images' bytes followed by the labels' bytes (little-endian int64)."""
        content = hashlib.sha256(self.images.cpu().numpy().tobytes())
        content.update(self.labels.cpu().numpy().astype("<i8").tobytes())
        return content.hexdigest()

    @typed
    def subset(self, n: int, seed: int = 0) -> "Dataset":
        """Draw images without replacement, each class in proportion to its size.

        Args:
            n: Number of images.
            seed: Equal seeds give equal images, with every version of NumPy.

        Returns:
            The images in their original order.

        Raises:
            InvalidType: If n is not an integer.
            InvalidValue: If n is not from 1 to the number of images.

        Example:
            >>> from vaelab import load
            >>> load("digits", "test").subset(50).images.shape
            torch.Size([50, 1, 8, 8])
        """
        if checks.positive_int("n", n) > len(self):
            raise InvalidValue(f"n must be at most {len(self)}, the images of {self.name} ({self.split}), got {n}.")
        indices = torch.from_numpy(stratified_indices(self.labels.cpu().numpy(), n, checks.seed(seed)))
        return replace(self, images=self.images[indices], labels=self.labels[indices])


def make_dataset(entry: Entry, split: str, origin: Path | str, images: NDArray[Any], labels: ArrayLike) -> Dataset:
    """Return images [n, c, h, w], or data of the domain "real", and labels [n] with what an entry states."""
    dtype = np.uint8 if entry.domain == "unit" else np.float32
    pixels = torch.from_numpy(np.require(images, dtype, ["C", "W"]))
    classes = torch.from_numpy(np.array(labels, np.int64))
    return Dataset(pixels, classes, entry.name, split, str(origin), entry.license, entry.credit, entry.domain)


def stratified_indices(labels: NDArray[np.int64], n: int, seed: int = 0) -> NDArray[np.int64]:
    """Draw n items without replacement, each class in proportion to its size.

    Args:
        labels: Class of every item, [items].
        n: Number of items to draw; shares of classes are rounded by largest remainder.
        seed: Of the draw.

    Returns:
        Ascending indices [n].

    Example:
        >>> stratified_indices(np.array([0, 0, 0, 0, 1, 1]), 3)
        array([1, 2, 5])
    """
    classes, where, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    exact = sizes * n / len(labels)
    share = np.floor(exact).astype(int)
    share[np.argsort(share - exact, kind="stable")[: n - share.sum()]] += 1
    # The legacy generator, because its stream is the same in every version of NumPy.
    order = np.random.RandomState(seed).permutation(len(labels))
    members = [order[where[order] == k][: share[k]] for k in range(len(classes))]
    return np.sort(np.concatenate(members))


def split_indices(n: int, split: str) -> NDArray[np.int64]:
    """Return ascending indices of a split of n items: the test set is always the same tenth."""
    order = np.random.RandomState(0).permutation(n)
    train = n - n // 10
    return np.sort({"train": order[:train], "test": order[train:], "all": order}[split])


def limit_indices(indices: NDArray[np.int64], limit: int | None) -> NDArray[np.int64]:
    """Return at most `limit` of the indices, drawn with a fixed seed, in their order."""
    if limit is None or limit >= len(indices):
        return indices
    return np.sort(np.random.RandomState(0).permutation(indices)[:limit])
