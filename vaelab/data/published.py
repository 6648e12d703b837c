"""Published files with checksums: MNIST, Fashion-MNIST, CIFAR-10, Omniglot, dSprites."""

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vaelab._utils.errors import DataError
from vaelab.data import dsprites, formats
from vaelab.data.catalogue import ENTRIES, Entry
from vaelab.data.dataset import Dataset, assembled, held_out, thinned
from vaelab.data.download import UnavailableError, say
from vaelab.data.formats import Labeled
from vaelab.data.locate import places
from vaelab.data.sources import Wanted, ready


def content(path: Path) -> bytes:
    """The bytes of a file, gunzipped when its name says so."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def in_parts(
    read: Callable[[Entry, str, Wanted], tuple[Path, Labeled]],
) -> Callable[[Entry, Wanted], Dataset]:
    """A loader from a function that reads "train" or "test"; "all" is the one after the other."""

    def loader(entry: Entry, wanted: Wanted) -> Dataset:
        splits = ("train", "test") if wanted.split == "all" else (wanted.split,)
        origins, parts = zip(*(read(entry, split, wanted) for split in splits), strict=True)
        images, labels = map(np.concatenate, zip(*parts, strict=True))
        return assembled(entry, wanted.split, origins[0], images, labels)

    return loader


@in_parts
def idx(entry: Entry, split: str, wanted: Wanted) -> tuple[Path, Labeled]:
    """MNIST and what is laid out like it."""
    part = {"train": "train", "test": "t10k"}[split]
    paths = ready(entry, [f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"], wanted)
    images, labels = (formats.idx(content(path)) for path in paths)
    return paths[0].parent, Labeled(images[:, None], labels.astype(np.int64))


@in_parts
def cifar(entry: Entry, split: str, wanted: Wanted) -> tuple[Path, Labeled]:
    """CIFAR-10, from the records of the binary archive."""
    names = [name for name in entry.files if name.startswith("test") == (split == "test")]
    paths = ready(entry, names, wanted)
    images, labels = zip(*(formats.cifar(content(path)) for path in paths), strict=True)
    return paths[0].parent, Labeled(np.concatenate(images), np.concatenate(labels))


@in_parts
def omniglot(entry: Entry, split: str, wanted: Wanted) -> tuple[Path, Labeled]:
    """Omniglot at 28x28: train is the background set, test the evaluation set."""
    for place in places(entry, wanted.folder):
        if (path := place / entry.unpacked).is_file():
            return path, _small_omniglot(path, split)
    name = {"train": "images_background.zip", "test": "images_evaluation.zip"}[split]
    (path,) = ready(entry, [name], wanted)
    return path, formats.omniglot(path)


def _small_omniglot(path: Path, split: str) -> Labeled:
    """A user's npz: `images` uint8 [n, 28, 28], `split` (0 background, 1 evaluation), `character`."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            chosen = file["split"] == ("train", "test").index(split)
            images, characters = file["images"][chosen], file["character"][chosen]
        if images.dtype != np.uint8:
            raise ValueError(f"its images are {images.dtype}, not uint8")
        _, labels = np.unique(characters, return_inverse=True)
        return Labeled(images.reshape(-1, 1, 28, 28), labels.astype(np.int64))
    except (KeyError, TypeError, ValueError, IndexError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(
            f"{path} is not an Omniglot npz with images, split and character ({error}): replace or remove it."
        ) from error


def dsprites_or_drawn(entry: Entry, wanted: Wanted) -> Dataset:
    """The real dSprites; where they cannot be had, drawn again, under another name and not silently."""
    try:
        (path,) = ready(entry, entry.files, wanted)
    except UnavailableError as error:
        say(f"dSprites cannot be had here: its images are drawn again and named dsprites-rendered. {error}")
        return dsprites_drawn(ENTRIES["dsprites-rendered"], wanted)
    chosen = thinned(held_out(dsprites.COUNT, wanted.split), wanted.limit)
    with zipfile.ZipFile(path) as archive, archive.open("imgs.npy") as file:
        images = formats.npy_rows(file, chosen)
    images *= 255
    return assembled(entry, wanted.split, path, images[:, None], dsprites.latents(chosen)[:, 1])


def dsprites_drawn(entry: Entry, wanted: Wanted) -> Dataset:
    """dSprites drawn from its factors; the label is the shape (square, ellipse, heart)."""
    chosen = thinned(held_out(dsprites.COUNT, wanted.split), wanted.limit)
    images = dsprites.render(chosen)
    images *= 255
    return assembled(entry, wanted.split, "drawn by vaelab", images[:, None], dsprites.latents(chosen)[:, 1])
