"""How like real images the decoded ones are.

`distances`: by the Fréchet distance on the features of a small classifier. Not FID: the features
are those of a network trained on the data set itself, so distances compare runs on one data set
only, at one number of images. Even other real images are not at distance 0; theirs is the
yardstick.

What a distance does not tell: quality and variety apart (`precision_recall`), copies of the
training images (`memorization`), and lost variance (`variance_loss`).
"""

import copy
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue, TrainingError
from vaelab._utils.images import data_variance, to_float
from vaelab.data.dataset import Dataset
from vaelab.data.images import as_images
from vaelab.divergences.gaussian import Gaussian
from vaelab.metrics.adapter import Adapter
from vaelab.metrics.classifier import classifier
from vaelab.metrics.frechet import frechet_distance
from vaelab.metrics.inputs import some
from vaelab.posterior.samplers import Sampler

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
    that point's own k-th neighbor there.  Both depend on n, m and k: compare only what was measured alike.

    Raises InvalidType or InvalidValue for features that are not finite and alike, or k outside 1 .. n-1, m-1.
    Source: Kynkäänniemi et al. 2019.
    """
    for name, features in (("real", real), ("made", made)):
        checks.float_tensor(name, features)
        if features.dim() != 2 or features.shape[1:] != real.shape[1:]:
            raise InvalidValue(f"{name} has shape {tuple(features.shape)}; both sets must be [images, features] alike.")
        if not 1 <= checks.positive_int("k", k) < len(features):
            raise InvalidValue(f"k must lie between 1 and {len(features) - 1}, one less than {name} has, got {k}.")
    center = real.double().mean(0)  # distances are taken by products, which lose digits far from 0
    real, made = ((features - center).to(features.dtype) for features in (real, made))
    return PrecisionRecall(_covered(made, real, k), _covered(real, made, k))


def nearest(images: Tensor, known: Tensor, k: int = 1) -> Nearest:
    """The k nearest of the known images [n, ...] to each of the images [m, ...], by root mean squared pixel distance.

    Both uint8 or in [0, 1].  Look at the pairs: a generated picture that is its neighbor's copy was memorized.

    Raises InvalidType or InvalidValue for images of other values or shapes, none at all, or k outside 1 .. n.
    """
    images, known = as_images(images), as_images(known)
    if images.shape[1:] != known.shape[1:]:
        raise InvalidValue(f"images have shape {tuple(images.shape[1:])}, the known ones {tuple(known.shape[1:])}.")
    if not 1 <= checks.positive_int("k", k) <= len(known):
        raise InvalidValue(f"k must lie between 1 and the {len(known)} known images, got {k}.")
    if not len(images):
        raise InvalidValue("there are no images whose neighbors could be found; give at least one.")
    x, y = to_float(images).flatten(1), to_float(known).flatten(1)
    return Nearest(*_by_chunks(x, lambda part: _nearest(part, y, k)))


def memorization(made: Tensor, test: Tensor, train: Tensor) -> float:
    """The median distance of generated images to the training images, over that of test images to them.

    About 1, or above, for a model that invents as far from the training images as new data lie; toward 0 for one that
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
    Source: Asperti 2020 (arXiv 2002.09860) for the loss; derived here, Var(x) - Var(x̂) is
    MSE + 2 Cov(x̂, x - x̂).
    """
    images, reconstructions = as_images(images), as_images(reconstructions)
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
    """The share of points [m, f] inside the ball of some point of `by` [n, f], each up to its k-th neighbor in it."""
    (radius,) = _by_chunks(by, lambda part: (torch.cdist(part, by).topk(k + 1, largest=False).values[:, -1],))
    (inside,) = _by_chunks(points, lambda part: ((torch.cdist(part, by) <= radius).any(1),))
    return float(inside.float().mean())


def _by_chunks(x: Tensor, function: Callable[[Tensor], tuple[Tensor, ...]]) -> list[Tensor]:
    """function of parts of x, each of its results put together again."""
    return [torch.cat(parts) for parts in zip(*map(function, x.split(CHUNK)), strict=True)]


Latents = Callable[[int], Tensor]


def distances(
    model: Adapter,
    train: Dataset,
    test: Dataset,
    means: Tensor,
    samplers: Mapping[str, Latents],
    seed: int = 0,
) -> dict[str, float]:
    """Squared distances from the test images [n, c, h, w] of as many mean images; labels train the classifier.

    training images: the yardstick; reconstructions: decoded at the posterior means [n, latent]; prior: at draws from
    the prior; and at the latents [n, latent] that each sampler gives for n.  Mean images, no draws of pixels.
    """
    network = classifier(train)
    n, real = len(test), network.features(test.images)
    found = {"training images": frechet_distance(network.features(train.images[some(len(train), n, seed)]), real)}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        latents = {"reconstructions": means, "prior": from_prior(model, *means.shape)}
        latents |= {name: sampler(n) for name, sampler in samplers.items()}
    for name, z in latents.items():
        if z.shape != means.shape:
            raise InvalidValue(f"{name} gave latents {list(z.shape)}, the decoder takes {list(means.shape)}.")
        found[name] = frechet_distance(network.features(decoded(model, z)), real)
    return found


def fitted(samplers: Mapping[str, Sampler | Latents], codes: Gaussian) -> tuple[dict[str, Latents], tuple[str, ...]]:
    """What copies of the samplers, fitted to the posteriors [n, latent] of the training images, give; functions as they
    are; and a sentence on each that could not be fitted, or has collapsed."""
    ready: dict[str, Latents] = {}
    told = []
    for name, sampler in samplers.items():
        if callable(sampler):
            ready[name] = sampler
            continue
        try:
            found = copy.deepcopy(sampler).fit(codes)
        except (InvalidValue, TrainingError) as error:
            told.append(f"No distance of the {name}: {error}")
            continue
        ready[name] = found.sample
        if getattr(found, "collapsed", False):
            told.append(f"The {name} has collapsed: what it generates is a heap at the origin of z.")
    return ready, tuple(told)


def from_prior(model: Adapter, n: int, latent: int) -> Tensor:
    """n draws of the latents from the prior, by torch's global generator: [n, latent]."""
    if model.deeper is None:
        return torch.randn(n, latent)
    with model.evaluating():
        return model.deeper.prior(n)


def decoded(model: Adapter, z: Tensor, chunk: int = 1000) -> Tensor:
    """The mean images of latents [n, latent], in [0, 1], float32, on the CPU."""
    with model.evaluating():
        parts = [model.decode(part.to(model.device, model.dtype)).clamp(0, 1).float().cpu() for part in z.split(chunk)]
    return torch.cat(parts)
