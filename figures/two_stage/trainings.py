"""One VAE, several ways to draw new latents for it, each measured: one training per seed, shared between figures."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from vaelab import recipes
from vaelab._utils.device import device_name
from vaelab._utils.errors import InvalidValue
from vaelab._utils.images import to_float, to_uint8
from vaelab.data import Dataset, load
from vaelab.divergences import Gaussian
from vaelab.metrics import encode, fid
from vaelab.metrics.classifier import classifier
from vaelab.metrics.frechet import frechet_distance
from vaelab.metrics.sample_quality import memorization, precision_recall, variance_loss
from vaelab.objectives.objective import Experiment
from vaelab.posterior import rescale
from vaelab.posterior.samplers import GMMSampler, PriorSampler
from vaelab.posterior.two_stage import SecondStage
from vaelab.runs.store import Numbers, Result, merge_results, recipe, run_cached
from vaelab.training.config import Train
from vaelab.training.loop import fit

REC, GEN1, GEN2, GMM = "REC", "GEN-1", "GEN-2", "GMM"
LAW, PUBLISHED, NOISE = "GEN-2 renormalized", "GEN-2 renormalized as published", "GEN-2 with noise"
CONTROL = "GMM, same factors"  # moved outwards as the renormalized stage is, though its spread is right
REAL = "training images"  # the floor: what a perfect sampler would score
SOURCES = (REAL, REC, GEN1, GEN2, LAW, PUBLISHED, NOISE, GMM, CONTROL)
SHOWN = 12

Score = Literal["classifier", "fid"]

# 10,000 digits, seconds a seed.  A short training leaves V far from 1, hence the rescaling.
QUICK: dict[str, Any] = {
    "seeds": 5,
    "data": "mnist-mini",
    "rescaled": True,
    "design": {"latent": 16, "hidden": (256,)},
    "train": {"epochs": 10, "batch_size": 100, "lr": 2e-3},
    "second": {"width": 128, "depth": 2, "steps": 2000},
}
MNIST: dict[str, Any] = {
    "seeds": 5,
    "data": "mnist",
    "rescaled": False,
    "design": {"latent": 16, "network": "conv"},
    "train": {"epochs": 50, "batch_size": 100, "lr": 1e-3},
    "second": {"width": 256, "depth": 3, "steps": 30_000},
}
# 10,000 images in 30 passes by a small network, judged by a classifier: what two cores do in half an hour.
SMALL_CIFAR: dict[str, Any] = {
    "seeds": 3,
    "data": "cifar10",
    "limit": 10_000,
    "rescaled": True,
    "design": {"latent": 64, "network": "conv", "hidden": (32, 64, 128)},
    "train": {"epochs": 30, "batch_size": 100, "lr": 1e-3},
    "second": {"width": 256, "depth": 2, "steps": 3000},
}
# The published set-ups.  Two things are ours: the warm-up of the second stage, against its collapse, and its constant
# rate.
CIFAR: dict[str, Any] = {
    "seeds": 5,
    "data": "cifar10",
    "jpeg": True,
    "score": "fid",
    "design": {"latent": 64, "network": "resnet"},
    "train": {
        "epochs": 700,
        "batch_size": 100,
        "lr": 1e-4,
        "lr_schedule": "step",
        "lr_milestones": (251, 501),
        "lr_decay": 0.5,
    },
    "second": {"width": 2048, "depth": 3, "steps": 700_000, "lr": 1e-4},
}
CELEBA: dict[str, Any] = {
    "seeds": 5,
    "data": "celeba",
    "score": "fid",
    "design": {"latent": 64, "network": "resnet", "beta": 4.0},  # the hidden factor k = (2 * 64 / 64)²
    "train": {
        "epochs": 70,
        "batch_size": 100,
        "lr": 5e-5,
        "lr_schedule": "step",
        "lr_milestones": (61,),
        "lr_decay": 0.5,
    },
    "second": {"width": 4096, "depth": 3, "steps": 227_780, "lr": 5e-5},
}


def trained(device: str, *, seeds: int, **settings: Any) -> Result:
    """The numbers of `two_stages` for seeds 0 .. seeds-1, stacked along a first axis."""
    device = device_name(device)
    content = checksum(settings["data"], settings.get("limit"))
    tasks = [{**settings, "device": device, "seed": seed} for seed in range(seeds)]
    processes = None if device == "cpu" else 1
    results = run_cached(two_stages, tasks, [content] * seeds, processes=processes)
    return merge_results(columns([result.numbers for result in results]), results)


def compute_samplers(device: str, *, seeds: int, **settings: Any) -> Result:
    """Numbers of `two_stages`, a row per seed, and what says how they were measured: score, data, jpeg."""
    result = trained(device, seeds=seeds, **settings)
    how = {"score": "classifier", "jpeg": False, **settings}
    return result._replace(numbers={**result.numbers, **{x: np.array(how[x]) for x in ("score", "data", "jpeg")}})


def compute_renormalized(device: str, *, seeds: int, **settings: Any) -> Result:
    """The trainings that gam-samplers reads too."""
    return trained(device, seeds=seeds, **settings)


@recipe("compare-two-stage-samplers", version=1)
def two_stages(
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
    """Train a VAE with computed gamma, fit every sampler to its posteriors, and measure as many draws as test images.

    design: shape-free arguments of `recipes.beta_vae`; train: of `Train`; second: of `SecondStage`.
    jpeg: both splits are written as JPEG and read back first; what is made is not.  rescaled: the latents are brought
    to the variance law before anything is fitted.  score: of features of a classifier trained on the data set, or of
    the Inception network (images resized as TensorFlow 1 does, what is made rounded to bytes).  Reconstructions are
    decoded at the mean of z.

    Numbers, [k] in the order of `SOURCES`: frechet, precision, recall; pictures [k, n, c, h, w]; and [] each: spread
    and gamma_second of the second stage, law (mean V before any rescaling), gamma, mse, variance_loss, memorized (by
    the second stage), images.
    """
    if score not in ("classifier", "fid"):
        raise InvalidValue(f"score must be 'classifier' or 'fid', got {score!r}.")
    parts = {split: _read(data, split, limit, jpeg) for split in ("train", "test")}
    known, unseen = parts["train"].images, parts["test"].images
    torch.manual_seed(seed)
    experiment = recipes.beta_vae(parts["train"].shape, gamma="computed", **{"beta": 1.0, **design})
    fit(experiment, known, Train(**train, seed=seed, device=device, progress=False))
    law = rescale(experiment, known)
    experiment = law.experiment if rescaled else experiment
    q = encode(experiment, known)
    stage = SecondStage(**second, seed=seed, device=device).fit(q)
    made = {name: _decoded(experiment, z) for name, z in _latents(q, stage, len(unseen), components, seed).items()}
    rebuilt = _decoded(experiment, encode(experiment, unseen).mean)
    every = {REAL: known[: len(unseen)], REC: rebuilt, **made}
    gamma, blank = experiment.objective.likelihood.gamma, torch.zeros_like(unseen)
    return {
        **_measured(every, parts, score, device),
        "pictures": np.stack([to_uint8(to_float(every.get(name, blank)[:SHOWN])).numpy() for name in SOURCES]),
        "shown": unseen[:SHOWN].numpy(),
        "spread": np.array(stage.spread),
        "gamma_second": stage.gammas_[-1].numpy(),
        "law": np.array(float(law.variance.mean())),
        "gamma": np.array(float(gamma.gamma) if gamma is not None else np.nan),
        "mse": np.array(float((rebuilt - to_float(unseen)).square().mean())),
        "variance_loss": np.array(variance_loss(unseen, rebuilt)),
        "memorised": np.array(memorization(made[GEN2], unseen, known)),
        "images": np.array(len(unseen)),
    }


def checksum(data: str, limit: int | None = None, **others: Any) -> str:
    """The content of both splits."""
    return "+".join(load(data, split, limit=limit, progress=False).sha256 for split in ("train", "test"))


def _latents(q: Gaussian, stage: SecondStage, n: int, components: int, seed: int) -> dict[str, Tensor]:
    """n latents of every sampler; those of a collapsed second stage are not renormalized, and so are missing."""
    noisy = copy.copy(stage)
    noisy.noise = True
    samplers: dict[str, Any] = {
        **{GEN1: PriorSampler().fit(q), GEN2: stage, NOISE: noisy},
        GMM: GMMSampler(components, seed).fit(q),
    }
    if not stage.collapsed:
        samplers |= {LAW: stage.renormalized("law"), PUBLISHED: stage.renormalized("published")}
    z = {name: s.sample(n, torch.Generator().manual_seed(1000 + seed)) for name, s in samplers.items()}
    return z if stage.collapsed else {**z, CONTROL: z[GMM] * samplers[LAW].factor().float()}


def _measured(every: dict[str, Tensor], parts: dict[str, Dataset], score: Score, device: str) -> Numbers:
    """Distances of the sources from the test images, and how they cover each other."""
    if score == "fid":
        known = {name: fid.features(images, device=device) for name, images in every.items()}
        real = fid.features(parts["test"].images, device=device)
    else:
        judge = classifier(parts["train"])
        known = {name: judge.features(images) for name, images in every.items()}
        real = judge.features(parts["test"].images)
    found = np.full((3, len(SOURCES)), np.nan)
    for k, name in enumerate(SOURCES):
        if name in known:
            found[:, k] = frechet_distance(real, known[name]), *precision_recall(real, known[name])
    return dict(zip(("frechet", "precision", "recall"), found, strict=True))


def _read(data: str, split: str, limit: int | None, jpeg: bool) -> Dataset:
    part = load(data, split, limit=limit, progress=False)
    return replace(part, images=fid.as_files(part.images, "jpeg")) if jpeg else part


def _decoded(experiment: Experiment, z: Tensor, chunk: int = 1000) -> Tensor:
    device = experiment.objective.weight.device
    return torch.cat([experiment.decode(part.to(device)).cpu() for part in z.split(chunk)])


def columns(parts: Sequence[Numbers]) -> Numbers:
    """The same numbers of several seeds, stacked along a first axis."""
    return {name: np.stack([part[name] for part in parts]) for name in parts[0]}
