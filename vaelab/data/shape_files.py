"""Point clouds from files of shapes: those of ModelNet in an archive or a folder, those of ShapeNet in a folder.

Clouds are drawn from a mesh by area, with a seed that its name gives, and moved into the unit ball.
"""

import json
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from vaelab._utils.errors import DataError
from vaelab._utils.reading import printable, reading
from vaelab.data.clouds import unit_ball
from vaelab.data.dataset import split_indices, stratified_indices
from vaelab.data.meshes import Floats, Ints, draw_points, parse_obj, parse_off

PARSERS = {".off": parse_off, ".obj": parse_obj}
TEXTS = (".txt", ".pts", ".xyz")  # a point a line, its coordinates first
SYNSET = 8  # digits of the name of a class of ShapeNet


class ShapeFiles(NamedTuple):
    """The files of a folder or an archive.

    Args:
        names: Their names, with folders, sorted.
        read: Returns the bytes of the file of this name.
    """

    names: list[str]
    read: Callable[[str], bytes]


class Clouds(NamedTuple):
    """Point clouds with the numbers of their classes.

    Args:
        clouds: float32 [n, points, 3].
        labels: int64 [n].
    """

    clouds: NDArray[np.float32]
    labels: Ints


def open_shapes(path: Path, suffixes: Sequence[str]) -> ShapeFiles:
    """List the files of a folder or of a zip archive, without hidden ones.

    Raises:
        DataError: If the archive is damaged, or names a file outside of itself.
    """
    if path.is_dir():
        with reading(path):
            found = [file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()]
        return ShapeFiles(_shapes(found, suffixes), lambda name: (path / name).read_bytes())
    with reading(path):
        archive = zipfile.ZipFile(path)
    for name in archive.namelist():
        if ".." in PurePosixPath(name.replace("\\", "/")).parts or name.startswith(("/", "\\")) or ":" in name:
            raise DataError(f"{path} names a file outside of itself, {printable(name)!r}: replace it.")
    return ShapeFiles(_shapes(archive.namelist(), suffixes), archive.read)


def _shapes(names: Iterable[str], suffixes: Sequence[str]) -> list[str]:
    paths = [(name, PurePosixPath(name)) for name in names]
    hidden = ("__MACOSX", ".")
    return sorted(
        name
        for name, path in paths
        if path.suffix.lower() in suffixes and not any(p.startswith(hidden) for p in path.parts)
    )


def modelnet(path: Path, split: str, points: int, limit: int | None, progress: bool) -> Clouds:
    """Read the clouds of a split of ModelNet, whose files are CLASS/SPLIT/NAME.off."""
    files = open_shapes(path, (".off",))
    known = [name for name in files.names if len(name.split("/")) >= 3]
    classes, labels = np.unique([name.split("/")[-3] for name in known], return_inverse=True)
    chosen = np.array([i for i, name in enumerate(known) if name.split("/")[-2] == split], np.int64)
    if not len(chosen) or len(classes) < 1:
        raise DataError(f"{path} has no files CLASS/{split}/NAME.off, as ModelNet does.")
    return _read_some(path, files, known, labels, chosen, points, limit, progress)


def shapenet(path: Path, split: str, points: int, limit: int | None, progress: bool) -> Clouds:
    """Read the clouds of a split of ShapeNet, whose files are in folders named by the number of a class.

    The second axis of its shapes points up; that of the clouds is the third, as of the other sets.
    """
    files = open_shapes(path, (*PARSERS, *TEXTS))
    known = [name for name in files.names if is_synset(name.split("/")[0]) and "/" in name]
    if not known:
        raise DataError(f"{path} has no shapes in folders named by the eight digits of a class of ShapeNet.")
    _, labels = np.unique([name.split("/")[0] for name in known], return_inverse=True)
    chosen = _shapenet_split(path, known, split)
    result = _read_some(path, files, known, labels, chosen, points, limit, progress)
    return result._replace(clouds=result.clouds[..., [0, 2, 1]] * np.array([1, -1, 1], np.float32))


def is_synset(name: str) -> bool:
    """Return whether this is the name of a folder of ShapeNet."""
    return len(name) == SYNSET and name.isascii() and name.isdigit()


def _shapenet_split(path: Path, names: list[str], split: str) -> Ints:
    """Return the indices of a split, by the lists that come with the clouds, else by our own tenth."""
    lists = {part: path / "train_test_split" / f"shuffled_{part}_file_list.json" for part in ("train", "val", "test")}
    if split == "all" or not all(file.is_file() for file in lists.values()):
        return split_indices(len(names), split)
    wanted: set[str] = set()
    for part in ("test",) if split == "test" else ("train", "val"):
        with reading(lists[part]):
            wanted |= {"/".join(entry.split("/")[-2:]) for entry in json.loads(lists[part].read_text("utf-8"))}
    chosen = [i for i, name in enumerate(names) if f"{name.split('/')[0]}/{PurePosixPath(name).stem}" in wanted]
    if not chosen:
        raise DataError(f"none of the {len(names)} shapes of {path} is in its {split} split.")
    return np.array(chosen, np.int64)


def _read_some(
    path: Path,
    files: ShapeFiles,
    names: list[str],
    labels: Ints,
    chosen: Ints,
    points: int,
    limit: int | None,
    progress: bool,
) -> Clouds:
    if limit is not None and limit < len(chosen):
        chosen = chosen[stratified_indices(labels[chosen], limit)]
    clouds = np.empty((len(chosen), points, 3), np.float32)
    for row, i in enumerate(tqdm(chosen, unit=" shapes", disable=not progress)):
        with reading(f"{path}: {names[i]}"):
            clouds[row] = unit_ball(_cloud(names[i], files.read(names[i]), points))
    return Clouds(clouds, labels[chosen].astype(np.int64))


def _cloud(name: str, content: bytes, points: int) -> Floats:
    """Return points [points, 3] of a file, the same at each reading."""
    # A crc, because the name's own hash differs from process to process.
    random = np.random.RandomState(zlib.crc32(PurePosixPath(name).name.encode()))
    text, suffix = content.decode("utf-8", "replace"), PurePosixPath(name).suffix.lower()
    if suffix in PARSERS:
        return draw_points(PARSERS[suffix](text), points, random)
    cloud = np.array([line.split()[:3] for line in text.splitlines() if line.strip()], np.float64)
    if cloud.ndim != 2 or cloud.shape[1] != 3 or not np.isfinite(cloud).all():
        raise ValueError("it must have three finite coordinates in each line")
    if len(cloud) < points:
        raise ValueError(f"it must have at least {points} points, but has {len(cloud)}")
    return cloud[np.sort(random.permutation(len(cloud))[:points])]
