"""Hierarchies trained with each seed: rates of their groups, consistency, and samples."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from figures.trainings import train_grid
from vaelab import recipes
from vaelab._utils.images import to_float, to_uint8
from vaelab.data import Dataset, augment, load
from vaelab.data.images import binarize_images
from vaelab.metrics.adapter import adapted, encode
from vaelab.metrics.linear_probe import probe
from vaelab.metrics.log_likelihood import bound, nll
from vaelab.models.hierarchical import Hierarchy
from vaelab.models.vae import eval_mode
from vaelab.objectives.consistency import PosteriorKL
from vaelab.objectives.objective import Experiment
from vaelab.runs.store import Numbers, Result, merge_results, recipe
from vaelab.training.config import TrainConfig
from vaelab.training.loop import fit, train

SMALL: dict[str, Any] = {"latent": 2, "groups": ((1, 1), (2, 1), (4, 1)), "width": 16, "gamma": 0.15}
GROUPS: dict[str, Any] = {"seeds": 3, "data": "digits", "options": SMALL, "epochs": 20, "points": 20, "free_nats": 3.0}
GROUPS |= {"annealing": 400}
CONSISTENCY: dict[str, Any] = {"seeds": 3, "data": "digits", "options": {**SMALL, "free_nats": None}, "epochs": 10}
CONSISTENCY |= {"lambdas": [0.1, 1.0], "samples": 100}
SAMPLES: dict[str, Any] = {"seeds": 1, "data": "mnist-mini", "epochs": 8, "temperatures": [1.0, 0.8, 0.6, 0.4]}
SAMPLES |= {"options": {"latent": 4, "groups": ((2, 1), (4, 1), (8, 1)), "width": 16, "free_nats": 4.0}}
SAMPLES |= {"fixed_at": 0.8}
N_SHOWN, N_MEASURED = 14, 500
BINARY: dict[str, Any] = {"likelihood": "bernoulli"}


def compute_groups(device: str, *, seeds: int, free_nats: float, annealing: int, **setting: Any) -> Result:
    """Return rates [methods, seeds, t, groups], elbo and distortion [methods, seeds], and step [t]."""
    options: dict[str, dict[str, Any]] = {
        "plain": {"free_nats": None},
        "annealed": {"free_nats": None, "annealing": annealing},
        "balanced": {"free_nats": None, "annealing": annealing, "balance": True},
        "free nats": {"free_nats": free_nats},
    }
    tasks = [{"options": {**setting["options"], **own}} for own in options.values()]
    common = {name: value for name, value in setting.items() if name != "options"}
    result = train_grid(follow_groups, tasks, seeds, device, **common)
    numbers = result.numbers | {"step": result.numbers["step"][0, 0], "method": np.array(list(options))}
    return merge_results({**numbers, "annealing": np.array(annealing), "free": np.array(free_nats)}, [result])


@recipe("follow-groups", version=1)
def follow_groups(
    *, device: str, seed: int, data: str, options: dict[str, Any], epochs: int, points: int, limit: int | None = None
) -> Numbers:
    """Train a hierarchy and measure the rate of every group on the test images, at the first and `points` other steps.

    Returns:
        step [points + 1]; rates [points + 1, groups], nats, at the posterior means; elbo and distortion [], of the test
        images at the end.
    """
    images, test = (load(data, split, limit=limit, progress=False) for split in ("train", "test"))
    torch.manual_seed(seed)
    experiment = recipes.hierarchical_vae(images.shape, **_networks(options))
    config = TrainConfig(epochs, 64, lr=3e-3, seed=seed, device=device, progress=False)
    steps, rates = [], []
    for progress in train(experiment, images, config):
        if progress.step == 1 or progress.step * points % progress.steps < points:
            steps.append(progress.step)
            rates.append(experiment.group_rates(test.images).mean(1).tolist())
    terms = bound(experiment, test, seed=seed)
    ends = {"elbo": np.array(float(terms.elbo.mean())), "distortion": np.array(float(terms.distortion.mean()))}
    return {"step": np.array(steps), "rates": np.array(rates), **ends}


def compute_consistency(device: str, *, seeds: int, lambdas: list[float], epochs: int, **setting: Any) -> Result:
    """Return the numbers of `train_consistent` [methods, seeds] and method [methods].

    Every method sees as many images: without views there are twice the epochs.
    """
    tasks: list[dict[str, Any]] = [{"consistency": None, "shared_noise": False, "epochs": 2 * epochs}]
    tasks += [{"consistency": 0.0, "shared_noise": False, "epochs": epochs}]
    names = ["plain", "augmented"]
    for strength in lambdas:
        for shared in (False, True):
            tasks.append({"consistency": strength, "shared_noise": shared, "epochs": epochs})
            names.append(f"CR, λ = {strength:g}, {'shared' if shared else 'own'} noise")
    result = train_grid(train_consistent, tasks, seeds, device, **setting)
    return merge_results({**result.numbers, "method": np.array(names)}, [result])


@recipe("train-consistent-hierarchies", version=1)
def train_consistent(
    *,
    device: str,
    seed: int,
    data: str,
    options: dict[str, Any],
    consistency: float | None,
    shared_noise: bool,
    epochs: int,
    samples: int,
    limit: int | None = None,
) -> Numbers:
    """Train a hierarchy, with views and their consistency unless that is None, and measure it on the test images.

    Returns:
        nll (of importance samples, nats), rate, of the ELBO; probe: the accuracy of a linear classifier of all
        posterior means; shift: the KL between views and images along a shared path, summed over the groups.
    """
    images, test = (load(data, split, limit=limit, progress=False) for split in ("train", "test"))
    torch.manual_seed(seed)
    networks = _networks(options)
    experiment: Experiment = (
        recipes.hierarchical_vae(images.shape, **networks)
        if consistency is None
        else recipes.cr_hierarchical_vae(images.shape, consistency=consistency, shared_noise=shared_noise, **networks)
    )
    fit(experiment, images, TrainConfig(epochs, 64, lr=3e-3, seed=seed, device=device, progress=False))
    model = adapted(experiment)
    known, new = ((encode(model, part).mean, part.labels) for part in (images, test))
    values = {
        "nll": nll(model, test, samples, seed=seed).by_images.value,
        "rate": float(bound(model, test, seed=seed).rate.mean()),
        "probe": probe(known, new).plain.all_labels.value,
        "shift": _shift(experiment, test),
    }
    return {name: np.array(value) for name, value in values.items()}


@torch.no_grad()
def _shift(experiment: Experiment, test: Dataset) -> float:
    """Return the KL of the posteriors of views from those of images, with shared noise, summed over groups."""
    device = next(experiment.parameters()).device
    torch.manual_seed(0)
    x = to_float(test.images).float()
    view, noise = augment.simple()(x).to(device), torch.randn(len(x), experiment.model.latent).to(device)
    with eval_mode(experiment):
        ours, theirs = experiment.model(view, 1, noise), experiment.model(x.to(device), 1, noise)
    return float(PosteriorKL()(ours.q, theirs.q).mean())


def compute_samples(device: str, *, seeds: int, **setting: Any) -> Result:
    """Return the numbers of `sample_hierarchy`, stacked along a first axis of seeds; temperature [t]."""
    temperatures = setting["temperatures"]
    result = train_grid(sample_hierarchy, [setting], seeds, device)
    numbers = {name: array[0] for name, array in result.numbers.items()}
    return merge_results({**numbers, "temperature": np.array(temperatures)}, [result])


@recipe("sample-hierarchy", version=1)
def sample_hierarchy(
    *,
    device: str,
    seed: int,
    data: str,
    options: dict[str, Any],
    epochs: int,
    temperatures: list[float],
    fixed_at: float,
    limit: int | None = None,
) -> Numbers:
    """Train a hierarchy on binarized images and sample it, by temperature and below each level.

    Returns:
        by_temperature [t, N_SHOWN, h, w]; spread and nearest [t]: variance of the samples, summed over pixels,
        and their mean distance from the nearest training image; below [groups + 1, N_SHOWN, h, w]: the first
        groups are those of a test image; left [groups + 1], the variance among such samples, over many images;
        image [h, w]; rates [groups], nats per test image at the posterior means.
    """
    images, test = (load(data, split, limit=limit, progress=False) for split in ("train", "test"))
    torch.manual_seed(seed)
    experiment = recipes.hierarchical_vae(images.shape, **BINARY, **_networks(options))
    config = TrainConfig(
        epochs, 100, lr=3e-3, seed=seed, device=device, binarize="dynamic", lr_schedule="cosine", progress=False
    )
    fit(experiment, images, config)
    experiment = experiment.cpu()
    model = experiment.model
    assert isinstance(model, Hierarchy)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(N_MEASURED, model.latent, generator=generator)
    known = to_float(images.images).float().flatten(1)
    shown, spread, nearest = [], [], []
    for temperature in temperatures:
        made = experiment.decode(temperature * noise)
        shown.append(to_uint8(made[:N_SHOWN, 0]).numpy())
        spread.append(float(made.var(0).sum()))
        nearest.append(float(torch.cdist(made.flatten(1), known).min(1).values.mean()))
    x = to_float(test.images[:50]).float()
    code = experiment.encode(x).mean
    below, left = [], []
    for fixed in range(model.groups + 1):
        made = _resampled(experiment, code, sum(model.sizes[:fixed]), fixed_at, generator)
        below.append(to_uint8(made[0, :, 0]).numpy())
        left.append(float(made.var(1).sum((1, 2, 3)).mean()))
    return {
        "by_temperature": np.stack(shown),
        "below": np.stack(below),
        "image": to_uint8(x[0, 0]).numpy(),
        **{name: np.array(values) for name, values in {"spread": spread, "nearest": nearest, "left": left}.items()},
        "rates": experiment.group_rates(binarize_images(test.images, seed=0)).mean(1).numpy(),
    }


def _resampled(
    experiment: Experiment, code: Tensor, known: int, temperature: float, generator: torch.Generator
) -> Tensor:
    """Return N_SHOWN samples for each code, with its first latents: [codes, N_SHOWN, c, h, w]."""
    z = temperature * torch.randn(len(code), N_SHOWN, code.shape[1], generator=generator)
    z[..., :known] = code[:, None, :known]
    return experiment.decode(z.flatten(0, 1)).unflatten(0, (len(code), N_SHOWN))


def _networks(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a recipe, with the pairs of the groups as tuples."""
    return {**options, "groups": tuple(tuple(pair) for pair in options["groups"])}
