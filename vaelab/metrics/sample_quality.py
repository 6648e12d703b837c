"""How similar generated images are to real ones.

`distances` uses features of a small classifier trained on the data set itself. They are not FIDs
and compare runs on one data set only, at one number of images; the distance of other real images is
the yardstick. A distance does not separate quality from variety (`precision_recall`), and sees
neither copies of training images (`memorization`) nor lost variance (`variance_loss`).
"""

import copy
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from vaelab._utils import checks, rng
from vaelab._utils.errors import InvalidValue, TrainingError
from vaelab._utils.images import data_variance, to_float
from vaelab._utils.typed import typed
from vaelab.data.dataset import Dataset
from vaelab.data.images import Images, as_images
from vaelab.divergences.gaussian import Gaussian
from vaelab.metrics.adapter import Adapter
from vaelab.metrics.classifier import FEATURES, classifier
from vaelab.metrics.frechet import frechet_distance
from vaelab.metrics.inputs import sample_indices
from vaelab.posterior.samplers import Sampler

CHUNK = 1000
LatentSource = Callable[[int], Tensor]


class PrecisionRecall(NamedTuple):
    """Quality and variety of generated features.

    Args:
        precision: Share of the generated that is covered by the real.
        recall: Share of the real that is covered by the generated.
    """

    precision: float
    recall: float


class Nearest(NamedTuple):
    """The k nearest known images to each of m.

    Args:
        distance: Root mean squared pixel distances [m, k], ascending.
        which: Their indices [m, k].
    """

    distance: Tensor
    which: Tensor


def precision_recall(real: Tensor, generated: Tensor, k: int = 3) -> PrecisionRecall:
    """Compute precision and recall of generated features.

    A set covers a point that is no farther from one of its points than that point's own k-th
    neighbor in the set. Both numbers depend on n, m and k.

    Args:
        real: Features [n, f].
        generated: Features [m, f].
        k: Neighbors, below n and m.

    Returns:
        Both shares.

    Raises:
        InvalidValue: If they are not finite, of other shapes, or too few for k.

    Example:
        >>> x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
        >>> precision_recall(x, x)
        PrecisionRecall(precision=1.0, recall=1.0)

    References:
        Kynkäänniemi et al. (2019), https://arxiv.org/abs/1904.06991.
    """
    for name, features in (("real", real), ("generated", generated)):
        checks.float_tensor(name, features)
        if features.dim() != 2 or features.shape[1:] != real.shape[1:]:
            raise InvalidValue(f"{name} must be [images, features] like the other set, got {tuple(features.shape)}.")
        if not 1 <= checks.positive_int("k", k) < len(features):
            raise InvalidValue(f"k must be between 1 and {len(features) - 1}, one less than {name} has, got {k}.")
    center = real.cpu().double().mean(0)  # distances are taken by products, which lose digits far from 0
    real, generated = ((features.cpu() - center).to(features) for features in (real, generated))
    return PrecisionRecall(_covered(generated, real, k), _covered(real, generated, k))


def nearest(images: Images, known: Images, k: int = 1) -> Nearest:
    """Find the nearest known images, to show pairs: a copy of its neighbor was memorized.

    Args:
        images: [m, ...], uint8 or in [0, 1].
        known: [n, ...], likewise.
        k: Neighbors, at most n.

    Returns:
        Their distances and indices.

    Raises:
        InvalidValue: For other values or shapes, no images, or k outside 1 to n.

    Example:
        >>> nearest(torch.ones(1, 4), torch.tensor([[0.0] * 4, [0.5] * 4]))
        Nearest(distance=tensor([[0.5000]]), which=tensor([[1]]))
    """
    images, known = as_images(images).cpu(), as_images(known).cpu()
    if images.shape[1:] != known.shape[1:]:
        shapes = f"{tuple(images.shape[1:])} and {tuple(known.shape[1:])}"
        raise InvalidValue(f"images and known must have one shape, got {shapes}.")
    if not 1 <= checks.positive_int("k", k) <= len(known):
        raise InvalidValue(f"k must be between 1 and the {len(known)} known images, got {k}.")
    if not len(images):
        raise InvalidValue("nearest needs at least one image, got 0.")
    x, y = to_float(images).flatten(1), to_float(known).flatten(1)
    return Nearest(*_by_chunks(x, lambda part: _nearest(part, y, k)))


def memorization(generated: Images, test: Images, train: Images) -> float:
    """Compute the median distance of generated images to training images, over that of test images.

    About 1 or above for a model that generates images as far from the training images as new data
    are, near 0 for copies. Blurred images are nearer to everything: a ratio of 0.8 is no proof,
    the pairs of `nearest` are.

    Args:
        generated: [m, ...], uint8 or in [0, 1].
        test: [k, ...], likewise.
        train: [n, ...], likewise.

    Returns:
        The ratio.

    Raises:
        InvalidValue: If half of the test images are training images.
    """
    distance, usual = (float(nearest(images, train).distance.median()) for images in (generated, test))
    if usual == 0:
        raise InvalidValue("test must be held out, got images of which half or more are training images.")
    return distance / usual


def variance_loss(images: Images, reconstructions: Images) -> float:
    """Compute Var(x) - Var(x̂), the variance that reconstructions have lost.

    It equals MSE + 2 Cov(x̂, x - x̂): the MSE where residuals are uncorrelated with x̂.

    Args:
        images: x [n, ...], uint8 or in [0, 1].
        reconstructions: x̂ of this shape.

    Returns:
        The variance over the batch, averaged over pixels.

    Raises:
        InvalidValue: For other values or shapes, or no images.

    References:
        Asperti (2020), https://arxiv.org/abs/2002.09860.
    """
    images, reconstructions = as_images(images), as_images(reconstructions)
    if not len(images):
        raise InvalidValue("variance_loss needs at least one image, got 0.")
    if images.shape != reconstructions.shape:
        shape = tuple(reconstructions.shape)
        raise InvalidValue(f"reconstructions must have the shape of the images, {tuple(images.shape)}, got {shape}.")
    return float(data_variance(images) - data_variance(reconstructions))


@typed
def distances(
    model: Adapter,
    train: Dataset,
    test: Dataset,
    means: Tensor,
    sources: Mapping[str, LatentSource],
    seed: int = 0,
) -> dict[str, float]:
    """Compute Fréchet distances of mean images from the test images.

    Args:
        model: The decoder.
        train: Labeled images, which train the classifier.
        test: The images [n, c, h, w].
        means: Posterior means [n, latent] of the test images.
        sources: Functions of n that return latents [n, latent].
        seed: Of the draws.

    Returns:
        Squared distances of the training images (the yardstick), of reconstructions at `means`, of
        samples from the prior, and of the images of every source.

    Raises:
        InvalidValue: For latents of another shape, or for fewer than 65 images.
    """
    checks.seed(seed)
    if checks.float_tensor("means", means).dim() != 2 or len(means) != len(test):
        raise InvalidValue(f"means must be [{len(test)}, latent], one for each test image, got {list(means.shape)}.")
    for name, data in (("train", train), ("test", test)):
        if len(data) <= FEATURES:
            raise InvalidValue(f"{name} must have more than {FEATURES} images, got {len(data)}.")
    network = classifier(train)
    n, real = len(test), network.features(test.images)
    result = {
        "training images": frechet_distance(network.features(train.images[sample_indices(len(train), n, seed)]), real)
    }
    with rng.fork():
        torch.manual_seed(seed)
        latents = {"reconstructions": means, "prior": from_prior(model, *means.shape)}
        latents |= {name: source(n) for name, source in sources.items()}
    for name, z in latents.items():
        if checks.float_tensor(f"latents of {name}", z).shape != means.shape:
            raise InvalidValue(f"latents of {name} must be {list(means.shape)}, got {list(z.shape)}.")
        result[name] = frechet_distance(network.features(decoded(model, z)), real)
    return result


def fit_samplers(
    samplers: Mapping[str, Sampler | LatentSource], codes: Gaussian
) -> tuple[dict[str, LatentSource], tuple[str, ...]]:
    """Fit copies of samplers to the posteriors of the training images.

    Args:
        samplers: Samplers or functions of n, by name.
        codes: The posteriors [n, latent].

    Returns:
        Functions of n, and a sentence on each sampler that could not be fitted or has collapsed.
    """
    sources: dict[str, LatentSource] = {}
    failures = []
    for name, sampler in samplers.items():
        if callable(sampler):
            sources[name] = sampler
            continue
        try:
            sampler = copy.deepcopy(sampler).fit(codes)
        except (InvalidValue, TrainingError) as error:
            failures.append(f"No distance of the {name}: {error}")
            continue
        sources[name] = sampler.sample
        if getattr(sampler, "collapsed", False):
            failures.append(f"The {name} has collapsed: all that it generates is near the origin of z.")
    return sources, tuple(failures)


def from_prior(model: Adapter, n: int, latent: int) -> Tensor:
    """Draw n latents [n, latent] from the prior by torch's global generator."""
    with model.evaluating():
        if model.deeper is not None:
            return model.deeper.prior(n)
        return torch.randn(n, latent) if model.prior is None else model.prior.sample(n)


def decoded(model: Adapter, z: Tensor, chunk: int = 1000) -> Tensor:
    """Return the mean images of latents [n, latent], in [0, 1], float32, on the CPU."""
    with model.evaluating():
        parts = [model.decode(part.to(model.device, model.dtype)).clamp(0, 1).float().cpu() for part in z.split(chunk)]
    return torch.cat(parts)


def _nearest(x: Tensor, known: Tensor, k: int) -> tuple[Tensor, Tensor]:
    index = torch.cdist(x, known).topk(k, largest=False).indices
    # cdist loses digits near 0, so the distances are taken again.
    distance, order = (known[index] - x[:, None]).square().mean(2).sqrt().sort(dim=1)
    return distance, index.gather(1, order)


def _covered(points: Tensor, by: Tensor, k: int) -> float:
    """Compute the share of points [m, f] no farther from a point of `by` than its k-th neighbor."""
    (radius,) = _by_chunks(by, lambda part: (torch.cdist(part, by).topk(k + 1, largest=False).values[:, -1],))
    (inside,) = _by_chunks(points, lambda part: ((torch.cdist(part, by) <= radius).any(1),))
    return float(inside.float().mean())


def _by_chunks(x: Tensor, function: Callable[[Tensor], tuple[Tensor, ...]]) -> list[Tensor]:
    return [torch.cat(parts) for parts in zip(*map(function, x.split(CHUNK)), strict=True)]
