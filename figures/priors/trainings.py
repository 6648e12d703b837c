"""One VAE per seed and prior, and what is fitted to the latents of the one with N(0, I)."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from figures.trainings import train_grid
from vaelab import recipes
from vaelab._utils import rng
from vaelab._utils.images import to_uint8
from vaelab.data import Dataset, load
from vaelab.data.images import binarize_images
from vaelab.metrics.adapter import Adapter, adapted, encode
from vaelab.metrics.classifier import classifier
from vaelab.metrics.frechet import frechet_distance
from vaelab.metrics.log_likelihood import bound, nll
from vaelab.metrics.sample_quality import decoded, from_prior
from vaelab.models.priors import Prior
from vaelab.objectives.objective import Experiment
from vaelab.posterior import MarginalPosterior, rescale
from vaelab.posterior.samplers import GMMSampler
from vaelab.posterior.two_stage import SecondStage
from vaelab.runs.store import Numbers, Result, recipe
from vaelab.training.config import TrainConfig
from vaelab.training.loop import fit

STANDARD, RESCALED, SECOND, FITTED = "N(0, I)", "N(0, I), latents rescaled", "second stage", "GMM, fitted afterward"
MIXTURE, VAMP, FLOW = "mixture, learned", "VampPrior, learned", "flow, learned"
PRIORS = (STANDARD, RESCALED, SECOND, FITTED, MIXTURE, VAMP, FLOW)
N_SHOWN = 12
QUICK: dict[str, Any] = {"seeds": 3, "data": "mnist-mini", "latent": 8, "hidden": (300,), "epochs": 20, "steps": 3000}
QUICK |= {"components": 50, "samples": 100, "images": 1000}
FULL = QUICK | {"data": "mnist", "latent": 16, "epochs": 50, "steps": 20_000, "components": 200, "images": 5000}


class FittedMixture(Prior):
    """A scikit-learn mixture as a prior, whose p(z) enters a log likelihood.

    Args:
        sampler: The fitted sampler.
        latent: Number of latents.
    """

    def __init__(self, sampler: GMMSampler, latent: int) -> None:
        super().__init__()
        self.sampler, self.latent = sampler, latent

    def log_prob(self, z: Tensor) -> Tensor:
        """Compute ln p(z) of z [b, latent]: [b], nats."""
        return torch.from_numpy(self.sampler.model_.score_samples(z.cpu().double().numpy())).to(z)

    def sample(self, n: int) -> Tensor:
        """Draw n points: [n, latent]."""
        return self.sampler.sample(n)


def compute_priors(device: str, *, seeds: int, **settings: Any) -> Result:
    """Compute `compare_priors` for every seed: its numbers, stacked along a first axis."""
    result = train_grid(compare_priors, [settings], seeds, device)
    return result._replace(numbers={name: array[0] for name, array in result.numbers.items()})


@recipe("compare-priors", version=1)
def compare_priors(
    *,
    device: str,
    seed: int,
    data: str,
    latent: int,
    hidden: tuple[int, ...],
    epochs: int,
    steps: int,
    components: int,
    samples: int,
    images: int,
    limit: int | None = None,
) -> Numbers:
    """Train a VAE with each prior, from the same weights, and measure samples and likelihood.

    There are as many samples as test images. The likelihood is a Bernoulli of binarized images.

    Args:
        latent, hidden: Number of latents, and widths of the encoder.
        epochs: Passes over the data.
        steps: Steps of the second stage.
        components: Number of components of all mixtures, one of which is fitted afterward.
        samples: Importance samples of each test image.
        images: Number of test images whose likelihood is estimated.

    Returns:
        In the order of `PRIORS`, nan where there is none: nll, by_draws (its standard error from the
        draws), rate, distortion, kl (of the aggregate posterior from the prior), frechet [k], and
        pictures [k, N_SHOWN, c, h, w]; and real [], the distance of as many training images.
    """
    train, test = (load(data, split, limit=limit, progress=False) for split in ("train", "test"))
    config = TrainConfig(epochs, 100, seed=seed, device=device, binarize="dynamic", progress=False)
    models = {}
    for name, word in {
        STANDARD: "standard",
        MIXTURE: f"mixture:{components}",
        VAMP: f"vamp:{components}",
        FLOW: "flow",
    }.items():
        torch.manual_seed(seed)
        experiment = recipes.vae(train.shape, latent, hidden=tuple(hidden), likelihood="bernoulli", prior=word)
        fit(experiment, train, config)
        models[name] = adapted(experiment)
    plain = models[STANDARD].module
    assert isinstance(plain, Experiment)
    codes = encode(plain, train)
    stage = SecondStage(width=128, depth=2, steps=steps, seed=seed, device=device).fit(codes)
    fitted = FittedMixture(GMMSampler(components, seed).fit(codes), latent)
    models |= {RESCALED: adapted(rescale(plain, train).experiment), FITTED: replace(models[STANDARD], prior=fitted)}
    return {
        **_likelihoods(models, binarize_images(test.images, 0), samples, images, seed),
        **_samples(models, stage, train, test, latent, seed),
    }


def _likelihoods(models: dict[str, Adapter], test: Tensor, samples: int, images: int, seed: int) -> Numbers:
    names = ("nll", "by_draws", "rate", "distortion", "kl")
    found = {name: np.full(len(PRIORS), np.nan) for name in names}
    for k, name in enumerate(PRIORS):
        if (model := models.get(name)) is None:
            continue
        likelihood, terms = nll(model, test[:images], samples, seed=seed), bound(model, test, seed=seed)
        posterior = MarginalPosterior(*encode(model, test))
        with model.evaluating():
            distance = posterior.kl_to_prior(seed=seed, prior=model.prior).value
        values = (likelihood.by_images.value, likelihood.by_draws, float(terms.rate.mean()))
        for key, value in zip(names, (*values, float(terms.distortion.mean()), distance), strict=True):
            found[key][k] = value
    return found


def _samples(
    models: dict[str, Adapter], stage: SecondStage, train: Dataset, test: Dataset, latent: int, seed: int
) -> Numbers:
    network, n = classifier(train), len(test)
    real, frechet, pictures = network.features(test.images), [], []
    for name in PRIORS:
        with rng.fork():
            torch.manual_seed(seed)
            z = stage.sample(n) if name == SECOND else from_prior(models[name], n, latent)
        made = decoded(models.get(name, models[STANDARD]), z)
        frechet.append(frechet_distance(network.features(made), real))
        pictures.append(to_uint8(made[:N_SHOWN]).numpy())
    floor = frechet_distance(network.features(train.images[:n]), real)
    return {"frechet": np.array(frechet), "pictures": np.stack(pictures), "real": np.array(floor)}
