"""Atomic writes, checksums and the folders of vaelab."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vaelab._utils.errors import InvalidValue, StorageError
from vaelab._utils.reading import printable

REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
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
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces `path` on success, so that no reader sees half a file.

    Raises:
        StorageError: If the disk is full, read-only or not writable.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
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
    probe = folder / ".writable"
    try:
        with atomic_write(probe) as part:
            part.write_bytes(b"\0" * 4096)
        probe.unlink()
    except OSError as error:
        raise storage_error(folder, error.__cause__ if isinstance(error.__cause__, OSError) else error) from error


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
