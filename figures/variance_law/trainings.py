"""The VAEs of the variance law, trained once per setting and seed for all figures."""

from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from figures.trainings import compute_all, decode
from vaelab._utils.images import to_uint8
from vaelab.data import load
from vaelab.divergences import Gaussian
from vaelab.metrics import encode
from vaelab.metrics.classifier import classifier
from vaelab.metrics.frechet import frechet_distance
from vaelab.models.vae import VAE
from vaelab.objectives.objective import Experiment, Objective
from vaelab.posterior import MarginalPosterior, rescale
from vaelab.posterior.variance_law import variance_law
from vaelab.runs.execute import ONE_AT_A_TIME
from vaelab.runs.run import Run
from vaelab.runs.store import Numbers, Result, recipe
from vaelab.training.config import TrainConfig
from vaelab.training.loop import fit, train

SPLITS = ("train", "test")
PER_CLASS = 10  # test images of each class whose posteriors are recorded after every epoch
# Settings of several figures. Of the talk and the paper only the 10 epochs in the plane are known.
PLANE: dict[str, Any] = {"data": "mnist-mini", "latent": 2, "hidden": (256,), "epochs": 10, "batch_size": 50}
PLANE_PAPER: dict[str, Any] = {**PLANE, "data": "mnist", "hidden": (512,), "batch_size": 100, "lr": 1e-3}
WIDE: dict[str, Any] = {"data": "mnist-mini", "latent": 10, "hidden": (128,), "epochs": 30}
WIDE_PAPER: dict[str, Any] = {
    "data": "mnist", "latent": 10, "network": "conv", "hidden": None, "epochs": 50, "batch_size": 100, "lr": 1e-3
}  # fmt: skip
PLANE_PRESETS = {"quick": {"seeds": 2, **PLANE}, "full": {"seeds": 2, **PLANE_PAPER}}
WIDE_PRESETS = {"quick": {"seeds": 2, **WIDE}, "full": {"seeds": 3, **WIDE_PAPER}}
PICTURED = 12  # images of each sampler
COMPONENTS = (10, 100)
SAMPLERS = ("N(0, I)", "rescaled", "mixture", *(f"GMM {k}" for k in COMPONENTS), "reconstructions")


def followed(device: str, seeds: int, *, sampled: bool = True, **training: Any) -> list[Result]:
    """Train one VAE per seed with the numbers of `follow`; `sampled=False` trains without noise."""
    tasks = [{**asdict(Run("vae", **training, seed=seed)), "sampled": sampled} for seed in range(seeds)]
    return compute_all(follow, tasks, device)


@recipe("follow-posteriors", version=1)
def follow(*, device: str, sampled: bool, **settings: Any) -> Numbers:
    """Train a `Run`, and record its posteriors before the first epoch and after each.

    Numbers: of_means, of_noise [splits, epochs + 1, latent], the two parts of the variance law;
    few_mean, few_logvar [epochs + 1, m, latent], few_labels [m], few [m, c, h, w] of the first
    `PER_CLASS` test images of each class; mean, logvar [n, latent], labels [n] of all test images
    at the end.
    """
    run = Run(**settings)
    images = {split: run.images(split) for split in SPLITS}
    labels = load(run.data, "test", limit=run.limit, progress=False).labels
    few = first_of_each(labels)
    with ONE_AT_A_TIME:
        experiment = run.experiment(images["train"].shape[1:])
        experiment = experiment if sampled else unsampled(experiment)
        config = TrainConfig(run.epochs, run.batch_size, run.lr, run.seed, device, progress=False)
        frames = [_frame(experiment, images, few)]
        for progress in train(experiment, images["train"], config):
            if progress.row is not None:
                frames.append(_frame(experiment, images, few))
    q = encode(experiment, images["test"])
    return {
        **{name: np.stack([frame[name] for frame in frames], 1 if "of_" in name else 0) for name in frames[0]},
        "few": images["test"][few].numpy(),
        "few_labels": labels[few].numpy(),
        "mean": q.mean.numpy(),
        "logvar": q.logvar.numpy(),
        "labels": labels.numpy(),
    }


def first_of_each(labels: Tensor) -> Tensor:
    """Return the indices of the first `PER_CLASS` images of every class, ascending."""
    return torch.cat([torch.nonzero(labels == k).flatten()[:PER_CLASS] for k in labels.unique()]).sort().values


def posterior(numbers: Numbers) -> MarginalPosterior:
    """Return the mixture over the test images at the end, float64."""
    return MarginalPosterior(*(torch.from_numpy(numbers[name]).double() for name in ("mean", "logvar")))


def _frame(experiment: Experiment, images: dict[str, Tensor], few: Tensor) -> Numbers:
    codes = {split: encode(experiment, images[split]) for split in SPLITS}
    laws = [variance_law(q.mean.double(), q.logvar.double(), 0.05) for q in codes.values()]
    return {
        "of_means": np.stack([law.of_means.numpy() for law in laws]),
        "of_noise": np.stack([law.of_noise.numpy() for law in laws]),
        "few_mean": codes["test"].mean[few].numpy(),
        "few_logvar": codes["test"].logvar[few].numpy(),
    }


class Unsampled(VAE):
    """A VAE whose decoder receives the mean of q(z|x) instead of a sample."""

    def draw(self, q: Gaussian) -> Tensor:
        return q.mean


class Quadratic(nn.Module):
    """½ Σ mean², the part of KL(q‖p) that depends on the means: [b], nats; least at scale 0."""

    def forward(self, q: Gaussian, p: Gaussian) -> Tensor:
        return 0.5 * torch.square(q.mean - p.mean).flatten(1).sum(1)


def unsampled(experiment: Experiment) -> Experiment:
    """Return the same network and likelihood without sampling; the weights are shared."""
    model, objective = experiment.model, experiment.objective
    plain = Objective(objective.likelihood, Quadratic(), float(objective.weight))
    return Experiment(Unsampled(model.encoder, model.decoder, model.latent), plain, experiment.shape)


@recipe("compare-samplers", version=1)
def sample(*, device: str, **settings: Any) -> Numbers:
    """Train a `Run`, and compare images of all `SAMPLERS`, as many as there are test images.

    Numbers: distance [samplers] and real []: Fréchet distance to the test images on the features of
    a classifier, real that of the same number of training images; shown [samplers, PICTURED, h, w];
    kl [2]: KL(Q‖p) in nats of the mixture over the training images, and its error; variance
    [latent]; accuracy [] of the classifier.
    """
    run = Run(**settings)
    train, test = (load(run.data, split, limit=run.limit, progress=False) for split in ("train", "test"))
    net = classifier(train)
    with ONE_AT_A_TIME:
        experiment = run.experiment(train.shape)
        fit(experiment, train, TrainConfig(run.epochs, run.batch_size, run.lr, run.seed, device, progress=False))
        posterior = MarginalPosterior.from_model(experiment, train.images)
        images = samples(experiment, posterior, train.images, test.images, run.seed)
        truth = net.features(test.images)
        some = torch.randperm(len(train), generator=torch.Generator().manual_seed(run.seed))[: len(test)]
        distance = posterior.kl_to_prior(seed=run.seed)
        return {
            "distance": np.array([frechet_distance(net.features(x), truth) for x in images]),
            "real": np.array(frechet_distance(net.features(train.images[some]), truth)),
            "shown": np.stack([to_uint8(x[:PICTURED, 0]).numpy() for x in images]),
            "kl": np.array([distance.value, distance.standard_error]),
            "variance": posterior.variance_law().total.numpy(),
            "accuracy": np.array(net.accuracy(test)),
        }


def samples(
    experiment: Experiment, posterior: MarginalPosterior, train: Tensor, test: Tensor, seed: int
) -> list[Tensor]:
    """Return images [n, *shape] of each of `SAMPLERS`; both priors use the same samples."""
    n, latent = len(test), experiment.model.latent
    z = torch.randn(n, latent, generator=torch.Generator().manual_seed(seed))
    rescaled = rescale(experiment, train).experiment
    compressed = [posterior.compress(k, seed=seed) for k in COMPONENTS]
    codes = [
        posterior.sample(n, torch.Generator().manual_seed(seed)),
        *(torch.from_numpy(np.random.RandomState(seed).permutation(g.sample(n)[0])).float() for g in compressed),
    ]
    codes.append(experiment.encode(test.to(next(experiment.parameters()).device)).mean)
    decoded = [decode(experiment, z, chunk=2000), decode(rescaled, z, chunk=2000)]
    return decoded + [decode(experiment, code, chunk=2000) for code in codes]
