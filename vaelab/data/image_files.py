"""Image files to arrays: from a folder, a zip or a tar; CelebA, Chairs, your own folder."""

import io
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from vaelab._utils.errors import DataError, InvalidValue
from vaelab.data.catalogue import Entry
from vaelab.data.dataset import Dataset, assembled, held_out, thinned
from vaelab.data.formats import Labels
from vaelab.data.locate import places
from vaelab.data.sources import Wanted, ready

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm"}

DEEP = ("I", "I;16", "I;16B")  # gray of 16 bits


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

    mode: "L" for gray, "RGB" for color, None for gray if every one of them is gray.
    crop: the side of the square cut from the center (None: the largest).
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
        "Write folder:PATH@64 to cut a square from the center of each and scale it to 64x64."
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
    """A square about the center, no larger than the picture."""
    edge = min(*image.size, crop or image.width)
    left, top = (image.width - edge) // 2, (image.height - edge) // 2
    return image.crop((left, top, left + edge, top + edge))


SIDE = 64
FACE = 148  # the square cut from the center of a 178x218 portrait, as most papers do
CHAIR = 400  # the square cut from the center of a 600x600 view: the rest is white
LAST_TRAIN, FIRST_TEST = 162_770, 182_638  # numbers of the portraits in the official partition


def celeba(entry: Entry, wanted: Wanted) -> Dataset:
    """CelebA faces without labels, cut about the center, scaled to 64x64, in the official partition."""
    origin, pictures = _album(entry, in_zip, wanted)
    chosen = thinned(_partition(entry, pictures, wanted), wanted.limit)
    names = [pictures.names[i] for i in chosen]
    images = decode(pictures, names, mode="RGB", crop=FACE, side=SIDE, progress=wanted.progress)
    return assembled(entry, wanted.split, origin, images, np.zeros(len(names)))


def _partition(entry: Entry, pictures: Pictures, wanted: Wanted) -> Labels:
    """Indices of a split: by list_eval_partition.txt where it is, else by the numbers, which say the same."""
    parts = {"train": 0, "test": 2}
    numbers = [_number(name) for name in pictures.names]
    part = {n: 0 if n <= LAST_TRAIN else 2 if n >= FIRST_TEST else 1 for n in numbers}
    for place in places(entry, wanted.folder):
        if (table := place / "list_eval_partition.txt").is_file():
            rows = (line.split() for line in table.read_text().splitlines() if line.strip())
            part |= {_number(name): int(code) for name, code in rows}
            break
    keep = [wanted.split == "all" or part[n] == parts[wanted.split] for n in numbers]
    if not any(keep):
        raise DataError(f"none of the {len(numbers)} pictures of {entry.name} is in its {wanted.split} split.")
    return np.flatnonzero(keep)


def _number(name: str) -> int:
    return int("".join(filter(str.isdigit, Path(name).stem)) or 0)


def chairs(entry: Entry, wanted: Wanted) -> Dataset:
    """Rendered chairs in gray, cut about the center, then scaled to 64x64; the label counts the chairs.

    The order matters: to scale first and to drop the crop, as published code does, makes smaller chairs.
    """
    origin, pictures = _album(entry, in_tar, wanted)
    views = [name for name in pictures.names if "/renders/" in f"/{name}"] or pictures.names
    _, labels = np.unique([name.split("/renders/")[0] for name in views], return_inverse=True)
    chosen = thinned(held_out(len(views), wanted.split), wanted.limit)
    names = [views[i] for i in chosen]
    images = decode(pictures, names, mode="L", crop=CHAIR, side=SIDE, progress=wanted.progress)
    return assembled(entry, wanted.split, origin, images, labels[chosen])


def _album(entry: Entry, opened: Callable[[Path], Pictures], wanted: Wanted) -> tuple[Path, Pictures]:
    """The pictures of a data set, from a folder that somebody unpacked or from its archive."""
    for place in places(entry, wanted.folder):
        if (folder := place / entry.unpacked).is_dir() and (pictures := in_folder(folder)).names:
            return folder, pictures
    (archive,) = ready(entry, entry.files, wanted)
    return archive, opened(archive)


def own_folder(path: str, wanted: Wanted) -> Dataset:
    """A user's pictures from `PATH`, or from `PATH@64` to cut and scale them; sub-folders are classes.

    Sub-folders named train and test are the splits; otherwise a tenth, drawn once for all, is the test set.

    Raises DataError for no pictures or a damaged one, InvalidValue for pictures of several sizes.
    """
    path, side = _side(path)
    folder = Path(path).expanduser()
    if not path or not folder.is_dir():
        raise DataError(f"folder:{path} is not a folder; write folder:PATH with the path of your pictures.")
    pictures = in_folder(folder)
    places, labels = _own_split(pictures.names, wanted.split)
    chosen = thinned(places, wanted.limit)
    if not len(chosen):
        count = len(pictures.names)
        raise DataError(f"{folder} holds {count} pictures, none for split={wanted.split!r}: add some.")
    names = [pictures.names[i] for i in chosen]
    images = decode(pictures, names, mode=None, crop=None, side=side, progress=wanted.progress)
    _, channels, height, width = images.shape
    own = Entry(f"folder:{path}", (channels, height, width), len(names), 0, "your own", "your own pictures")
    return assembled(own, wanted.split, folder, images, labels[chosen])


def _own_split(names: list[str], split: str) -> tuple[Labels, Labels]:
    """Indices of a split, and the class of every picture by its sub-folder, counted over both splits."""
    paths = [PurePosixPath(name) for name in names]
    apart = {"train", "test"} <= {path.parts[0] for path in paths if len(path.parts) > 1}
    classes = [path.parent.parts[1 if apart else 0 :] for path in paths]
    number = {name: i for i, name in enumerate(sorted(set(classes)))}
    labels = np.array([number[name] for name in classes], np.int64)
    if not apart:
        return held_out(len(names), split), labels
    wanted = ("train", "test") if split == "all" else (split,)
    return np.flatnonzero([path.parts[0] in wanted for path in paths]), labels


def _side(path: str) -> tuple[str, int | None]:
    base, at, side = path.rpartition("@")
    if not at or not side.isdigit():
        return path, None
    if not 4 <= int(side) <= 1024:
        raise InvalidValue(f"folder:{path} asks for pictures of side {side}; give one from 4 to 1024.")
    return base, int(side)
