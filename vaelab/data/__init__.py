"""Data sets by name: found or fetched, checked, as uint8 images [n, c, h, w].

In order: `catalogue`, `dataset`, `locate` (where files are), `download`, `sources` (found or
fetched), `formats`, `dsprites`, `image_files`, `published` and `shipped` (one function per data
set), `images` (arrays and tensors), `loading` (`load`), `inventory` (the commands `vaelab data
...`), `augment` (random transformations).
"""

from vaelab.data.dataset import Dataset
from vaelab.data.inventory import Row, Verdict, describe, get, verify, where
from vaelab.data.loading import load, names

__all__ = [
    "Dataset",
    "Row",
    "Verdict",
    "describe",
    "get",
    "load",
    "names",
    "verify",
    "where",
]
