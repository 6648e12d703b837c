"""What comes with the package: small draws of MNIST and Fashion-MNIST, digits, and the notebooks.

The digits are those of scikit-learn. In a checkout the files lie in its folders, in an installed
package beside this module.
"""

from pathlib import Path

import numpy as np

from vaelab._utils.errors import DataError
from vaelab._utils.files import repository
from vaelab.data.catalogue import Entry
from vaelab.data.dataset import Dataset, assembled, held_out
from vaelab.data.locate import file_sum
from vaelab.data.sources import Wanted


def shipped_file(entry: Entry) -> Path:
    """The intact file of a small set, in `data` of a checkout or inside the installed package.

    Raises DataError when it is missing or altered.
    """
    root = repository()
    folder = root / "data" if root else Path(__file__).resolve().parent
    ((name, checksum),) = entry.ships.items()
    path = folder / name
    remedy = "`git checkout data/` restores it" if root else "install vaelab again"
    if not path.is_file():
        raise DataError(f"{path} is missing, which ships with vaelab: {remedy}.")
    if file_sum(path, checksum) != checksum:
        raise DataError(f"{path} is altered or cut short (its checksum is not that of {entry.name}): {remedy}.")
    return path


def notebook_files() -> list[Path]:
    """Return the executed course notebooks, in order: those of the checkout, else of the package.

    Raises:
        DataError: If there are none.
    """
    root = repository()
    folder = (root or Path(__file__).resolve().parent) / "notebooks"
    files = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not files:
        remedy = "`git checkout notebooks/` restores them" if root else "install vaelab again"
        raise DataError(f"there are no notebooks in {folder}, which ship with vaelab: {remedy}.")
    return files


def figure_table(name: str) -> Path:
    """Return the csv table of a figure that a notebook reads, so that the notebook runs anywhere.

    Args:
        name: The id of the figure; the installed package has only those that the notebooks read.

    Raises:
        DataError: If there is no such table.
    """
    root = repository()
    folder = root / "figures" if root else Path(__file__).resolve().parent / "tables"
    path = folder / f"{name}.csv"
    if not path.is_file():
        remedy = "the tables of all figures are in the folder figures/ of the vaelab repository"
        raise DataError(f"there is no table {path}: {remedy}.")
    return path


def mini(entry: Entry, wanted: Wanted) -> Dataset:
    """A small draw, in the order of the full set."""
    path = shipped_file(entry)
    splits = ("train", "test") if wanted.split == "all" else (wanted.split,)
    with np.load(path, allow_pickle=False) as file:
        order = {split: np.argsort(file[f"{split}_index"]) for split in splits}
        images = np.concatenate([file[f"{split}_images"][order[split]] for split in splits])
        labels = np.concatenate([file[f"{split}_labels"][order[split]] for split in splits])
    return assembled(entry, wanted.split, path, images[:, None], labels)


def digits(entry: Entry, wanted: Wanted) -> Dataset:
    """The 8x8 digits of scikit-learn, their 17 levels 0..16 spread over 0..255."""
    from sklearn.datasets import load_digits

    data = load_digits()
    images = np.rint(data.images * (255 / 16)).astype(np.uint8)
    chosen = held_out(len(images), wanted.split)
    return assembled(entry, wanted.split, "scikit-learn", images[chosen, None], data.target[chosen])
