"""`Dataset`: labeled images, or other data, with their origin, license and checksum."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.data.catalogue import Entry

SPLITS = ("train", "test", "all")


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Labeled images, and what must be said about them in a figure or a paper.

    images: uint8 [n, c, h, w], 0..255; or, for the domain "real", finite floats [n, ...].
    labels: int64 [n], zeros where the data has none.
    origin says where these very bytes were found.
    """

    images: Tensor
    labels: Tensor
    name: str
    split: str
    origin: str
    license: str
    credit: str

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.shape))
        what = "images" if len(self.shape) == 3 else "data"
        size = f"{len(self):,} {what} {shape}"
        return f"Dataset({self.name}, {self.split}: {size}, from {self.origin})"

    @property
    def shape(self) -> tuple[int, ...]:
        """(channels, height, width) of one image, or the shape of one datum."""
        return tuple(self.images.shape[1:])

    @cached_property
    def sha256(self) -> str:
        """The sha256 of the images' bytes followed by the labels' bytes (little-endian int64)."""
        content = hashlib.sha256(self.images.numpy().tobytes())
        content.update(self.labels.numpy().astype("<i8").tobytes())
        return content.hexdigest()

    def subset(self, n: int, seed: int = 0) -> "Dataset":
        """`n` images drawn without replacement, each class in proportion; the same ones for the same seed.

        Raises InvalidType or InvalidValue unless n is a whole number from 1 to len(self).
        """
        check_count("n", n)
        if n > len(self):
            raise InvalidValue(f"n={n} is more than the {len(self)} images of {self.name} ({self.split}).")
        chosen = torch.from_numpy(stratified(self.labels.numpy(), n, seed))
        return replace(self, images=self.images[chosen], labels=self.labels[chosen])


def assembled(entry: Entry, split: str, origin: Path | str, images: NDArray[np.uint8], labels: ArrayLike) -> Dataset:
    """A Dataset from arrays: images [n, c, h, w], labels [n]."""
    pixels = torch.from_numpy(np.require(images, np.uint8, ["C", "W"]))
    classes = torch.from_numpy(np.array(labels, np.int64))
    return Dataset(pixels, classes, entry.name, split, str(origin), entry.license, entry.credit)


def check_count(what: str, n: object) -> None:
    """Raise unless `n` is a whole number of at least 1."""
    if isinstance(n, bool) or not isinstance(n, int | np.integer):
        raise InvalidType(f"{what}={n!r} is not a whole number of images; give one such as {what}=1000.")
    if n < 1:
        raise InvalidValue(f"{what}={n} leaves no image; give a number of at least 1.")


def stratified(labels: NDArray[np.int64], n: int, seed: int = 0) -> NDArray[np.int64]:
    """Ascending indices of `n` items drawn without replacement, each class in proportion to its size.

    Shares are rounded by largest remainder, so that they add up to `n`. The legacy generator is used on
    purpose: its stream is frozen, so the draw is the same with every NumPy.
    """
    classes, where, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    exact = sizes * n / len(labels)
    share = np.floor(exact).astype(int)
    share[np.argsort(share - exact, kind="stable")[: n - share.sum()]] += 1
    draw = np.random.RandomState(seed).permutation(len(labels))
    members = [draw[where[draw] == k][: share[k]] for k in range(len(classes))]
    return np.sort(np.concatenate(members))


def held_out(n: int, split: str) -> NDArray[np.int64]:
    """Ascending indices of a split for data that has none: a tenth, drawn once for all, is the test set."""
    order = np.random.RandomState(0).permutation(n)
    train = n - n // 10
    return np.sort({"train": order[:train], "test": order[train:], "all": order}[split])


def thinned(indices: NDArray[np.int64], limit: int | None) -> NDArray[np.int64]:
    """At most `limit` of the indices, drawn once for all, in order: for sets too large to read whole."""
    if limit is None or limit >= len(indices):
        return indices
    return np.sort(np.random.RandomState(0).permutation(indices)[:limit])
