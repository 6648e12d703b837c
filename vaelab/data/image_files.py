"""Image files as arrays: from a folder, a zip or a tar archive, or the user's own folder.

Pixels are those that a viewer shows: turned as EXIF says, transparent parts on white. What has no
single right reading, such as several pages or an undefined white, is refused in one sentence.
"""

import os
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from tqdm import tqdm

from vaelab._utils.checks import shortest
from vaelab._utils.errors import DataError, InvalidValue
from vaelab._utils.files import user_path
from vaelab._utils.reading import printable, reading
from vaelab.data.catalogue import Entry
from vaelab.data.dataset import Dataset, limit_indices, make_dataset
from vaelab.data.download import Request
from vaelab.data.folders import split_folder

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm"}
DEEP = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")  # modes of gray images with more than 8 bits
BITS_PER_SAMPLE, PHOTOMETRIC, WHITE_IS_ZERO = 258, 262, 0  # tags of TIFF
FULL = 1 << 14  # 16-bit images that stay below use 14 bits or fewer: 10, 12 and 14 bits are usual


class ImageFiles(NamedTuple):
    """The image files of a folder or an archive.

    Args:
        names: Their names, sorted.
        read: Returns the bytes of the file of this name.
    """

    names: list[str]
    read: Callable[[str], bytes]


class Pixels(NamedTuple):
    """One image as uint8, [h, w] or [h, w, 3], and its largest value of 16 bits if it has so many."""

    values: NDArray[np.uint8]
    largest: int | None


def list_folder(folder: Path) -> ImageFiles:
    """List the image files of a folder and its sub-folders, also linked ones, without hidden ones."""
    names: list[str] = []

    def walk(inside: Path, parents: tuple[tuple[int, int], ...]) -> None:
        with reading(inside), os.scandir(inside) as entries:
            for entry in entries:
                path = inside / entry.name
                if entry.name.startswith("."):
                    continue
                if not entry.is_dir():
                    # A link to nowhere is listed, so that its reading fails with its name.
                    if not entry.is_file() and not entry.is_symlink():
                        continue
                    names.append(path.relative_to(folder).as_posix())
                elif (here := _identity(path)) not in parents:  # a link to a folder above it has no end
                    walk(path, (*parents, here))

    walk(folder, (_identity(folder),))
    return ImageFiles(_image_names(names), lambda name: (folder / name).read_bytes())


def _identity(folder: Path) -> tuple[int, int]:
    with reading(folder):
        status = folder.stat()
    return status.st_dev, status.st_ino


def list_zip(archive: Path) -> ImageFiles:
    """List the image files of a zip archive."""
    with reading(archive):
        content = zipfile.ZipFile(archive)
        return ImageFiles(_image_names(content.namelist()), content.read)


def list_tar(archive: Path) -> ImageFiles:
    """List the image files of an uncompressed tar archive."""
    with reading(archive), tarfile.open(archive, "r:") as content:
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

    Sub-folders named train and test, or their usual synonyms, are the splits, see
    `folders.split_folder`; otherwise the test set is a fixed tenth. Images are turned as EXIF says,
    transparent parts are white, of 16 bits the upper 8 are taken, floats are in [0, 1]. Files of
    several pages or frames are refused: save each page as a file of its own.
    """
    path, side = _parse_side(path)
    folder = user_path(path)
    if not path or not folder.is_dir():
        raise DataError(f"folder:{printable(path)} is not a folder; write folder:PATH with the path of your images.")
    files = list_folder(folder)
    with reading(folder), os.scandir(folder) as entries:
        folders = [entry.name for entry in entries if entry.is_dir()]
    indices, labels = split_folder(files.names, folders, request.split)
    indices = limit_indices(indices, request.limit)
    if not len(indices):
        raise DataError(
            f"{printable(folder)} holds {len(files.names)} images, none for split={request.split!r}; add some."
        )
    names = [files.names[i] for i in indices]
    images = decode(files, names, mode=None, crop=None, side=side, progress=request.progress)
    _, channels, height, width = images.shape
    entry = Entry(f"folder:{path}", (channels, height, width), len(names), 0, "your own", "your own images")
    return make_dataset(entry, request.split, folder, images, labels[indices])


def _parse_side(path: str) -> tuple[str, int | None]:
    base, at, side = path.rpartition("@")
    if not at or not (side.isascii() and side.isdigit()) or user_path(path).is_dir():
        return path, None
    if not 4 <= int(side[:9]) <= 1024:
        raise InvalidValue(f"the side in folder:PATH@SIDE must be from 4 to 1024, got {side:.20}.")
    return base, int(side)


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
        mode = "L" if all(_is_gray(files, name) for name in names) else "RGB"
    images = np.empty((0, 0, 0, 0), np.uint8)
    largest: int | None = None
    for i, name in enumerate(tqdm(names, unit="image", disable=not progress or sys.stderr is None, leave=False)):
        with reading(name):
            values, deep = _pixels(files, name, mode)
            pixels = _square(values, crop, side)
        if i == 0:
            images = np.empty((len(names), *pixels.shape), np.uint8)
        if pixels.shape != images.shape[1:]:
            (_, h0, w0), (_, h, w) = images.shape[1:], pixels.shape
            raise InvalidValue(
                f"images must have one size: {printable(names[0])} is {w0}x{h0}, {printable(name)} is {w}x{h}. "
                "Write folder:PATH@64 to crop a square from the center of each and scale it to 64x64."
            )
        images[i] = pixels
        if deep is not None:
            largest = max(largest or 0, deep)
    if largest is not None and 0 < largest < FULL:
        raise DataError(
            f"images with 16 bits must use them, got values up to {largest} of 65535, such as 12 bits stored in 16; "
            "scale them, or save them with 8 bits."
        )
    return images


def _open(files: ImageFiles, name: str) -> Image.Image:
    """Open an image that has one page; MPO adds previews and depths to a photograph."""
    image = Image.open(BytesIO(files.read(name)))
    pages = getattr(image, "n_frames", 1)
    if pages > 1 and image.format != "MPO":
        raise DataError(f"{printable(name)} has {pages} pages or frames; save each as a file of its own.")
    return image


def _is_gray(files: ImageFiles, name: str) -> bool:
    with reading(name):
        return _open(files, name).mode in ("1", "L", "LA", "La", *DEEP)


def _pixels(files: ImageFiles, name: str, mode: str) -> Pixels:
    """Decode one image as a viewer shows it."""
    image = _open(files, name)
    tags = getattr(image, "tag_v2", {})
    bits, inverted = int(tags.get(BITS_PER_SAMPLE, (8,))[0]), tags.get(PHOTOMETRIC) == WHITE_IS_ZERO
    # Pillow reads the upper bytes of colors with 16 bits.
    deep_color = image.mode not in DEEP and ";16" in "".join(str(tile[3]) for tile in getattr(image, "tile", ()))
    transparency = image.info.get("transparency")
    image = ImageOps.exif_transpose(image)
    if image.mode not in DEEP:
        values = _on_white(image, mode)
        return Pixels(values, int(values.max()) << 8 | 255 if deep_color else None)
    values, largest = _deep(np.asarray(image), image, name, bits)
    if inverted:
        values = 255 - values
    if isinstance(transparency, int):
        values = np.where(np.asarray(image) == transparency, np.uint8(255), values)
    return Pixels(np.asarray(Image.fromarray(values).convert(mode)), largest)


def _deep(array: NDArray, image: Image.Image, name: str, bits: int) -> tuple[NDArray[np.uint8], int | None]:
    """Gray values of more than 8 bits as 8 bits: floats in [0, 1], or the upper 8 of 16 or 12 bits."""
    low, high = array.min(), array.max()
    if image.mode == "F":
        if not (low >= 0 and high <= 1):
            got = f"{shortest(float(low))} to {shortest(float(high))}"
            raise DataError(f"{printable(name)} must have floats in [0, 1], got {got}; rescale it.")
        return np.rint(array * 255).astype(np.uint8), None
    if (image.mode == "I" and bits != 8) or not (low >= 0 and high < 1 << 16):
        raise DataError(
            f"{printable(name)} has signed integers or 32 bits, whose white is not defined; save it with 8 bits, or "
            "unsigned with 16."
        )
    if bits == 12:  # packed, so that all 12 are meant
        return (array >> 4).astype(np.uint8), None
    return (array >> 8).astype(np.uint8), int(high)


def _on_white(image: Image.Image, mode: str) -> NDArray[np.uint8]:
    """Convert to "L" or "RGB", with transparent parts on white."""
    if not image.has_transparency_data:
        return np.asarray(image.convert(mode))
    image = image.convert("LA" if mode == "L" else "RGBA")
    values = np.asarray(image).astype(np.uint16)
    values, alpha = values[..., :-1], values[..., -1:]
    blend = (values.astype(np.uint32) * alpha + 255 * (255 - alpha.astype(np.uint32)) + 127) // 255
    return blend.astype(np.uint8)[..., 0] if mode == "L" else blend.astype(np.uint8)


def _square(values: NDArray[np.uint8], crop: int | None, side: int | None) -> NDArray[np.uint8]:
    """Crop a square from the center and scale it, unless side is None: uint8 [c, h, w]."""
    if side is not None:
        image = Image.fromarray(values)
        edge = min(*image.size, crop or image.width)
        left, top = (image.width - edge) // 2, (image.height - edge) // 2
        square = image.crop((left, top, left + edge, top + edge))
        values = np.asarray(square.resize((side, side), Image.Resampling.LANCZOS))
    return values[None] if values.ndim == 2 else values.transpose(2, 0, 1)
