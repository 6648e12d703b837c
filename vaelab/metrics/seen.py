"""A model and the images that it is shown to be judged: encoded once, in the form that its likelihood is of."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from vaelab.adapter import Adapter
from vaelab.batches import black_and_white
from vaelab.consistency import VIEWS, Views
from vaelab.datasets import Dataset
from vaelab.encoding import encode
from vaelab.gaussian import Gaussian
from vaelab.metrics.consistency import transformed
from vaelab.metrics.data import Data, has_classes, train_and_test
from vaelab.metrics.generation import ENOUGH


@dataclass(frozen=True)
class Seen:
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

    @property
    def pictures(self) -> bool:
        """Whether images have channels, height and width."""
        return self.test.images.dim() == 4

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


def see(model: Adapter, data: Data, views: Views | None, binarise: bool | None, seed: int) -> Seen:
    """Load, check, draw to black and white where the likelihood asks for it, encode.  Raises as `report` does."""
    train, test = train_and_test(data)
    model.check(test.images)
    binary = model.binary if binarise is None else binarise
    train_images, test_images = train.images, test.images
    if binary:
        train_images, test_images = black_and_white(train_images, seed), black_and_white(test_images, seed + 1)
    moved = None
    if views is not None and test.images.dim() == 4:
        moved = transformed(model, test.images, views, binary=binary, seed=seed)
    density = binary or not model.binary or not grey(test.images)
    name = "none" if moved is None else named(views)
    return Seen(model, train, test, train_images, test_images, encode(model, test_images), moved, name, density)


def named(views: Any) -> str:
    """The name of a transformation: "simple", "large", or that of its function."""
    known = [name for name, make in VIEWS.items() if make() == views]
    return known[0] if known else getattr(views, "__name__", type(views).__name__)


def grey(images: Tensor) -> bool:
    """Whether any pixel is neither black nor white."""
    white = 255 if images.dtype == torch.uint8 else 1
    return bool(((images != 0) & (images != white)).any())


def notes(seen: Seen, information: float, ceiling: float) -> tuple[str, ...]:
    """What the reader must know before comparing; information and its ceiling in nats."""
    found = {
        "No NLL and no ELBO: a Bernoulli is a likelihood of black and white, and these images are grey; pass "
        "binarise=True, or leave it out.": not seen.density,
        f"The information is within half a nat of its ceiling, ln {len(seen.test)}: the posteriors of these images "
        "hardly overlap, and nothing more can be read from it.": information > ceiling - 0.5,
        "The latents are the lowest of several layers: their prior is not N(0, I), the variance law does not hold for "
        "them, and the rate is by one draw for each image.": seen.model.deeper is not None,
        "No probe: the training labels are of one class, or test images have other labels.": not seen.probed,
        "No consistency: there are no views of these images.": seen.moved is None,
        f"No Fréchet distances: they need labelled images [n, c, h, w], more than {ENOUGH} of each set.": not (
            seen.comparable
        ),
    }
    return tuple(sentence for sentence, holds in found.items() if holds)
