"""From files to a `Dataset`: one function load_FORMAT for every format of catalogue.toml.

Each takes the entry of the catalogue and what the caller of `load` wants. Nothing is unpickled.
"""

import gzip
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vaelab._utils.errors import DataError
from vaelab._utils.reading import printable, reading
from vaelab.data import dsprites
from vaelab.data.catalogue import ENTRIES, Entry
from vaelab.data.dataset import Dataset, limit_indices, make_dataset, split_indices
from vaelab.data.download import Request, UnavailableError, ensure_files, how_to_get, notify
from vaelab.data.locate import search_folders
from vaelab.data.shipped import shipped_file

if TYPE_CHECKING:
    from vaelab.data.image_files import ImageFiles

Bytes = NDArray[np.uint8]
Indices = NDArray[np.int64]

SIDE = 64  # of CelebA and Chairs after scaling
FACE = 148  # the square cropped from the center of a 178x218 portrait, as in most papers
CHAIR = 400  # the square cropped from the center of a 600x600 view; the rest is white
LAST_TRAIN, FIRST_TEST = 162_770, 182_638  # numbers of the portraits in the official partition
PORTRAITS = 202_599


class Labeled(NamedTuple):
    """Images with their labels.

    Args:
        images: uint8 [n, c, h, w], or data of another domain.
        labels: int64 [n].
    """

    images: NDArray[Any]
    labels: Indices


def by_split(
    read: Callable[[Entry, str, Request], tuple[Path | str, Labeled]],
) -> Callable[[Entry, Request], Dataset]:
    """Make a loader of a function that reads "train" or "test"; "all" is one after the other."""

    def load(entry: Entry, request: Request) -> Dataset:
        splits = ("train", "test") if request.split == "all" else (request.split,)
        origins, parts = zip(*(read(entry, split, request) for split in splits), strict=True)
        images, labels = map(np.concatenate, zip(*parts, strict=True))
        return make_dataset(entry, request.split, origins[0], images, labels)

    return load


@by_split
def load_mini(entry: Entry, split: str, request: Request) -> tuple[Path, Labeled]:
    """Load a small set that ships with vaelab, in the order of the full set."""
    path = shipped_file(entry)
    with np.load(path, allow_pickle=False) as file:
        order = np.argsort(file[f"{split}_index"])
        return path, Labeled(file[f"{split}_images"][order, None], file[f"{split}_labels"][order])


def load_digits(entry: Entry, request: Request) -> Dataset:
    """Load the 8x8 digits of scikit-learn, their 17 levels spread over 0..255."""
    from sklearn.datasets import load_digits as load

    data = load()
    images = np.rint(data.images * (255 / 16)).astype(np.uint8)
    indices = split_indices(len(images), request.split)
    return make_dataset(entry, request.split, "scikit-learn", images[indices, None], data.target[indices])


@by_split
def load_idx(entry: Entry, split: str, request: Request) -> tuple[Path, Labeled]:
    """Load MNIST, or data in the same files."""
    part = {"train": "train", "test": "t10k"}[split]
    paths = ensure_files(entry, [f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"], request)
    images, labels = (read_idx(_content(path)) for path in paths)
    return paths[0].parent, Labeled(images[:, None], labels.astype(np.int64))


@by_split
def load_cifar(entry: Entry, split: str, request: Request) -> tuple[Path, Labeled]:
    """Load CIFAR-10 from binary records: one byte of label, then the color planes."""
    names = [name for name in entry.files if name.startswith("test") == (split == "test")]
    paths = ensure_files(entry, names, request)
    content = b"".join(_content(path) for path in paths)
    records = np.frombuffer(content, np.uint8).reshape(-1, 1 + 3 * 32 * 32)
    return paths[0].parent, Labeled(records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].astype(np.int64))


@by_split
def load_omniglot(entry: Entry, split: str, request: Request) -> tuple[Path, Labeled]:
    """Load Omniglot at 28x28, ink high; train is the background set, test the evaluation set."""
    for folder in search_folders(entry, request.folder):
        if (path := folder / entry.unpacked).is_file():
            return path, _read_omniglot_npz(path, split)
    name = {"train": "images_background.zip", "test": "images_evaluation.zip"}[split]
    (path,) = ensure_files(entry, [name], request)
    return path, _read_omniglot_zip(path)


def load_dsprites(entry: Entry, request: Request) -> Dataset:
    """Load dSprites; if it is unavailable, render it under another name, with a note."""
    try:
        (path,) = ensure_files(entry, entry.files, request)
    except UnavailableError as error:
        notify(f"dSprites is unavailable: its images are rendered and named dsprites-rendered. {error}")
        return load_rendered_dsprites(ENTRIES["dsprites-rendered"], request)
    indices = limit_indices(split_indices(dsprites.COUNT, request.split), request.limit)
    with zipfile.ZipFile(path) as archive, archive.open("imgs.npy") as file:
        images = read_npy_rows(file, indices)
    images *= 255
    return make_dataset(entry, request.split, path, images[:, None], dsprites.latents(indices)[:, 1])


def load_rendered_dsprites(entry: Entry, request: Request) -> Dataset:
    """Render dSprites from its factors; the label is the shape (square, ellipse, heart)."""
    indices = limit_indices(split_indices(dsprites.COUNT, request.split), request.limit)
    images = dsprites.render(indices)
    images *= 255
    return make_dataset(entry, request.split, "drawn by vaelab", images[:, None], dsprites.latents(indices)[:, 1])


def load_celeba(entry: Entry, request: Request) -> Dataset:
    """Load CelebA without labels, cropped, scaled to 64x64, in the official partition."""
    from vaelab.data.image_files import decode, list_zip

    origin, files = _image_files(entry, list_zip, request)
    indices = limit_indices(_celeba_partition(files.names, request.split), request.limit)
    names = [files.names[i] for i in indices]
    images = decode(files, names, mode="RGB", crop=FACE, side=SIDE, progress=request.progress)
    return make_dataset(entry, request.split, origin, images, np.zeros(len(names)))


def load_chairs(entry: Entry, request: Request) -> Dataset:
    """Load rendered chairs in gray, cropped, scaled to 64x64; the label numbers the chairs.

    Published code scales first and then omits the crop, which makes smaller chairs.
    """
    from vaelab.data.image_files import decode, list_tar

    origin, files = _image_files(entry, list_tar, request)
    views = [name for name in files.names if "/renders/" in f"/{name}"] or files.names
    _, labels = np.unique([name.split("/renders/")[0] for name in views], return_inverse=True)
    indices = limit_indices(split_indices(len(views), request.split), request.limit)
    images = decode(files, [views[i] for i in indices], mode="L", crop=CHAIR, side=SIDE, progress=request.progress)
    return make_dataset(entry, request.split, origin, images, labels[indices])


@by_split
def load_solids(entry: Entry, split: str, request: Request) -> tuple[Path | str, Labeled]:
    """Draw clouds of solids; the two splits are draws with other seeds."""
    from vaelab.data.solids import draw_solids

    n, seed = {"train": (entry.train, 0), "test": (entry.test, 1)}[split]
    n = n if request.limit is None else min(n, request.limit)  # of the classes in turn
    return "drawn by vaelab", Labeled(*draw_solids(n, entry.shape[0], seed))


@by_split
def load_modelnet(entry: Entry, split: str, request: Request) -> tuple[Path | str, Labeled]:
    """Draw clouds from the meshes of ModelNet, in its folder or its archive."""
    from vaelab.data.shape_files import modelnet

    unpacked = [folder / entry.unpacked for folder in search_folders(entry, request.folder)]
    folders = [path for path in unpacked if path.is_dir()]
    path = folders[0] if folders else ensure_files(entry, entry.files, request)[0]
    return path, Labeled(*modelnet(path, split, entry.shape[0], request.limit, request.progress))


def load_shapenet(entry: Entry, request: Request) -> Dataset:
    """Draw clouds from the meshes of ShapeNet, or take its clouds, in the user's folder."""
    from vaelab.data.shape_files import is_synset, shapenet

    for path in search_folders(entry, request.folder):
        with reading(path):
            found = path.is_dir() and any(is_synset(inside.name) for inside in path.iterdir())
        if found:
            clouds = shapenet(path, request.split, entry.shape[0], request.limit, request.progress)
            return make_dataset(entry, request.split, path, *clouds)
    raise DataError(how_to_get(entry))


def read_idx(content: bytes) -> Bytes:
    """Read the idx format of MNIST: two zeros, type 8, number of axes, their lengths, data."""
    axes = content[3] if len(content) > 3 else 0
    if content[:3] != b"\0\0\x08" or len(content) < 4 + 4 * axes:
        raise ValueError("not an idx file of bytes")
    shape = np.frombuffer(content, ">u4", axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(tuple(shape))


def read_npy_rows(file: IO[bytes], rows: Indices, block: int = 8192) -> Bytes:
    """Read some ascending rows of a stored .npy array, in blocks: never the whole at once."""
    major, _ = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read_header(file)
    if fortran or dtype.hasobject:
        raise ValueError("not a plain array in C order")
    return np.concatenate(list(_blocks(file, shape, dtype, rows, block)))


def _blocks(file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype, rows: Indices, block: int) -> Iterator[Bytes]:
    width = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
    for start in range(0, int(rows[-1]) + 1, block):
        n = min(block, shape[0] - start)
        selected = rows[np.searchsorted(rows, start) : np.searchsorted(rows, start + n)] - start
        yield np.frombuffer(file.read(n * width), dtype).reshape(n, *shape[1:])[selected]


def _content(path: Path) -> bytes:
    with reading(path):
        return gzip.decompress(path.read_bytes()) if path.suffix.lower() == ".gz" else path.read_bytes()


def _read_omniglot_zip(archive: Path) -> Labeled:
    """Read drawings, area-averaged from 105x105; labels number the characters by name."""
    from PIL import Image

    with reading(archive), zipfile.ZipFile(archive) as content:
        names = sorted(name for name in content.namelist() if name.endswith(".png"))
        images = np.empty((len(names), 1, 28, 28), np.uint8)
        for i, name in enumerate(names):
            with content.open(name) as file, Image.open(file) as png:
                images[i, 0] = 255 - np.asarray(png.convert("L").resize((28, 28), Image.Resampling.BOX))
    _, labels = np.unique([name.rsplit("/", 1)[0] for name in names], return_inverse=True)
    return Labeled(images, labels.astype(np.int64))


def _read_omniglot_npz(path: Path, split: str) -> Labeled:
    """Read a user's npz: images uint8 [n, 28, 28], split (1: evaluation), character."""
    with reading(path):
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            selected = file["split"] == ("train", "test").index(split)
            images, characters = file["images"][selected], file["character"][selected]
            known = np.isin(file["split"], (0, 1)).all() and len(file["split"]) == len(file["images"])
        if (
            images.dtype != np.uint8
            or images.shape[1:] != (28, 28)
            or characters.shape != images.shape[:1]
            or not known
        ):
            raise ValueError("not images uint8 [n, 28, 28], split of 0 and 1, and character")
        _, labels = np.unique(characters, return_inverse=True)
        return Labeled(images.reshape(-1, 1, 28, 28), labels.astype(np.int64))


def _image_files(
    entry: Entry, list_archive: Callable[[Path], "ImageFiles"], request: Request
) -> tuple[Path, "ImageFiles"]:
    """Return the images of a data set, from a folder that the user unpacked or from its archive."""
    from vaelab.data.image_files import list_folder

    for folder in search_folders(entry, request.folder):
        path = folder / entry.unpacked
        if path.is_dir() and (files := list_folder(path)).names:
            return path, files
    (archive,) = ensure_files(entry, entry.files, request)
    return archive, list_archive(archive)


def _portrait_number(name: str) -> int:
    stem = Path(name).stem
    if re.fullmatch("[0-9]{1,6}", stem) and 1 <= int(stem) <= PORTRAITS:
        return int(stem)
    raise DataError(f"{printable(name)} must be named by its number in CelebA, 000001 to {PORTRAITS}; remove it.")


def _celeba_partition(names: list[str], split: str) -> Indices:
    """Indices of a split of the official partition, which goes by the numbers of the portraits."""
    numbers = np.array([_portrait_number(name) for name in names])
    selected = {"train": numbers <= LAST_TRAIN, "test": numbers >= FIRST_TEST, "all": numbers >= 0}[split]
    if not selected.any():
        raise DataError(f"none of the {len(names)} images of CelebA is in its {split} split.")
    return np.flatnonzero(selected)
