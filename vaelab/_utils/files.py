"""Atomic writes, checksums and the folders of vaelab."""

import errno
import hashlib
import os
import platform
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vaelab._utils.errors import InvalidValue, StorageError, UserError
from vaelab._utils.reading import printable

REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EFBIG: "the file would exceed the size limit of this process; raise the limit (ulimit -f)",
    errno.EDQUOT: "your disk quota is used up; free some space or choose another folder",
    errno.EROFS: "the folder is read-only; choose another folder",
    errno.EACCES: "you have no permission to write there; choose another folder",
    errno.EPERM: "you have no permission to write there; choose another folder",
    errno.ENOTDIR: "a part of that path is a file, not a folder; choose another folder",
    errno.EEXIST: "a file is where a folder is needed; choose another folder",
    errno.ENOENT: "that folder does not exist; choose another folder",
}


def user_path(path: Path | str) -> Path:
    """Return a path of the user's with ~ replaced, if the operating system can have such a path.

    Raises:
        InvalidValue: For ~NAME without such a user, a name that is too long, or a zero byte.

    Example:
        >>> user_path("/data/images")
        PosixPath('/data/images')
    """
    try:
        result = Path(path).expanduser()
        result.stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):  # who reads or writes says so
        return result
    except (OSError, RuntimeError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or " ".join(str(error).split())
        raise InvalidValue(f"path must be a path of this system, got {printable(path):.80} ({reason}).") from error
    return result


def storage_error(path: Path, error: OSError) -> StorageError:
    """Return the error for an operating-system error on a path: what failed, and what to do."""
    remedy = REMEDIES.get(error.errno or 0, f"{error.strerror or error}; choose another folder")
    how = " by setting VAELAB_CACHE" if path.is_relative_to(cache_folder()) else ""
    return StorageError(f"cannot write {path}: {remedy}{how}.")


@contextmanager
def atomic_write(path: Path, *, follow: bool = True) -> Iterator[Path]:
    """Yield a temporary path that replaces `path` on success, so that no reader sees half a file.

    What killed processes of this machine have left in the folder is removed.

    Args:
        path: The file.
        follow: Write the target of a symbolic link, or else replace the link.

    Raises:
        StorageError: If the disk is full, read-only or not writable.
    """
    path = Path(path)
    if follow and path.is_symlink():
        path = Path(os.path.realpath(path))
    part = path.with_name(f".{path.name[:60]}.{own_suffix()}-{threading.get_ident()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent)
        yield part
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(path)
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise storage_error(path, error) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def require_writable(folder: Path) -> None:
    """Raise `StorageError` now rather than after minutes of work whose result cannot be saved."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0" * 4096)
    except OSError as error:
        raise storage_error(folder, error) from error


def own_suffix() -> str:
    """Return what marks a temporary name as that of this process: HOST-PID."""
    return f"{re.sub('[^A-Za-z0-9]', '', platform.node())[:40]}-{os.getpid()}"


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files and folders of processes of this machine that have died."""
    host, pid = own_suffix().split("-")
    marked = re.compile(rf"\..*\.{host}-([0-9]+)-[^.]*\.part")
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = marked.fullmatch(entry.name)
            if match and match[1] != pid and not _is_alive(int(match[1])):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    Path(entry.path).unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # of another user
        return True
    return True


@contextmanager
def lock(path: Path, *, wait: bool) -> Iterator[None]:
    """Hold a lock file, which names its holder; a killed process holds nothing.

    File systems without locks, and Windows, are not locked.

    Args:
        path: The lock file, removed at the end.
        wait: Wait for the holder, instead of refusing.

    Raises:
        InvalidValue: If another process or thread holds it, with its name.
        StorageError: If the folder cannot be written.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    created = not path.parent.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            file = path.open("a+", encoding="utf-8")
            try:
                fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                with file:
                    file.seek(0)
                    holder = printable(file.read(200).strip()) or "another process"
                raise InvalidValue(
                    f"folder must not be in use, got {path.parent}, in use by {holder}; wait or choose another folder."
                ) from None
            except OSError:  # not supported here
                break
            with suppress(FileNotFoundError):
                if os.fstat(file.fileno()).st_ino == path.stat().st_ino:
                    break
            file.close()  # the previous holder has removed it
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()} since {time.strftime('%Y-%m-%d %H:%M:%S')}")
        file.flush()
    except UserError:
        raise
    except OSError as error:
        raise storage_error(path.parent, error) from error
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()
            if created:
                path.parent.rmdir()  # if nothing was written there
        file.close()


def sha256(path: Path) -> str:
    """Return the sha256 of a file in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(text: str) -> str:
    """Return the sha256 of a text in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def repository() -> Path | None:
    """Return the checkout that this package runs from, or None for an installed wheel."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "pyproject.toml").is_file() and (root / "data").is_dir() else None


def cache_folder() -> Path:
    """Return VAELAB_CACHE, else data/cache of the checkout, else the user's cache folder."""
    if path := os.environ.get("VAELAB_CACHE"):
        return Path(path).expanduser()
    if (root := repository()) is not None:
        return root / "data" / "cache"
    import pooch

    return Path(pooch.os_cache("vaelab"))
