"""Where the files of a data set lie on this machine, in the order of the search, and if they are intact."""

import gzip
import hashlib
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vaelab._utils.errors import DataError, InvalidType, StorageError
from vaelab._utils.files import cache_folder
from vaelab.data.catalogue import ENTRIES, Entry

Folder = Path | str | None


def user_folder(folder: Folder) -> Path | None:
    """The user's data folder: the argument, else VAELAB_DATA, else none.

    Raises InvalidType for something that is no path, and StorageError for a folder that does not exist.
    """
    if folder is not None and not isinstance(folder, str | Path):
        raise InvalidType(f"folder={folder!r} is not a path; give a string or a pathlib.Path.")
    named = folder or os.environ.get("VAELAB_DATA")
    if not named:
        return None
    path = Path(named).expanduser()
    if not path.is_dir():
        which = "folder" if folder else "VAELAB_DATA"
        raise StorageError(f"{which}={str(named)!r} is not a folder; create it or name another one.")
    return path


def cache(entry: Entry) -> Path:
    """Where the downloads of a data set are kept."""
    return cache_folder() / "datasets" / entry.name


def users_places(entry: Entry, folder: Folder) -> list[Path]:
    """The folders of the user's that may hold a data set, also as other tools leave them."""
    user = user_folder(folder)
    return [] if user is None else [*(user / name for name in (entry.name, *entry.folders)), user]


def places(entry: Entry, folder: Folder) -> list[Path]:
    """Every folder that may hold a data set, in the order of the search."""
    return [*users_places(entry, folder), cache(entry), *([Path(entry.system)] if entry.system else [])]


def copies(entry: Entry, name: str, folders: list[Path]) -> Iterator[Path]:
    """Every copy of a file of a data set, raw or gzipped, in some folders.

    MNIST and Fashion-MNIST share their file names: a copy that is the other's is passed over.
    """
    others = {other.files[name] for other in ENTRIES.values() if other != entry and name in other.files}
    for folder in folders:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file() and not (others and content_sum(path, min(others)) in others):
                yield path


def locate(entry: Entry, name: str, folder: Folder) -> Path | None:
    """The first copy of a file, found intact; None where there is no copy.

    Raises DataError, naming the file and the remedy, when the first copy is altered or cut short.
    """
    for path in copies(entry, name, places(entry, folder)):
        if content_sum(path, entry.files[name]) == entry.files[name]:
            return path
        raise altered(entry, path)
    return None


def altered(entry: Entry, path: Path) -> DataError:
    """The sentence for a file whose content is not what it should be."""
    remedy = (
        f"`vaelab data get {entry.name}` fetches it anew"
        if path.is_relative_to(cache(entry)) and entry.name in ENTRIES
        else "replace it by a whole copy or remove it"
    )
    return DataError(f"{path} is altered or cut short (its checksum is not that of {entry.name}): {remedy}.")


def content_sum(path: Path, like: str) -> str:
    """The checksum of a file's content after gunzip, in the manner of `like`; empty for a damaged gzip."""
    try:
        return _sum(path, like, gzip.open if path.suffix == ".gz" else open)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return ""


def file_sum(path: Path, like: str) -> str:
    """The checksum of a file as it is, in the manner ("sha256:" or "md5:") of `like`."""
    return _sum(path, like, open)


def _sum(path: Path, like: str, opened: Callable[[Path, str], Any]) -> str:
    method = like.partition(":")[0]
    digest = hashlib.new(method, usedforsecurity=False)
    try:
        with opened(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except gzip.BadGzipFile:
        raise
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}.") from error
    return f"{method}:{digest.hexdigest()}"
