"""How like real images the decoded ones are, by the Fréchet distance on the features of a small classifier.

Not FID: the features are those of a network trained on the data set itself, so distances compare runs on one data set
only, at one number of images.  Even other real images are not at distance 0; theirs is the yardstick.
"""

import copy
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from vaelab.adapter import Adapter
from vaelab.classifier import FEATURES, classifier
from vaelab.datasets import Dataset
from vaelab.errors import InvalidValue, TrainingError
from vaelab.frechet import frechet_distance
from vaelab.gaussian import Gaussian
from vaelab.metrics.data import some
from vaelab.samplers import Sampler

Latents = Callable[[int], Tensor]
ENOUGH = 2 * FEATURES  # images, for a covariance of the features


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
