"""Splits and classes of a user's images by the names of their folders."""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from vaelab._utils.errors import DataError
from vaelab._utils.reading import printable
from vaelab.data.dataset import split_indices

SPLIT_NAMES = {  # in lower case
    "train": "train", "training": "train", "trn": "train",
    "test": "test", "testing": "test", "tst": "test", "eval": "test", "evaluation": "test", "holdout": "test",
    "val": "validation", "valid": "validation", "validation": "validation", "validate": "validation",
    "dev": "validation",
}  # fmt: skip
FILLERS = {"", "x", "set", "data", "dataset", "image", "images", "img", "imgs"}  # in train_images, train2017, X_train


def split_folder(
    names: Sequence[str], folders: Iterable[str], split: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Select the images of a split, and number the classes of all images.

    Folders named train and test, or their usual synonyms in any letter case, also with words such as
    images (train_images, test2017), are splits at the first depth where all images have one; with any
    other words (mnist_train, mnist_test) if there are two kinds. Validation images are the test set
    where no folder is named test; otherwise they belong to "all" only. Where there is no test set, it
    is a fixed tenth.
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
        here = [path[depth] if len(path) > depth else "" for path in parts]
        kinds = [_kind(name, any_words=True) for name in here]
        if None in kinds or len(set(kinds)) < 2:
            kinds = [_kind(name) for name in here]
        known = {kind for kind in kinds if kind}
        if depth == 0:
            known |= {kind for folder in folders if (kind := _kind(folder))}
        outside = [name for name, kind in zip(names, kinds, strict=True) if kind is None]
        if len(known) < 2 and (outside or not known):
            continue  # the folders are classes; one of them can be named train, like the vehicle
        if outside:
            raise DataError(
                f"{printable(outside[0])} must be in one of the splits, which are {', '.join(sorted(known))}; move it."
            )
        labels = _number([(*path[:depth], *path[depth + 1 :]) for path in parts])
        if known == {"train"}:
            return split_indices(len(names), split), labels
        test = "test" if "test" in known else "validation"
        selected = {"train": {"train"}, "test": {test}, "all": known}[split]
        return np.flatnonzero([kind in selected for kind in kinds]), labels
    return split_indices(len(names), split), _number(parts)


def _kind(folder: str, *, any_words: bool = False) -> str | None:
    """Return the split that the words of a name stand for, if any, and no other words are in it."""
    words = re.split(r"[\W\d_]+", folder.lower())
    kinds = {SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES}
    others = {word for word in words if word not in SPLIT_NAMES}
    return kinds.pop() if len(kinds) == 1 and (any_words or others <= FILLERS) else None


def _number(classes: list[tuple[str, ...]]) -> NDArray[np.int64]:
    number = {name: i for i, name in enumerate(sorted(set(classes)))}
    return np.array([number[name] for name in classes], np.int64)
