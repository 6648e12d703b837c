"""One training per method, seed and setting, whatever number of figures reads it; and the numbers of every figure."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from figures.consistency import methods
from figures.consistency.measures import SCALARS, measured
from figures.consistency.methods import Arm, Setting, bases, in_words
from vaelab._utils.device import device_name
from vaelab.runs.run import checksum
from vaelab.runs.store import Numbers, Result, merge_results, recipe, run_cached
from vaelab.training.config import Train
from vaelab.training.loop import fit

ROTATION_MEASURES = ("nll", "rate", "gap", "rho", "probe", "probe_moved", "six_nine", "six_nine_moved")
KEPT = ("cloud_mean", "cloud_logvar", "plane", "cloud_images")


def trained(arms: Sequence[Arm], device: str, seeds: int, *, epochs: int, **setting: Any) -> list[list[Result]]:
    """One result per arm and seed, [k][seeds], with what `measures.measured` gives."""
    device = device_name(device)
    settings = [
        Setting(arm.recipe, arm.options, epochs=arm.passes * epochs, seed=seed, **setting)
        for arm in arms
        for seed in range(seeds)
    ]
    tasks = [{**asdict(s), "device": device} for s in settings]
    data = checksum(setting["data"], setting.get("limit"))
    results = run_cached(trained_one, tasks, [data] * len(tasks), processes=None if device == "cpu" else 1)
    return [results[i : i + seeds] for i in range(0, len(results), seeds)]


@recipe("train-with-views", version=1)
def trained_one(*, device: str, **settings: Any) -> Numbers:
    """Train a `Setting` and measure it."""
    setting = Setting(**settings)
    train = setting.images("train")
    experiment = setting.experiment(train.shape[1:])
    config = Train(
        epochs=setting.epochs,
        batch_size=setting.batch_size,
        lr=setting.lr,
        seed=setting.seed,
        device=device,
        progress=False,
        lr_schedule="step",
        lr_milestones=(3 * setting.epochs // 4 + 1,),
        binarize="dynamic" if setting.likelihood == "bernoulli" else "no",
    )
    fit(experiment, train, config)
    return measured(experiment, setting)


def gathered(arms: Sequence[Arm], results: Sequence[Sequence[Result]], names: Sequence[str], **more: Any) -> Result:
    """Numbers that every training has, [k, seeds, ...] by name, and the names of the arms [k]."""
    numbers: Numbers = {name: np.array([[r.numbers[name] for r in row] for row in results]) for name in names}
    numbers["arm"] = np.array([arm.name for arm in arms])
    return merge_results({**numbers, **more}, [result for row in results for result in row])


def compute_latent_clouds(device: str, *, lambdas: list[float], seeds: int, **setting: Any) -> Result:
    """KEPT by name [k, seeds, ...], of which the first seed is drawn: the VAE, then the lambdas; data, in words."""
    chosen = [methods.vae(), *map(methods.cr, lambdas)]
    data = np.array(in_words(seeds, **setting))
    return gathered(chosen, trained(chosen, device, seeds, **setting), KEPT, data=data)


def compute_lambdas(device: str, *, lambdas: list[float], seeds: int, **setting: Any) -> Result:
    """`SCALARS` by name [k, seeds]: the VAE, the VAE twice as long, then the lambdas [k - 2]; data, in words."""
    chosen = [methods.vae(), methods.twice(), *map(methods.cr, lambdas)]
    results = trained(chosen, device, seeds, **setting)
    told: Numbers = {"lambda": np.array([np.nan, np.nan, *lambdas]), "data": np.array(in_words(seeds, **setting))}
    return gathered(chosen, results, SCALARS, **told)


def compute_tables(
    device: str, *, consistency: float, beta: float, samples_k: int, seeds: int, **setting: Any
) -> Result:
    """`SCALARS` by name [9, seeds]; consistency, the lambda of CR; data, in words."""
    chosen = bases(consistency, beta, samples_k)
    told = {"consistency": np.array(consistency), "data": np.array(in_words(seeds, **setting))}
    return gathered(chosen, trained(chosen, device, seeds, **setting), SCALARS, **told)


def compute_triplets(device: str, *, lambdas: list[float], weights: list[float], seeds: int, **setting: Any) -> Result:
    """`SCALARS` by name [k, seeds]: the VAE, the lambdas, then the triplet losses at these weights; data, in words."""
    chosen = [methods.vae(), *map(methods.cr, lambdas), *(methods.triplet(setting["latent"], w) for w in weights)]
    strengths = np.array([np.nan, *lambdas, *weights])
    told: Numbers = {"strength": strengths, "data": np.array(in_words(seeds, **setting))}
    return gathered(chosen, trained(chosen, device, seeds, **setting), SCALARS, **told)


def compute_rotation_limit(
    device: str, *, angles: list[float], consistency: float, seeds: int, **setting: Any
) -> Result:
    """ROTATION_MEASURES [2, angles, seeds]: augmentation alone, then consistency, with rotations up to each angle.

    data []: what they were trained on, in words.
    """
    chosen = [methods.cr(0.0), methods.cr(consistency)]
    by_angle = [trained(chosen, device, seeds, views=angle, **setting) for angle in angles]
    results = [[row[a] for row in by_angle] for a in range(2)]
    numbers = {
        name: np.array([[[r.numbers[name] for r in row] for row in arm] for arm in results])
        for name in ROTATION_MEASURES
    }
    numbers |= {"angle": np.array(angles), "arm": np.array([arm.name for arm in chosen])}
    numbers |= {"data": np.array(in_words(seeds, **setting))}
    return merge_results(numbers, [r for arm in results for row in arm for r in row])


def compute_tangents(device: str, *, lambdas: list[float], seeds: int, **setting: Any) -> Result:
    """tangent [k, seeds, deltas] and tangent_limit [k, seeds], medians over test images: the VAE, then the lambdas;
    data, in words."""
    chosen = [methods.vae(), *map(methods.cr, lambdas)]
    results, data = trained(chosen, device, seeds, **setting), np.array(in_words(seeds, **setting))
    return gathered(chosen, results, ("tangent", "tangent_limit"), data=data)
