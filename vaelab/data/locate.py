"""Find the files of a data set on this machine, and check that they are intact."""

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

from vaelab._utils.errors import DataError, InvalidType, StorageError
from vaelab._utils.files import cache_folder, user_path
from vaelab._utils.reading import reading
from vaelab.data.catalogue import ENTRIES, Entry

DataFolder = Path | str | None


def cache(entry: Entry) -> Path:
    """Return the folder for the downloads of a data set."""
    return cache_folder() / "datasets" / entry.name


def search_folders(entry: Entry, folder: DataFolder) -> list[Path]:
    """List the folders to search: the user's (VAELAB_DATA if None), the cache, the system's."""
    user = _user_folder(folder)
    mine = [] if user is None else [*(user / name for name in (entry.name, *entry.folders)), user]
    mine += [] if user is None else [user / Path(name).name for name in entry.folders if "/" in name]
    return [*mine, cache(entry), *([Path(entry.system)] if entry.system else [])]


def _user_folder(folder: DataFolder) -> Path | None:
    if folder is not None and not isinstance(folder, str | Path):
        raise InvalidType(f"folder must be a path, got {folder!r}.")
    if not (name := folder or os.environ.get("VAELAB_DATA")):
        return None
    path = user_path(name)
    if not path.is_dir():
        raise StorageError(f"{'folder' if folder else 'VAELAB_DATA'} must be an existing folder, got {str(name)!r}.")
    return path


def copies(entry: Entry, name: str, folders: list[Path]) -> Iterator[Path]:
    """Yield every copy of a file of a data set, raw or gzipped, also under its other usual names."""
    # MNIST and Fashion-MNIST share their file names: skip a file that is intact, but the other's.
    others = {other.files[name] for other in ENTRIES.values() if other != entry and name in other.files}
    for folder in folders:
        for path in _named_like(folder, name):
            if not (others and checksum(path, min(others)) in others):
                yield path


def _named_like(folder: Path, name: str) -> list[Path]:
    """List the files of a folder named NAME or NAME.gz in any letter case; MNIST also with .idx3.

    An archive that was unpacked into a folder of its own name counts as well.
    """
    wanted = [_plain_name(name), _plain_name(f"{name}.gz")]
    with reading(folder):
        if not folder.is_dir():
            return []
        similar = [path for path in folder.iterdir() if _plain_name(path.name) in wanted]
        files = [path / path.name if path.is_dir() else path for path in similar]
        return sorted((path for path in files if path.is_file()), key=lambda path: wanted.index(_plain_name(path.name)))


def _plain_name(name: str) -> str:
    return name.lower().replace(".idx", "-idx")


def locate(entry: Entry, name: str, folder: DataFolder) -> Path | None:
    """Return the first copy of a file, or None; raise `DataError` if that copy is altered."""
    for path in copies(entry, name, search_folders(entry, folder)):
        if checksum(path, entry.files[name]) == entry.files[name]:
            return path
        raise altered(entry, path)
    return None


def locate_archive(entry: Entry, folder: DataFolder) -> Path | None:
    """Return an archive that the user downloaded, or None; raise `DataError` if it is altered."""
    for name, expected in entry.downloads.items():
        if name.endswith(".tar.gz"):
            for path in copies(entry, name, search_folders(entry, folder)):
                if checksum(path, expected, gunzip=False) != expected:
                    raise altered(entry, path)
                return path
    return None


def altered(entry: Entry, path: Path) -> DataError:
    """Return the error for a file whose content differs from the catalogue's checksum."""
    cached = path.is_relative_to(cache(entry)) and entry.name in ENTRIES
    remedy = f"run `vaelab data get {entry.name}`" if cached else "replace or remove it"
    return DataError(f"{path} is altered or truncated (its checksum is not that of {entry.name}): {remedy}.")


def checksum(path: Path, like: str, *, gunzip: bool = True) -> str:
    """Compute the checksum of a file by the method of another one, "sha256:..." or "md5:...".

    Of a .gz file it is that of the decompressed content, unless gunzip=False, and empty if damaged.
    """
    method = like.partition(":")[0]
    open_file = gzip.open if gunzip and path.suffix.lower() == ".gz" else open
    try:
        with open_file(path, "rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.new(method, usedforsecurity=False))
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return ""
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}.") from error
    return f"{method}:{digest.hexdigest()}"
