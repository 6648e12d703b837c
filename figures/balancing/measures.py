"""The numbers of the balancing figures: one function per figure, or per group that shows the same numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from figures.balancing.methods import OPTIMAL, PER_IMAGE, SETTERS, B, BalancingMethod, fixed
from figures.balancing.trainings import TRACED, measure_variance_loss, simulate_rules, train_methods
from figures.trainings import select
from vaelab._utils.device import device_name
from vaelab.runs.run import checksum
from vaelab.runs.store import Result, cached

N_POINTS = 60
MEASURES = ("error", "error_sampled", "rate", "score_rebuilt", "score_sampled", "score_train")


def compute_curves(
    device: str,
    *,
    seeds: int,
    methods: Sequence[BalancingMethod] = SETTERS,
    variances: Sequence[float] = (),
    **training: Any,
) -> Result:
    """Return label [k]; step [points]; `TRACED` [k, seeds, points], means over the steps since the point before."""
    result = train_methods([*methods, *map(fixed, variances)], device, seeds, **training)
    ends = np.unique(np.geomspace(1, training["steps"], N_POINTS).round().astype(int))
    means = {name: _means_between(result.numbers[name].astype(float), ends) for name in TRACED}
    return select(result, ["label"], step=ends, **means)


def _means_between(values: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Average [..., steps] from each end to the next: [..., points]."""
    sums = np.cumsum(values, axis=-1)
    sums = np.concatenate([np.zeros_like(sums[..., :1]), sums], axis=-1)
    starts = np.concatenate([[0], ends[:-1]])
    means: np.ndarray = (sums[..., ends] - sums[..., starts]) / (ends - starts)
    return means


def compute_endpoints(
    device: str,
    *,
    seeds: int,
    variances: Sequence[float],
    methods: Sequence[BalancingMethod] = SETTERS,
    **training: Any,
) -> Result:
    """Return label, fixed [k]; `MEASURES` [k, seeds]; variance [k, seeds], gamma² averaged over the last 100 steps."""
    result = train_methods([*map(fixed, variances), *methods], device, seeds, **training)
    variance = result.numbers["variance"][..., -100:].mean(-1)
    return select(result, ["label", "fixed", *MEASURES], variance=variance)


def compute_families(device: str, *, kappa_squared: float, target: float, **settings: Any) -> Result:
    """Return the numbers of `compute_endpoints` for every family of methods."""
    half, quarter = float(settings["steps"] // 2), float(settings["steps"] // 4)
    values = {"GECO": kappa_squared, "ControlVAE": target, "linear annealing": half, "cyclical annealing": quarter}
    others = [BalancingMethod(name, value) for name, value in {**values, "free bits": 1.0}.items()]
    methods = [B, OPTIMAL, PER_IMAGE, BalancingMethod("rule B", None, 4.0), *others]
    return compute_endpoints(device, methods=methods, **settings)


def compute_law(device: str, *, seeds: int, variances: Sequence[float], **training: Any) -> Result:
    """Return label [k]; of_means, of_noise [k, seeds, latent], latents in descending order of of_means."""
    result = train_methods([B, *map(fixed, variances)], device, seeds, **training)
    means, noise = result.numbers["of_means"], result.numbers["of_noise"]
    order = np.argsort(-means, axis=-1)
    sorted_parts = (np.take_along_axis(values, order, -1) for values in (means, noise))
    return select(result, ["label"], **dict(zip(("of_means", "of_noise"), sorted_parts, strict=True)))


def compute_race(device: str, *, seeds: int, variances: Sequence[float], **training: Any) -> Result:
    """Return label, fixed [k]; step [p]; held [k, seeds, p], error of test images at the mean of z; drawn, that of
    training batches since the step before, z sampled; error, score [k, seeds]."""
    result = train_methods([*SETTERS, *map(fixed, variances)], device, seeds, **training)
    n = result.numbers
    step = n["steps_seen"][0, 0]
    batches = np.split(n["mse"], step, axis=-1)[: len(step)]
    drawn = np.stack([part.mean(-1) for part in batches], axis=-1)
    return select(result, ["label", "fixed", "held", "error"], step=step, drawn=drawn, score=n["score_sampled"])


def compute_image_grids(device: str, *, seeds: int, variances: Sequence[float], **training: Any) -> Result:
    """Return, of seed 0, label [k]; shown [n, c, h, w], rebuilt and sampled [k, n, c, h, w], uint8; score [k]."""
    result = train_methods([*map(fixed, variances), B], device, seeds, **training)
    n = {name: result.numbers[name][:, 0] for name in ("shown", "rebuilt", "sampled", "score_sampled")}
    images = {"shown": n["shown"][0], "rebuilt": n["rebuilt"], "sampled": n["sampled"]}
    return select(result, ["label"], score=n["score_sampled"], **images)


def compute_ratchet(device: str, **settings: Any) -> Result:
    """Return the numbers of `simulate_rules`."""
    return cached(simulate_rules, settings)


def compute_variance_loss(device: str, **settings: Any) -> Result:
    """Return the numbers of `measure_variance_loss`."""
    return cached(measure_variance_loss, {**settings, "device": device_name(device)}, checksum(settings["data"], None))
