"""The inputs of a report: a model, a training and a test set, encoded once."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.domain import Domain, require_unit
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.data.dataset import Dataset
from vaelab.data.images import as_images, binarize_images
from vaelab.data.loading import load
from vaelab.divergences.gaussian import Gaussian
from vaelab.metrics.adapter import Adapter, encode
from vaelab.metrics.classifier import FEATURES
from vaelab.metrics.views import transformed
from vaelab.objectives.consistency import VIEWS, Views

MIN_IMAGES = 2 * FEATURES  # for a covariance of the features
Data = str | tuple[Any, Any]


@dataclass(frozen=True)
class EvaluationInputs:
    """The model and the data that a report measures.

    Args:
        model: Any VAE.
        train: The training set as it is.
        test: The test set as it is.
        train_images: The training images in the form that the model's likelihood is of.
        test_images: The test images in this form.
        posterior: q(z|x) of the test images.
        shifted: q(z|x) of one view of each; None without views.
        views: The name of the transformation.
        density: Whether p(x|z) is a likelihood of such images.
    """

    model: Adapter
    train: Dataset
    test: Dataset
    train_images: Tensor
    test_images: Tensor
    posterior: Gaussian
    shifted: Gaussian | None
    views: str
    density: bool

    @cached_property
    def codes(self) -> Gaussian:
        """The posteriors of the training images."""
        return encode(self.model, self.train_images)

    @cached_property
    def pictures(self) -> bool:
        """Whether the data are images [n, c, h, w] in [0, 1]."""
        return _are_pictures(self.train) and _are_pictures(self.test)

    @property
    def probed(self) -> bool:
        """Whether a probe of the training labels can name every test image."""
        return _has_classes(self.train) and bool(torch.isin(self.test.labels, self.train.labels).all())

    @property
    def comparable(self) -> bool:
        """Whether a classifier can be trained, and the covariance of its features estimated."""
        return self.pictures and _has_classes(self.train) and min(len(self.train), len(self.test)) > MIN_IMAGES


def prepare_inputs(
    model: Adapter, data: Data, views: Views | None, binarize: bool | None, seed: int
) -> EvaluationInputs:
    """Load data, binarize them where the likelihood requires it, and encode them; see `report`."""
    train, test = train_and_test(data, model.domain)
    train, test = (
        replace(part, images=model.as_images(part, density=True).cpu(), labels=part.labels.cpu())
        for part in (train, test)
    )
    model.check(test.images[:2])
    binary = model.binary if binarize is None else binarize
    if binary:
        require_unit("binarize=True", model.domain)
    train_images, test_images = train.images, test.images
    if binary:
        train_images, test_images = binarize_images(train_images, seed), binarize_images(test_images, seed + 1)
    shifted, name = None, "none"
    if views is not None and _are_pictures(test):
        shifted = transformed(model, test.images, views, binary=binary, seed=seed)
        known = [name for name, make in VIEWS.items() if make() == views]
        name = known[0] if known else getattr(views, "__name__", type(views).__name__)
    density = binary or not model.binary or _is_binary(test.images)
    return EvaluationInputs(
        model, train, test, train_images, test_images, encode(model, test_images), shifted, name, density
    )


def train_and_test(data: Data, domain: Domain = "unit") -> tuple[Dataset, Dataset]:
    """Return a training and a test set.

    Args:
        data: A name as in `vaelab data list`, or a pair (train, test), each a Dataset, images, or
            (images, labels).
        domain: Where images [n, c, h, w] must lie; data of other shapes are any finite floats.

    Returns:
        Both; data without labels have zeros.

    Raises:
        InvalidType: For data or labels of another type.
        InvalidValue: For an unknown name, fewer than two images, or shapes that differ.
    """
    if isinstance(data, str):
        return load(data, "train"), load(data, "test")
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise InvalidType(f"data must be a name or a pair (train, test), got {type(data).__name__}.")
    train, test = (_dataset(*part, domain) for part in zip(data, ("train", "test"), strict=True))
    if train.images.shape[1:] != test.images.shape[1:]:
        shapes = [list(part.images.shape[1:]) for part in (train, test)]
        raise InvalidValue(f"training and test images must have one shape, got {shapes[0]} and {shapes[1]}.")
    return train, test


def sample_indices(n: int, k: int | None, seed: int = 0) -> Tensor:
    """Draw positions without replacement.

    Args:
        n: Number of images.
        k: Number of positions; None, or more than n, means all.
        seed: Of the draw.

    Returns:
        [min(n, k)], ascending.
    """
    if k is None or checks.positive_int("the number of images", k) >= n:
        return torch.arange(n)
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))[:k].sort().values


def _dataset(part: Any, split: str, domain: Domain) -> Dataset:
    if isinstance(part, Dataset):
        return replace(part, images=_data(part.images, domain))
    images, labels = part if isinstance(part, tuple | list) and len(part) == 2 else (part, None)
    images = _data(images, domain)
    try:
        classes = torch.as_tensor([0] * len(images) if labels is None else labels).long()
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidType(
            f"labels must be whole numbers, one for each image, got {type(labels).__name__} ({labels!r:.40}); "
            f"np.unique(labels, return_inverse=True) numbers them."
        ) from error
    if images.dim() < 2 or len(images) < 2 or classes.shape != images.shape[:1]:
        raise InvalidValue(
            f"a {split} set must have at least two images [n, ...] and a label each, got {list(images.shape)} and "
            f"{list(classes.shape)}."
        )
    return Dataset(images, classes, "own data", split, "memory", "your own", "your own")


def _data(images: Any, domain: Domain) -> Tensor:
    images = as_images(images, domain="real")
    return as_images(images, domain=domain) if images.dim() == 4 else images


def _has_classes(dataset: Dataset) -> bool:
    return len(dataset.labels.unique()) > 1


def _are_pictures(data: Dataset) -> bool:
    x = data.images
    return x.dim() == 4 and (x.dtype == torch.uint8 or bool(((x >= 0) & (x <= 1)).all()))


def _is_binary(images: Tensor) -> bool:
    white = 255 if images.dtype == torch.uint8 else 1
    return bool(((images == 0) | (images == white)).all())
