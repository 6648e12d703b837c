"""What a report is about: a training and a test set, by name, as data sets, or as images with their labels."""

from typing import Any

import torch
from torch import Tensor

from vaelab import checks
from vaelab.batches import as_pixels
from vaelab.datasets import Dataset, load
from vaelab.errors import InvalidType, InvalidValue

Data = str | tuple[Any, Any]


def train_and_test(data: Data) -> tuple[Dataset, Dataset]:
    """data: a name as in `vaelab data list`, or a pair (train, test), each a Dataset or (images, labels or None).

    Raises InvalidType or InvalidValue for anything else, and what `load` raises.
    """
    if isinstance(data, str):
        return load(data, "train"), load(data, "test")
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise InvalidType(
            f"data must be a name or a pair (train, test), got {type(data).__name__}; each of the two is a Dataset or "
            f"(images, labels)."
        )
    train, test = _dataset(data[0], "train"), _dataset(data[1], "test")
    if train.images.shape[1:] != test.images.shape[1:]:
        raise InvalidValue(
            f"training images are {list(train.images.shape[1:])}, test images {list(test.images.shape[1:])}; "
            f"they must be alike."
        )
    return train, test


def has_classes(dataset: Dataset) -> bool:
    """Whether its labels tell anything; a Dataset without labels has zeros."""
    return len(dataset.labels.unique()) > 1


def some(n: int, k: int | None, seed: int = 0) -> Tensor:
    """Ascending positions of k of n images, drawn without replacement; all of them for None or too large a k.

    Raises InvalidType or InvalidValue unless k is None or a whole number of at least 1.
    """
    if k is None or checks.count("the number of images", k) >= n:
        return torch.arange(n)
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))[:k].sort().values


def _dataset(part: Any, split: str) -> Dataset:
    if isinstance(part, Dataset):
        return part
    images, labels = part if isinstance(part, tuple | list) and len(part) == 2 else (part, None)
    images = torch.as_tensor(images)
    classes = torch.zeros(len(images), dtype=torch.int64) if labels is None else _classes(labels)
    if images.dim() < 2 or len(images) < 2 or classes.shape != images.shape[:1]:
        raise InvalidValue(
            f"a {split} set needs at least two images [n, ...] and a label each, got {list(images.shape)} and "
            f"{list(classes.shape)}."
        )
    if images.dim() == 4:
        images = as_pixels(images)
    elif images.dtype != torch.uint8:
        checks.float_tensor(f"the {split} images", images)
    return Dataset(images, classes, "own data", split, "memory", "your own", "your own")


def _classes(labels: Any) -> Tensor:
    try:
        return torch.as_tensor(labels).long()
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidType(
            f"labels must be whole numbers, one for each image, got {type(labels).__name__} ({labels!r:.40}); "
            f"np.unique(labels, return_inverse=True) numbers them."
        ) from error
