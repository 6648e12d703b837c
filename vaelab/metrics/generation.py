"""How like real images the decoded ones are, by the Fréchet distance on the features of a small classifier.

Not FID: the features are those of a network trained on the data set itself, so distances compare runs on one data set
only, at one number of images.  Even other real images are not at distance 0; theirs is the yardstick.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from vaelab.adapter import Adapter
from vaelab.classifier import FEATURES, classifier
from vaelab.datasets import Dataset
from vaelab.frechet import frechet_distance
from vaelab.metrics.data import some

Latents = Callable[[int], Tensor]
ENOUGH = 2 * FEATURES  # images, for a covariance of the features


def distances(
    model: Adapter, train: Dataset, test: Dataset, means: Tensor, second_stage: Latents | None = None, seed: int = 0
) -> dict[str, float]:
    """Squared distances from the test images [n, c, h, w] of as many mean images; labels train the classifier.

    training images: the yardstick; reconstructions: decoded at the posterior means [n, latent]; prior: at draws from
    N(0, I); second stage: at the latents [n, latent] that second_stage(n) gives.  Means of grey values, not draws.
    """
    network = classifier(train)
    n, generator = len(test), torch.Generator().manual_seed(seed)
    real = network.features(test.images)
    found = {"training images": frechet_distance(network.features(train.images[some(len(train), n, seed)]), real)}
    latents = {"reconstructions": means, "prior": torch.randn(means.shape, dtype=means.dtype, generator=generator)}
    if second_stage is not None:
        latents["second stage"] = second_stage(n)
    for name, z in latents.items():
        found[name] = frechet_distance(network.features(decoded(model, z)), real)
    return found


def decoded(model: Adapter, z: Tensor, chunk: int = 1000) -> Tensor:
    """The mean images of latents [n, latent], in [0, 1], float32, on the CPU."""
    with model.evaluating():
        parts = [model.decode(part.to(model.device, model.dtype)).clamp(0, 1).float().cpu() for part in z.split(chunk)]
    return torch.cat(parts)
