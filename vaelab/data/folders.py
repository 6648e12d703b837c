"""Splits and classes of a user's images by the names of their folders."""

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from vaelab._utils.errors import DataError
from vaelab._utils.reading import printable
from vaelab.data.dataset import split_indices

SPLIT_NAMES = {  # in lower case
    "train": "train", "training": "train", "trn": "train",
    "test": "test", "testing": "test", "tst": "test",
    "val": "validation", "valid": "validation", "validation": "validation",
}  # fmt: skip


def split_folder(
    names: Sequence[str], folders: Iterable[str], split: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Select the images of a split, and number the classes of all images.

    Folders named train and test, or their usual synonyms in any letter case, are splits at the
    first depth where all images have one. Validation images are the test set where no folder is
    named test; otherwise they belong to "all" only. Without splits the test set is a fixed tenth.
    The remaining folders of an image are its class.

    Args:
        names: Names of the images, with their folders.
        folders: Names of the folders at the top, also empty ones.
        split: "train", "test" or "all".

    Returns:
        Ascending indices of the split, and the class of every image, [n].

    Raises:
        DataError: If some images are in splits and others are not.

    Example:
        >>> split_folder(["Train/a/1.png", "Train/b/2.png", "val/a/3.png"], ["Train", "val"], "test")
        (array([2]), array([0, 1, 0]))
    """
    parts = [PurePosixPath(name).parent.parts for name in names]
    for depth in range(max(map(len, parts), default=0)):
        kinds = [SPLIT_NAMES.get(path[depth].lower()) if len(path) > depth else None for path in parts]
        known = {kind for kind in kinds if kind}
        if depth == 0:
            known |= {kind for folder in folders if (kind := SPLIT_NAMES.get(folder.lower()))}
        outside = [name for name, kind in zip(names, kinds, strict=True) if kind is None]
        if len(known) < 2 and (outside or not known):
            continue  # the folders are classes; one of them can be named train, like the vehicle
        if outside:
            raise DataError(
                f"{printable(outside[0])} must be in one of the splits, which are {', '.join(sorted(known))}; move it."
            )
        labels = _number([(*path[:depth], *path[depth + 1 :]) for path in parts])
        if len(known) == 1:
            return split_indices(len(names), split), labels
        test = "test" if "test" in known else "validation"
        selected = {"train": {"train"}, "test": {test}, "all": known}[split]
        return np.flatnonzero([kind in selected for kind in kinds]), labels
    return split_indices(len(names), split), _number(parts)


def _number(classes: list[tuple[str, ...]]) -> NDArray[np.int64]:
    number = {name: i for i, name in enumerate(sorted(set(classes)))}
    return np.array([number[name] for name in classes], np.int64)
