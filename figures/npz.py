"""The numbers of a figure as a file: what its drawing, its table and its alternative text read."""

import zipfile
from pathlib import Path

import numpy as np

from vaelab._utils.errors import DataError
from vaelab._utils.files import replacing, sha256
from vaelab.runs.store import Numbers


def path_of(out: Path, id: str) -> Path:
    """The file of a figure's numbers in a folder of figures."""
    return out / "numbers" / f"{id}.npz"


def write(out: Path, id: str, numbers: Numbers) -> Path:
    """Write the numbers whole or not at all; equal numbers give equal bytes.  Raises StorageError."""
    path = path_of(out, id)
    with replacing(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **numbers)  # type: ignore[arg-type]
    return path


def read(out: Path, id: str, checksum: str) -> Numbers:
    """Read the numbers of a figure.

    Raises:
        DataError: If they are missing, damaged, or not those of this checksum.
    """
    path = path_of(out, id)
    if not path.is_file():
        raise DataError(f"{path} is missing; restore it with git, or compute it with `vaelab figures make {id}`.")
    if sha256(path) != checksum:
        raise DataError(f"{path} was changed since it was written; restore it with git.")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read ({error}); restore it with git.") from error


def checksum(path: Path) -> str:
    """The sha256 of a file of numbers."""
    return sha256(path)
