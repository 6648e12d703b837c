"""Data sets by name, checked: uint8 images [n, c, h, w], or point clouds [n, points, 3].

In order: `catalogue`, `dataset`, `locate` (on this machine), `download`, `shipped`, `dsprites`,
`image_files`, `meshes`, `clouds`, `solids`, `shape_files` (of point clouds), `formats` (from files to
arrays), `images` (arrays and tensors), `loading` (`load`), `inventory` (the commands `vaelab data
...`), `augment` (random transformations).
"""

from vaelab.data.dataset import Dataset
from vaelab.data.inventory import FileCheck, InventoryRow, describe, get, verify, where
from vaelab.data.loading import load, names

__all__ = [
    "Dataset",
    "FileCheck",
    "InventoryRow",
    "describe",
    "get",
    "load",
    "names",
    "verify",
    "where",
]
