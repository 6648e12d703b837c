"""Data sets that are heaps of pictures: CelebA, Chairs, and a user's own folder."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np

from vaelab.datasets.catalogue import Entry
from vaelab.datasets.dataset import Dataset, assembled, held_out, thinned
from vaelab.datasets.pictures import Pictures, decode, in_folder, in_tar, in_zip
from vaelab.datasets.readers import Labels
from vaelab.datasets.search import places
from vaelab.datasets.sources import Wanted, ready
from vaelab.errors import DataError, InvalidValue

SIDE = 64
FACE = 148  # the square cut from the centre of a 178x218 portrait, as most papers do
CHAIR = 400  # the square cut from the centre of a 600x600 view: the rest is white
LAST_TRAIN, FIRST_TEST = 162_770, 182_638  # numbers of the portraits in the official partition


def celeba(entry: Entry, wanted: Wanted) -> Dataset:
    """CelebA faces without labels, cut about the centre, scaled to 64x64, in the official partition."""
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
    """Rendered chairs in grey, cut about the centre, then scaled to 64x64; the label counts the chairs.

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
