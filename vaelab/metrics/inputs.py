"""What a report is about: a model, a training and a test set, encoded once.

The sets come by name, as data sets, or as images with their labels, and are shown in the form that
the model's likelihood is of.
"""

from dataclasses import dataclass
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

ENOUGH = 2 * FEATURES  # images, for a covariance of the features


Data = str | tuple[Any, Any]


def train_and_test(data: Data, domain: Domain = "unit") -> tuple[Dataset, Dataset]:
    """data: a name as in `vaelab data list`, or a pair (train, test), each a Dataset or (images, labels or None).

    domain: where images [n, c, h, w] must lie; data of other shapes are finite floats anyway.

    Raises InvalidType or InvalidValue for anything else, and what `load` raises.
    """
    if isinstance(data, str):
        return load(data, "train"), load(data, "test")
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise InvalidType(
            f"data must be a name or a pair (train, test), got {type(data).__name__}; each of the two is a Dataset or "
            f"(images, labels)."
        )
    train, test = (_dataset(*part, domain) for part in zip(data, ("train", "test"), strict=True))
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
    if k is None or checks.positive_int("the number of images", k) >= n:
        return torch.arange(n)
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))[:k].sort().values


def _dataset(part: Any, split: str, domain: Domain) -> Dataset:
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
        images = as_images(images, domain=domain)
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


@dataclass(frozen=True)
class EvaluationInputs:
    """train, test: as they are; train_images, test_images: as the model sees them.

    posterior, moved: of the test images and of a view of each (None without views).  views: their name.  density:
    whether p(x|z) is a likelihood of such images at all.
    """

    model: Adapter
    train: Dataset
    test: Dataset
    train_images: Tensor
    test_images: Tensor
    posterior: Gaussian
    moved: Gaussian | None
    views: str
    density: bool

    @cached_property
    def codes(self) -> Gaussian:
        """The posteriors of the training images."""
        return encode(self.model, self.train_images)

    @cached_property
    def pictures(self) -> bool:
        """Whether the data are images: channels, height and width, in [0, 1]."""
        return pictured(self.train) and pictured(self.test)

    @property
    def classes(self) -> bool:
        """Whether the labels tell anything."""
        return has_classes(self.train)

    @property
    def probed(self) -> bool:
        """Whether a probe of the training labels can name every test image."""
        return self.classes and bool(torch.isin(self.test.labels, self.train.labels).all())

    @property
    def comparable(self) -> bool:
        """Whether a classifier can be trained, and the covariance of its features be known."""
        return self.pictures and self.classes and min(len(self.train), len(self.test)) > ENOUGH


def prepare_inputs(
    model: Adapter, data: Data, views: Views | None, binarize: bool | None, seed: int
) -> EvaluationInputs:
    """Load, check, draw to black and white where the likelihood asks for it, encode.  Raises as `report` does."""
    train, test = train_and_test(data, model.domain)
    model.check(test.images)
    binary = model.binary if binarize is None else binarize
    if binary:
        require_unit("binarize=True", model.domain)
    train_images, test_images = train.images, test.images
    if binary:
        train_images, test_images = binarize_images(train_images, seed), binarize_images(test_images, seed + 1)
    moved = None
    if views is not None and pictured(test):
        moved = transformed(model, test.images, views, binary=binary, seed=seed)
    density = binary or not model.binary or not gray(test.images)
    name = "none" if moved is None else named(views)
    return EvaluationInputs(
        model, train, test, train_images, test_images, encode(model, test_images), moved, name, density
    )


def pictured(data: Dataset) -> bool:
    """Whether the data are [n, c, h, w] in [0, 1]."""
    x = data.images
    return x.dim() == 4 and (x.dtype == torch.uint8 or bool(((x >= 0) & (x <= 1)).all()))


def named(views: Any) -> str:
    """The name of a transformation: "simple", "large", or that of its function."""
    known = [name for name, make in VIEWS.items() if make() == views]
    return known[0] if known else getattr(views, "__name__", type(views).__name__)


def gray(images: Tensor) -> bool:
    """Whether any pixel is neither black nor white."""
    white = 255 if images.dtype == torch.uint8 else 1
    return bool(((images != 0) & (images != white)).any())


def notes(seen: EvaluationInputs, information: float, ceiling: float) -> tuple[str, ...]:
    """What the reader must know before comparing; information and its ceiling in nats."""
    found = {
        "No NLL and no ELBO: a Bernoulli is a likelihood of black and white, and these images are gray; pass "
        "binarize=True, or leave it out.": not seen.density,
        f"The information is within half a nat of its ceiling, ln {len(seen.test)}: the posteriors of these images "
        "hardly overlap, and nothing more can be read from it.": information > ceiling - 0.5,
        "The latents are the lowest of several layers: their prior is not N(0, I), the variance law does not hold for "
        "them, and the rate is by one draw for each image.": seen.model.deeper is not None,
        "No probe: the training labels are of one class, or test images have other labels.": not seen.probed,
        "No consistency: there are no views of these images.": seen.moved is None,
        "No Fréchet distances: they need labeled images [n, c, h, w] in [0, 1], more than "
        f"{ENOUGH} of each set.": not seen.comparable,
    }
    return tuple(sentence for sentence, holds in found.items() if holds)
