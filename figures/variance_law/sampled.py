"""Draws from a trained VAE by five doors, and how far each lands from the test images."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaelab.classifier import classifier
from vaelab.datasets import load
from vaelab.frechet import frechet_distance
from vaelab.objective import Experiment
from vaelab.pictures import as_bytes
from vaelab.posterior import MarginalPosterior
from vaelab.rescaling import rescale
from vaelab.run_store import Numbers, recipe
from vaelab.runs import ONE_AT_A_TIME, Run
from vaelab.settings import Train
from vaelab.training import fit

SHOWN = 12
COMPONENTS = (10, 100)
DOORS = ("N(0, I)", "rescaled", "mixture", *(f"GMM {k}" for k in COMPONENTS), "reconstructions")


@recipe("compare-samplers", version=1)
def sample(*, device: str, **settings: Any) -> Numbers:
    """Train a `Run`, draw as many images as there are test images by each of `DOORS`, and compare.

    distance [doors] and real []: Fréchet distance to the test images on the features of a classifier of the training
    images; real is that of as many training images, the least that can be asked for.  shown [doors, SHOWN, h, w];
    kl, kl_error: KL(Q‖p) in nats of the mixture over the training images; variance [latent]; accuracy of the
    classifier on the test images.
    """
    run = Run(**settings)
    train, test = (load(run.data, split, limit=run.limit, progress=False) for split in ("train", "test"))
    net = classifier(train)
    with ONE_AT_A_TIME:
        experiment = run.experiment(train.shape)
        fit(experiment, train, Train(run.epochs, run.batch_size, run.lr, run.seed, device, progress=False))
        posterior = MarginalPosterior.from_model(experiment, train.images)
        every = doors(experiment, posterior, train.images, test.images, run.seed)
        truth = net.features(test.images)
        some = torch.randperm(len(train), generator=torch.Generator().manual_seed(run.seed))[: len(test)]
        distance = posterior.kl_to_prior(seed=run.seed)
        return {
            "distance": np.array([frechet_distance(net.features(x), truth) for x in every]),
            "real": np.array(frechet_distance(net.features(train.images[some]), truth)),
            "shown": np.stack([as_bytes(x[:SHOWN, 0]).numpy() for x in every]),
            "kl": np.array([distance.value, distance.standard_error]),
            "variance": posterior.variance_law().total.numpy(),
            "accuracy": np.array(net.accuracy(test)),
        }


def doors(experiment: Experiment, posterior: MarginalPosterior, train: Tensor, test: Tensor, seed: int) -> list[Tensor]:
    """Images [n, *shape] by each of `DOORS`, n that of the test images; both priors are given the same draws."""
    n, latent = len(test), experiment.model.latent
    z = torch.randn(n, latent, generator=torch.Generator().manual_seed(seed))
    repaired = rescale(experiment, train).experiment
    compressed = [posterior.compress(k, seed=seed) for k in COMPONENTS]
    codes = [
        posterior.sample(n, torch.Generator().manual_seed(seed)),
        *(torch.from_numpy(np.random.RandomState(seed).permutation(g.sample(n)[0])).float() for g in compressed),
    ]
    device = next(experiment.parameters()).device
    decoded = [decode(experiment, z), decode(repaired, z), *(decode(experiment, code) for code in codes)]
    reconstructed = decode(experiment, experiment.encode(test.to(device)).mean)
    return [*decoded, reconstructed]


def decode(experiment: Experiment, z: Tensor) -> Tensor:
    """Mean images of codes [n, latent] on the CPU."""
    device = next(experiment.parameters()).device
    return torch.cat([experiment.decode(part.to(device)).cpu() for part in z.split(2000)])
