"""From the formats of the data sets to arrays. Nothing is ever unpickled."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Labels = NDArray[np.int64]


class Labeled(NamedTuple):
    """images uint8 [n, c, h, w] and labels int64 [n]."""

    images: Bytes
    labels: Labels


def idx(content: bytes) -> Bytes:
    """Bytes in the idx format of MNIST: two zeros, type 8, the number of axes, their lengths, the data.

    Raises ValueError when the content is something else, or cut short.
    """
    axes = content[3] if len(content) > 3 else 0
    if content[:3] != b"\0\0\x08" or len(content) < 4 + 4 * axes:
        raise ValueError("not an idx file of bytes")
    shape = np.frombuffer(content, ">u4", axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(tuple(shape))


def cifar(content: bytes) -> Labeled:
    """Records of the binary CIFAR-10 archive: one byte of label, then 3 x 32 x 32 bytes of color planes."""
    records = np.frombuffer(content, np.uint8).reshape(-1, 1 + 3 * 32 * 32)
    return Labeled(records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].astype(np.int64))


def omniglot(archive: Path) -> Labeled:
    """Drawings 28x28, ink high, area-averaged from 105x105; labels count the characters in order of name."""
    from PIL import Image

    with zipfile.ZipFile(archive) as content:
        names = sorted(name for name in content.namelist() if name.endswith(".png"))
        images = np.empty((len(names), 1, 28, 28), np.uint8)
        for i, name in enumerate(names):
            with content.open(name) as file, Image.open(file) as png:
                images[i, 0] = 255 - np.asarray(png.convert("L").resize((28, 28), Image.Resampling.BOX))
    _, labels = np.unique([name.rsplit("/", 1)[0] for name in names], return_inverse=True)
    return Labeled(images, labels.astype(np.int64))


def npy_rows(file: IO[bytes], rows: Labels, block: int = 8192) -> Bytes:
    """The given ascending rows of a stored .npy array, read in blocks: the whole is never held in memory."""
    major, _ = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read_header(file)
    if fortran or dtype.hasobject:
        raise ValueError("not a plain array in C order")
    return np.concatenate(list(_blocks(file, shape, dtype, rows, block)))


def _blocks(file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype, rows: Labels, block: int) -> Iterator[Bytes]:
    width = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
    for start in range(0, int(rows[-1]) + 1, block):
        n = min(block, shape[0] - start)
        wanted = rows[np.searchsorted(rows, start) : np.searchsorted(rows, start + n)] - start
        yield np.frombuffer(file.read(n * width), dtype).reshape(n, *shape[1:])[wanted]
