"""One VAE per seed and several samplers of its latents, each measured."""

import copy
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from figures.trainings import decode, train_grid
from vaelab import recipes
from vaelab._utils.errors import InvalidValue
from vaelab._utils.images import to_float, to_uint8
from vaelab.data import Dataset, load
from vaelab.divergences import Gaussian
from vaelab.metrics import encode, fid
from vaelab.metrics.classifier import classifier
from vaelab.metrics.frechet import frechet_distance
from vaelab.metrics.sample_quality import memorization, precision_recall, variance_loss
from vaelab.posterior import rescale
from vaelab.posterior.samplers import GMMSampler, PriorSampler
from vaelab.posterior.two_stage import SecondStage
from vaelab.runs.store import Numbers, Result, recipe
from vaelab.training.config import TrainConfig
from vaelab.training.loop import fit

REC, GEN1, GEN2, GMM = "REC", "GEN-1", "GEN-2", "GMM"
LAW, PUBLISHED, NOISE = "GEN-2 renormalized", "GEN-2 renormalized as published", "GEN-2 with noise"
CONTROL = "GMM, same factors"  # scaled as the renormalized stage is, though its spread is right
REAL = "training images"  # the floor: what a perfect sampler would score
SOURCES = (REAL, REC, GEN1, GEN2, LAW, PUBLISHED, NOISE, GMM, CONTROL)
N_SHOWN = 12

Score = Literal["classifier", "fid"]


def _preset(seeds: int, data: str, design: dict[str, Any], train: Any, second: Any, **others: Any) -> dict[str, Any]:
    """Return settings; train: epochs, rate, epochs that halve it; second: width, depth, steps."""
    epochs, lr, *halvings = train
    loop = {"epochs": epochs, "batch_size": 100, "lr": lr}
    loop |= {"lr_schedule": "step", "lr_milestones": tuple(halvings), "lr_decay": 0.5} if halvings else {}
    stage = dict(zip(("width", "depth", "steps", "lr"), second, strict=False))
    return {"seeds": seeds, "data": data, **others, "design": design, "train": loop, "second": stage}


# 10,000 digits, seconds a seed.  A short training leaves V far from 1, hence the rescaling.
QUICK = _preset(5, "mnist-mini", {"latent": 16, "hidden": (256,)}, (10, 2e-3), (128, 2, 2000), rescaled=True)
MNIST = _preset(5, "mnist", {"latent": 16, "network": "conv"}, (50, 1e-3), (256, 3, 30_000), rescaled=False)
# 10,000 images in 30 passes by a small network, scored by a classifier: what two cores do in half
# an hour.
CONV = {"latent": 64, "network": "conv", "hidden": (32, 64, 128)}
SMALL_CIFAR = _preset(3, "cifar10", CONV, (30, 1e-3), (256, 2, 3000), limit=10_000, rescaled=True)
# The published set-ups, but for the warm-up of the second stage, against its collapse, and its
# constant rate.
RESNET = {"latent": 64, "network": "resnet"}
SECOND_CIFAR, SECOND_CELEBA = (2048, 3, 700_000, 1e-4), (4096, 3, 227_780, 5e-5)
CIFAR = _preset(5, "cifar10", RESNET, (700, 1e-4, 251, 501), SECOND_CIFAR, jpeg=True, score="fid")
# beta: the published factor k = (2 * 64 / 64)² of the published code
CELEBA = _preset(5, "celeba", {**RESNET, "beta": 4.0}, (70, 5e-5, 61), SECOND_CELEBA, score="fid")


def train_seeds(device: str, *, seeds: int, **settings: Any) -> Result:
    """Compute `compare_samplers` for every seed: its numbers, stacked along a first axis."""
    result = train_grid(compare_samplers, [settings], seeds, device)
    return result._replace(numbers={name: array[0] for name, array in result.numbers.items()})


def compute_samplers(device: str, **settings: Any) -> Result:
    """Return the numbers of `train_seeds`, and how they were measured: score, data, jpeg []."""
    result = train_seeds(device, **settings)
    protocol = {"score": "classifier", "jpeg": False, **settings}
    result.numbers.update({name: np.array(protocol[name]) for name in ("score", "data", "jpeg")})
    return result


@recipe("compare-two-stage-samplers", version=1)
def compare_samplers(
    *,
    device: str,
    seed: int,
    data: str = "mnist-mini",
    limit: int | None = None,
    jpeg: bool = False,
    score: Score = "classifier",
    design: dict[str, Any],
    train: dict[str, Any],
    second: dict[str, Any],
    rescaled: bool = False,
    components: int = 10,
) -> Numbers:
    """Train a VAE with computed gamma, fit every sampler to its posteriors, and measure samples.

    There are as many samples as test images. Reconstructions are decoded at the mean of z.

    Args:
        jpeg: Write both splits as JPEG and read them back first, but not what is generated.
        score: "classifier", trained on the data set, or "fid", the Inception network (images
            resized as TensorFlow 1 does, generated ones rounded to bytes).
        design: Arguments of `recipes.beta_vae`, without the shape.
        train: Arguments of `TrainConfig`.
        second: Arguments of `SecondStage`.
        rescaled: Bring the latents to the variance law before anything is fitted.
        components: Number of Gaussians in the mixture.

    Returns:
        frechet, precision, recall [k] and pictures [k, N_SHOWN, c, h, w], in the order of
        `SOURCES`; shown, the test images; and [] each: spread and gamma_second of the second stage,
        law (mean V before any rescaling), gamma, mse, variance_loss, memorised (by the second
        stage), images.

    Raises:
        InvalidValue: For an unknown score.
    """
    if score not in ("classifier", "fid"):
        raise InvalidValue(f"score must be 'classifier' or 'fid', got {score!r}.")
    splits = {split: _load(data, split, limit, jpeg) for split in ("train", "test")}
    images, test = splits["train"].images, splits["test"].images
    torch.manual_seed(seed)
    experiment = recipes.beta_vae(splits["train"].shape, gamma="computed", **{"beta": 1.0, **design})
    fit(experiment, images, TrainConfig(**train, seed=seed, device=device, progress=False))
    law = rescale(experiment, images)
    experiment = law.experiment if rescaled else experiment
    q = encode(experiment, images)
    stage = SecondStage(**second, seed=seed, device=device).fit(q)
    latents = _sample_latents(q, stage, len(test), components, seed)
    generated = {name: decode(experiment, z) for name, z in latents.items()}
    reconstruction = decode(experiment, encode(experiment, test).mean)
    by_source = {REAL: images[: len(test)], REC: reconstruction, **generated}
    gamma, blank = experiment.objective.likelihood.gamma, torch.zeros_like(test)
    return {
        **_measure_sources(by_source, splits, score, device),
        "pictures": np.stack([to_uint8(to_float(by_source.get(name, blank)[:N_SHOWN])).numpy() for name in SOURCES]),
        "shown": test[:N_SHOWN].numpy(),
        "spread": np.array(stage.std_ratio),
        "gamma_second": stage.gammas_[-1].numpy(),
        "law": np.array(float(law.variance.mean())),
        "gamma": np.array(float(gamma.gamma) if gamma is not None else np.nan),
        "mse": np.array(float((reconstruction - to_float(test)).square().mean())),
        "variance_loss": np.array(variance_loss(test, reconstruction)),
        "memorised": np.array(memorization(generated[GEN2], test, images)),
        "images": np.array(len(test)),
    }


def _load(data: str, split: str, limit: int | None, jpeg: bool) -> Dataset:
    part = load(data, split, limit=limit, progress=False)
    return replace(part, images=fid.as_files(part.images, "jpeg")) if jpeg else part


def _sample_latents(q: Gaussian, stage: SecondStage, n: int, components: int, seed: int) -> dict[str, Tensor]:
    """Sample n latents by every sampler; a collapsed second stage has no renormalized ones."""
    noisy = copy.copy(stage)
    noisy.noise = True
    samplers: dict[str, Any] = {GEN1: PriorSampler().fit(q), GEN2: stage, NOISE: noisy}
    samplers[GMM] = GMMSampler(components, seed).fit(q)
    if not stage.collapsed:
        samplers |= {LAW: stage.renormalized("law"), PUBLISHED: stage.renormalized("published")}
    z = {name: s.sample(n, torch.Generator().manual_seed(1000 + seed)) for name, s in samplers.items()}
    return z if stage.collapsed else {**z, CONTROL: z[GMM] * samplers[LAW].factor().float()}


def _measure_sources(images: dict[str, Tensor], splits: dict[str, Dataset], score: Score, device: str) -> Numbers:
    """Measure the distance of every source from the test images, and how they cover each other."""
    network = classifier(splits["train"]) if score == "classifier" else None

    def features(x: Tensor) -> Tensor:
        return network.features(x) if network else fid.features(x, device=device)

    by_source = {name: features(x) for name, x in images.items()}
    real = features(splits["test"].images)
    values = np.full((3, len(SOURCES)), np.nan)
    for k, name in enumerate(SOURCES):
        if name in by_source:
            values[:, k] = frechet_distance(real, by_source[name]), *precision_recall(real, by_source[name])
    return dict(zip(("frechet", "precision", "recall"), values, strict=True))
