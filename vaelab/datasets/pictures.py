"""Picture files to arrays: from a folder, a zip or a tar, of one size, or cut and scaled to one."""

import io
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from vaelab.errors import DataError, InvalidValue

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm"}

DEEP = ("I", "I;16", "I;16B")  # grey of 16 bits


class Pictures(NamedTuple):
    """Names of pictures, sorted, and a way to read the bytes of one."""

    names: list[str]
    read: Callable[[str], bytes]


def in_folder(folder: Path) -> Pictures:
    """The pictures of a folder and its sub-folders; hidden ones are left out."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    names = sorted(path.as_posix() for path in paths if not any(part[0] == "." for part in path.parts))
    return Pictures(names, lambda name: (folder / name).read_bytes())


def in_zip(archive: Path) -> Pictures:
    """The pictures of a zip archive."""
    content = zipfile.ZipFile(archive)
    return Pictures(_pictures(content.namelist()), content.read)


def in_tar(archive: Path) -> Pictures:
    """The pictures of an uncompressed tar archive."""
    with tarfile.open(archive, "r:") as content:
        members = {member.name: member for member in content if member.isfile()}

    def read(name: str) -> bytes:
        with archive.open("rb") as file:
            file.seek(members[name].offset_data)
            return file.read(members[name].size)

    return Pictures(_pictures(list(members)), read)


def _pictures(names: Sequence[str]) -> list[str]:
    return sorted(name for name in names if Path(name).suffix.lower() in SUFFIXES and "__MACOSX" not in name)


def decode(
    pictures: Pictures,
    names: Sequence[str],
    *,
    mode: str | None,
    crop: int | None,
    side: int | None,
    progress: bool,
) -> NDArray[np.uint8]:
    """Read the named pictures as uint8 [n, c, h, w].

    mode: "L" for grey, "RGB" for colour, None for grey if every one of them is grey.
    crop: the side of the square cut from the centre (None: the largest).
    side: the side to which it is scaled (None: neither cut nor scaled).

    Raises DataError for no pictures or, naming it, a damaged one; InvalidValue for pictures of several sizes.
    """
    if not names:
        raise DataError("no pictures were found: give a folder that holds some, as png, jpg or the like.")
    if mode is None:
        mode = "L" if all(_is_grey(_opened(pictures, name)) for name in names) else "RGB"
    first = _pixels(_opened(pictures, names[0]), names[0], mode, crop, side)
    images = np.empty((len(names), *first.shape), np.uint8)
    for i, name in enumerate(tqdm(names, unit="picture", disable=not progress, leave=False)):
        pixels = _pixels(_opened(pictures, name), name, mode, crop, side)
        if pixels.shape != first.shape:
            raise _sizes_differ(names[0], first, name, pixels)
        images[i] = pixels
    return images


def _sizes_differ(one: str, first: NDArray[np.uint8], other: str, pixels: NDArray[np.uint8]) -> InvalidValue:
    (_, h0, w0), (_, h, w) = first.shape, pixels.shape
    return InvalidValue(
        f"the pictures differ in size: {one} is {w0}x{h0}, {other} is {w}x{h}. "
        "Write folder:PATH@64 to cut a square from the centre of each and scale it to 64x64."
    )


def _opened(pictures: Pictures, name: str) -> Image.Image:
    try:
        return Image.open(io.BytesIO(pictures.read(name)))
    except OSError as error:
        raise DataError(f"{name} is not a picture that can be read ({error}): replace or remove it.") from error


def _is_grey(image: Image.Image) -> bool:
    return image.mode in ("1", "L", "LA", *DEEP)


def _pixels(image: Image.Image, name: str, mode: str, crop: int | None, side: int | None) -> NDArray[np.uint8]:
    """One picture as uint8 [c, h, w]."""
    try:
        if image.mode in DEEP:  # Pillow would clip at 255
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        image = image.convert(mode)
    except OSError as error:
        raise DataError(f"{name} is cut short or damaged ({error}): replace or remove it.") from error
    if side is not None:
        image = _square(image, crop).resize((side, side), Image.Resampling.LANCZOS)
    pixels = np.asarray(image)
    return pixels[None] if mode == "L" else pixels.transpose(2, 0, 1)


def _square(image: Image.Image, crop: int | None) -> Image.Image:
    """A square about the centre, no larger than the picture."""
    edge = min(*image.size, crop or image.width)
    left, top = (image.width - edge) // 2, (image.height - edge) // 2
    return image.crop((left, top, left + edge, top + edge))
