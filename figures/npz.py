"""The numbers of a figure as a file, from which it is drawn.

Their checksum covers names, types, shapes and values, not how the file is compressed.
"""

import hashlib
from pathlib import Path

import numpy as np

from vaelab._utils.errors import DataError
from vaelab.runs.store import Numbers, load_arrays, save_arrays


def path_of(out: Path, id: str) -> Path:
    """Return the file of a figure's numbers in a folder of figures."""
    return out / "numbers" / f"{id}.npz"


def checksum(numbers: Numbers) -> str:
    """Return the sha256 of named arrays, in hexadecimal."""
    digest = hashlib.sha256()
    for name, array in sorted(numbers.items()):
        digest.update(repr((name, array.dtype.str, array.shape)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def write(out: Path, id: str, numbers: Numbers) -> Path:
    """Write numbers atomically, unless the file has them already.

    Raises:
        StorageError: If the folder cannot be written.
    """
    path = path_of(out, id)
    present = load_arrays(path)
    if present is None or checksum(present) != checksum(numbers):
        save_arrays(path, numbers)
    return path


def read(out: Path, id: str, expected: str) -> Numbers:
    """Read the numbers of a figure.

    Raises:
        DataError: If they are missing, damaged, or have another checksum.
    """
    path = path_of(out, id)
    if not path.is_file():
        raise DataError(f"{path} is missing; restore it with git.")
    numbers = load_arrays(path)
    if numbers is None:
        raise DataError(f"{path} cannot be read; restore it with git.")
    if checksum(numbers) != expected:
        raise DataError(f"{path} was changed since it was written; restore it with git.")
    return numbers
