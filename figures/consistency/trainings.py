"""One training per method, seed and setting, shared between figures; the figures' numbers."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from figures.consistency.measures import SCALARS, measure_consistency
from figures.consistency.methods import ConsistencyMethod, ConsistencyRun, bases, cr, triplet, vae
from figures.trainings import select, train_grid
from vaelab.runs.store import Numbers, Result, merge_results, recipe
from vaelab.training.config import TrainConfig
from vaelab.training.loop import fit

ROTATION_MEASURES = ("nll", "rate", "gap", "rho", "probe", "probe_moved", "six_nine", "six_nine_moved")
CLOUDS = ("cloud_mean", "cloud_logvar", "plane", "cloud_images")
OBJECTIVE = ("likelihood", "gamma")  # settings of a figure that are options of the recipe


def train_methods(
    methods: Sequence[ConsistencyMethod], device: str, names: Sequence[str], *, seeds: int, epochs: int, **setting: Any
) -> Result:
    """Train every method with every seed.

    Returns:
        The measures of these names [k, seeds, ...]; arm [k]: the names of the methods; data []: the
        images, in words.
    """
    objective = {name: setting[name] for name in OBJECTIVE if name in setting}
    common = {name: value for name, value in setting.items() if name not in OBJECTIVE}
    runs = [ConsistencyRun(m.recipe, {**objective, **m.options}, epochs=m.passes * epochs, **common) for m in methods]
    result = train_grid(train_with_views, [asdict(run) for run in runs], seeds, device)
    n, _, height, width = runs[0].images("train").shape
    data = f"{runs[0].data}, {n:,} training images of {height} × {width} pixels, {seeds} seed{'s' * (seeds > 1)}"
    return select(result, names, arm=np.array([method.name for method in methods]), data=np.array(data))


@recipe("train-with-views", version=1)
def train_with_views(*, device: str, **settings: Any) -> Numbers:
    """Train a `ConsistencyRun` of these settings and measure it."""
    run = ConsistencyRun(**settings)
    images = run.images("train")
    experiment = run.experiment(images.shape[1:])
    options: Any = {"lr_schedule": "step", "lr_milestones": (3 * run.epochs // 4 + 1,), "binarize": run.binarize}
    config = TrainConfig(run.epochs, run.batch_size, run.lr, run.seed, device, progress=False, **options)
    fit(experiment, images, config)
    return measure_consistency(experiment, run)


def compute_latent_clouds(device: str, *, lambdas: list[float], **setting: Any) -> Result:
    """Return `CLOUDS` [k, seeds, ...] of the VAE, then the lambdas; the first seed is drawn."""
    return train_methods([vae(), *map(cr, lambdas)], device, CLOUDS, **setting)


def compute_lambdas(device: str, *, lambdas: list[float], **setting: Any) -> Result:
    """Return `SCALARS` [k, seeds] of the VAE, the VAE twice as long, the lambdas; lambda [k]."""
    result = train_methods([vae(), vae(passes=2), *map(cr, lambdas)], device, SCALARS, **setting)
    result.numbers["lambda"] = np.array([np.nan, np.nan, *lambdas])
    return result


def compute_tables(device: str, *, consistency: float, beta: float, samples_k: int, **setting: Any) -> Result:
    """Return `SCALARS` [9, seeds]; consistency []: the lambda of CR."""
    result = train_methods(bases(consistency, beta, samples_k), device, SCALARS, **setting)
    result.numbers["consistency"] = np.array(consistency)
    return result


def compute_triplets(device: str, *, lambdas: list[float], weights: list[float], **setting: Any) -> Result:
    """Return `SCALARS` [k, seeds] of the VAE, the lambdas, the triplet losses; strength [k]."""
    methods = [vae(), *map(cr, lambdas), *(triplet(setting["latent"], weight) for weight in weights)]
    result = train_methods(methods, device, SCALARS, **setting)
    result.numbers["strength"] = np.array([np.nan, *lambdas, *weights])
    return result


def compute_rotation_limit(device: str, *, angles: list[float], consistency: float, **setting: Any) -> Result:
    """Return `ROTATION_MEASURES` [2, angles, seeds] of augmentation, then consistency."""
    methods = [cr(0.0), cr(consistency)]
    results = [train_methods(methods, device, ROTATION_MEASURES, views=angle, **setting) for angle in angles]
    numbers = {name: np.stack([r.numbers[name] for r in results], axis=1) for name in ROTATION_MEASURES}
    same = {name: results[0].numbers[name] for name in ("arm", "data")}
    return merge_results({**numbers, **same, "angle": np.array(angles)}, results)


def compute_tangents(device: str, *, lambdas: list[float], **setting: Any) -> Result:
    """Return tangent [k, seeds, deltas] and tangent_limit [k, seeds] of VAE and lambdas."""
    return train_methods([vae(), *map(cr, lambdas)], device, ("tangent", "tangent_limit"), **setting)
