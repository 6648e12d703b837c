"""Files made ready: found intact on this machine, taken from an archive of the user's, or fetched."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from vaelab._utils.errors import DataError
from vaelab.data.catalogue import Entry
from vaelab.data.download import fetch, unpack
from vaelab.data.locate import Folder, altered, cache, copies, file_sum, locate, places


class Wanted(NamedTuple):
    """What the caller of `load` asked for."""

    split: str = "train"
    folder: Folder = None
    limit: int | None = None
    progress: bool = True


def ready(entry: Entry, names: Iterable[str], wanted: Wanted) -> list[Path]:
    """Intact copies of the named files, fetched into the cache if need be.

    Raises DataError for an altered copy or data that cannot be had, StorageError for an unwritable cache.
    """
    names = list(names)
    found = present(entry, names, wanted.folder)
    if found is None:
        if entry.on_request:
            raise DataError(missing(entry))
        fetch(entry, cache(entry), wanted.progress)
        found = present(entry, names, wanted.folder)
    if found is None:
        raise DataError(f"{entry.name} was fetched, but its files have gone from {cache(entry)}: try again.")
    return found


def present(entry: Entry, names: list[str], folder: Folder) -> list[Path] | None:
    """Intact copies of the named files on this machine, or None unless all are here."""
    found = _located(entry, names, folder)
    if found is None and (archive := users_archive(entry, folder)):
        unpack(entry, archive, cache(entry))
        found = _located(entry, names, folder)
    return found


def _located(entry: Entry, names: list[str], folder: Folder) -> list[Path] | None:
    found = [path for name in names if (path := locate(entry, name, folder))]
    return found if len(found) == len(names) else None


def users_archive(entry: Entry, folder: Folder) -> Path | None:
    """An archive that the user downloaded, whole as the mirrors offer it."""
    for name, checksum in entry.downloads.items():
        if name.endswith(".tar.gz"):
            for path in copies(entry, name, places(entry, folder)):
                if file_sum(path, checksum) != checksum:
                    raise altered(entry, path)
                return path
    return None


def missing(entry: Entry) -> str:
    """The sentence for data that is fetched on request only."""
    size = f"{entry.megabytes:,} MB" if entry.megabytes else "large"
    return (
        f"{entry.name} is not here: put {', '.join(entry.files)}, or what it unpacks to, into a folder and "
        f"name that with folder= or VAELAB_DATA, or run `vaelab data get {entry.name}` "
        f"({size}; license: {entry.license})."
    )
