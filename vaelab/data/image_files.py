"""Image files as arrays: from a folder, a zip or a tar archive, or the user's own folder."""

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from tqdm import tqdm

from vaelab._utils.errors import DataError, InvalidValue
from vaelab.data.catalogue import Entry
from vaelab.data.dataset import Dataset, limit_indices, make_dataset, split_indices
from vaelab.data.download import Request

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm"}
DEEP = ("I", "I;16", "I;16B")  # modes of gray images with 16 bits


class ImageFiles(NamedTuple):
    """The image files of a folder or an archive.

    Args:
        names: Their names, sorted.
        read: Returns the bytes of the file of this name.
    """

    names: list[str]
    read: Callable[[str], bytes]


def list_folder(folder: Path) -> ImageFiles:
    """List the image files of a folder and its sub-folders, without hidden ones."""
    paths = (path.relative_to(folder) for path in folder.rglob("*"))
    names = _image_names(path.as_posix() for path in paths if not any(part[0] == "." for part in path.parts))
    return ImageFiles(names, lambda name: (folder / name).read_bytes())


def list_zip(archive: Path) -> ImageFiles:
    """List the image files of a zip archive."""
    content = zipfile.ZipFile(archive)
    return ImageFiles(_image_names(content.namelist()), content.read)


def list_tar(archive: Path) -> ImageFiles:
    """List the image files of an uncompressed tar archive."""
    with tarfile.open(archive, "r:") as content:
        members = {member.name: member for member in content if member.isfile()}

    def read(name: str) -> bytes:
        with archive.open("rb") as file:
            file.seek(members[name].offset_data)
            return file.read(members[name].size)

    return ImageFiles(_image_names(members), read)


def _image_names(names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if Path(name).suffix.lower() in SUFFIXES and "__MACOSX" not in name)


def load_folder(path: str, request: Request) -> Dataset:
    """Load a user's images from "PATH", or "PATH@64" to crop and scale; sub-folders are classes.

    Sub-folders named train and test are the splits; otherwise the test set is a fixed tenth.
    """
    path, side = _parse_side(path)
    folder = Path(path).expanduser()
    if not path or not folder.is_dir():
        raise DataError(f"folder:{path} is not a folder; write folder:PATH with the path of your images.")
    files = list_folder(folder)
    indices, labels = _folder_split(files.names, request.split)
    indices = limit_indices(indices, request.limit)
    if not len(indices):
        raise DataError(f"{folder} holds {len(files.names)} images, none for split={request.split!r}; add some.")
    names = [files.names[i] for i in indices]
    images = decode(files, names, mode=None, crop=None, side=side, progress=request.progress)
    _, channels, height, width = images.shape
    entry = Entry(f"folder:{path}", (channels, height, width), len(names), 0, "your own", "your own images")
    return make_dataset(entry, request.split, folder, images, labels[indices])


def _parse_side(path: str) -> tuple[str, int | None]:
    base, at, side = path.rpartition("@")
    if not at or not side.isdigit():
        return path, None
    if not 4 <= int(side) <= 1024:
        raise InvalidValue(f"the side in folder:PATH@SIDE must be from 4 to 1024, got {side}.")
    return base, int(side)


def _folder_split(names: list[str], split: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of a split, and the class of every image by its sub-folder."""
    paths = [PurePosixPath(name) for name in names]
    has_splits = {"train", "test"} <= {path.parts[0] for path in paths if len(path.parts) > 1}
    classes = [path.parent.parts[1 if has_splits else 0 :] for path in paths]
    number = {name: i for i, name in enumerate(sorted(set(classes)))}
    labels = np.array([number[name] for name in classes], np.int64)
    if not has_splits:
        return split_indices(len(names), split), labels
    splits = ("train", "test") if split == "all" else (split,)
    return np.flatnonzero([path.parts[0] in splits for path in paths]), labels


def decode(
    files: ImageFiles,
    names: Sequence[str],
    *,
    mode: str | None,
    crop: int | None,
    side: int | None,
    progress: bool,
) -> NDArray[np.uint8]:
    """Decode image files to uint8 [n, c, h, w].

    Args:
        files: Where to read them.
        names: Which of them.
        mode: "L" for gray, "RGB" for color, None for gray if all of them are gray.
        crop: Side of the square cropped from the center; None takes the largest.
        side: Side to which the square is scaled; None neither crops nor scales.
        progress: Show a bar.
    """
    if not names:
        raise DataError("no images were found; pass a folder with png, jpg or similar files.")
    if mode is None:
        mode = "L" if all(_is_gray(_open(files, name)) for name in names) else "RGB"
    first = _pixels(_open(files, names[0]), names[0], mode, crop, side)
    images = np.empty((len(names), *first.shape), np.uint8)
    for i, name in enumerate(tqdm(names, unit="image", disable=not progress, leave=False)):
        pixels = _pixels(_open(files, name), name, mode, crop, side)
        if pixels.shape != first.shape:
            (_, h0, w0), (_, h, w) = first.shape, pixels.shape
            raise InvalidValue(
                f"images must have one size: {names[0]} is {w0}x{h0}, {name} is {w}x{h}. "
                "Write folder:PATH@64 to crop a square from the center of each and scale it to 64x64."
            )
        images[i] = pixels
    return images


def _open(files: ImageFiles, name: str) -> Image.Image:
    try:
        return Image.open(io.BytesIO(files.read(name)))
    except UnidentifiedImageError as error:  # whose text names an object in memory
        raise DataError(f"{name} cannot be read as an image (unknown format); replace or remove it.") from error
    except OSError as error:
        raise DataError(f"{name} cannot be read as an image ({error}); replace or remove it.") from error


def _is_gray(image: Image.Image) -> bool:
    return image.mode in ("1", "L", "LA", *DEEP)


def _pixels(image: Image.Image, name: str, mode: str, crop: int | None, side: int | None) -> NDArray[np.uint8]:
    """Read one image as uint8 [c, h, w]."""
    try:
        if image.mode in DEEP:  # Pillow would clip at 255
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        image = image.convert(mode)
    except OSError as error:
        raise DataError(f"{name} is truncated or damaged ({error}); replace or remove it.") from error
    if side is not None:
        edge = min(*image.size, crop or image.width)
        left, top = (image.width - edge) // 2, (image.height - edge) // 2
        square = image.crop((left, top, left + edge, top + edge))
        image = square.resize((side, side), Image.Resampling.LANCZOS)
    pixels = np.asarray(image)
    return pixels[None] if mode == "L" else pixels.transpose(2, 0, 1)
