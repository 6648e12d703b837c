"""What a distance does not tell: quality and variety apart, copies of the training images, and lost variance."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from vaelab import checks
from vaelab.batches import as_pixels
from vaelab.errors import InvalidValue
from vaelab.pixels import data_variance, unit

CHUNK = 1000


class PrecisionRecall(NamedTuple):
    """precision: the share of what is generated that looks real; recall: the share of what is real that can be had."""

    precision: float
    recall: float


class Nearest(NamedTuple):
    """For each of m images the k nearest known ones: distance [m, k], ascending, and which they are [m, k]."""

    distance: Tensor
    which: Tensor


def precision_recall(real: Tensor, made: Tensor, k: int = 3) -> PrecisionRecall:
    """Of features [n, f] and [m, f]: a point is covered by a set when it lies no farther from one of its points than
    that point's own k-th neighbour there.  Both depend on n, m and k: compare only what was measured alike.

    Raises InvalidType or InvalidValue for features that are not finite and alike, or k outside 1 .. n-1, m-1.
    Source: Kynkäänniemi et al. 2019.
    """
    for name, features in (("real", real), ("made", made)):
        checks.float_tensor(name, features)
        if features.dim() != 2 or features.shape[1:] != real.shape[1:]:
            raise InvalidValue(f"{name} has shape {tuple(features.shape)}; both sets must be [images, features] alike.")
        if not 1 <= checks.count("k", k) < len(features):
            raise InvalidValue(f"k must lie between 1 and {len(features) - 1}, one less than {name} has, got {k}.")
    centre = real.double().mean(0)  # distances are taken by products, which lose digits far from 0
    real, made = ((features - centre).to(features.dtype) for features in (real, made))
    return PrecisionRecall(_covered(made, real, k), _covered(real, made, k))


def nearest(images: Tensor, known: Tensor, k: int = 1) -> Nearest:
    """The k nearest of the known images [n, ...] to each of the images [m, ...], by root mean squared pixel distance.

    Both uint8 or in [0, 1].  Look at the pairs: a generated picture that is its neighbour's copy was memorised.

    Raises InvalidType or InvalidValue for images of other values or shapes, none at all, or k outside 1 .. n.
    """
    images, known = as_pixels(images), as_pixels(known)
    if images.shape[1:] != known.shape[1:]:
        raise InvalidValue(f"images have shape {tuple(images.shape[1:])}, the known ones {tuple(known.shape[1:])}.")
    if not 1 <= checks.count("k", k) <= len(known):
        raise InvalidValue(f"k must lie between 1 and the {len(known)} known images, got {k}.")
    if not len(images):
        raise InvalidValue("there are no images whose neighbours could be found; give at least one.")
    x, y = unit(images).flatten(1), unit(known).flatten(1)
    return Nearest(*_by_chunks(x, lambda part: _nearest(part, y, k)))


def memorisation(made: Tensor, test: Tensor, train: Tensor) -> float:
    """The median distance of generated images to the training images, over that of test images to them.

    About 1, or above, for a model that invents as far from the training images as new data lie; towards 0 for one that
    copies.  Blurred pictures lie nearer to everything: a ratio of .8 is no proof, the pairs of `nearest` are.

    Raises InvalidValue where half of the test images are training images, and what `nearest` raises.
    """
    own, usual = (float(nearest(images, train).distance.median()) for images in (made, test))
    if usual == 0:
        raise InvalidValue("half or more of the test images are training images; give images that were held out.")
    return own / usual


def variance_loss(images: Tensor, reconstructions: Tensor) -> float:
    """Var(x) - Var(x̂): the variance over the batch, averaged over pixels, that reconstructions [n, ...] have lost.

    It is the mean squared error where the residuals are uncorrelated with x̂: blur is lost variance.
    Raises InvalidType or InvalidValue for images of other values or shapes, or none at all.
    Source: Asperti 2020 (variance loss); balancing sheet, I8.
    """
    images, reconstructions = as_pixels(images), as_pixels(reconstructions)
    if not len(images):
        raise InvalidValue("there are no images whose variance could be lost; give at least one.")
    if images.shape != reconstructions.shape:
        raise InvalidValue(
            f"images have shape {tuple(images.shape)}, reconstructions {tuple(reconstructions.shape)}; give them alike."
        )
    return float(data_variance(images) - data_variance(reconstructions))


def _nearest(x: Tensor, known: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Distance and place of the k nearest: chosen by `cdist`, then measured anew, for it loses digits near 0."""
    index = torch.cdist(x, known).topk(k, largest=False).indices
    distance, order = (known[index] - x[:, None]).square().mean(2).sqrt().sort(dim=1)
    return distance, index.gather(1, order)


def _covered(points: Tensor, by: Tensor, k: int) -> float:
    """The share of points [m, f] inside the ball of some point of `by` [n, f], each up to its k-th neighbour in it."""
    (radius,) = _by_chunks(by, lambda part: (torch.cdist(part, by).topk(k + 1, largest=False).values[:, -1],))
    (inside,) = _by_chunks(points, lambda part: ((torch.cdist(part, by) <= radius).any(1),))
    return float(inside.float().mean())


def _by_chunks(x: Tensor, function: Callable[[Tensor], tuple[Tensor, ...]]) -> list[Tensor]:
    """function of parts of x, each of its results put together again."""
    return [torch.cat(parts) for parts in zip(*map(function, x.split(CHUNK)), strict=True)]
