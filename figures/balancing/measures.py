"""The numbers of the figures of the balance: one function per figure, or for several that show the same."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from figures.balancing.methods import OPTIMAL, PER_IMAGE, SETTERS, B, Method, fixed, label
from figures.balancing.trainings import lost_variance, parts, simulated, stacked, trained
from vaelab._utils.device import device_name
from vaelab.data import load
from vaelab.runs.store import Numbers, Result, cached, merge_results

POINTS = 60
COLUMNS = ("variance", "mse", "divergence", "strength")
MEASURES = ("error", "error_sampled", "rate", "score_rebuilt", "score_sampled", "score_train")


def compute_curves(
    device: str,
    *,
    seeds: int,
    methods: Sequence[Method] = SETTERS,
    variances: Sequence[float] = (),
    **training: Any,
) -> Result:
    """Numbers: label [k]; step [points]; variance, mse, divergence, strength [k, seeds, points], each the mean over the
    steps since the point before."""
    every = [*methods, *map(fixed, variances)]
    results = trained(every, device, seeds, **training)
    steps = training["steps"]
    ends = np.unique(np.geomspace(1, steps, POINTS).round().astype(int))
    starts = np.concatenate([[0], ends[:-1]])
    numbers: Numbers = {"label": np.array([label(m) for m in every]), "step": ends}
    for name in COLUMNS:
        sums = np.cumsum(stacked(results, name).astype(float), axis=-1)
        sums = np.concatenate([np.zeros_like(sums[..., :1]), sums], axis=-1)
        numbers[name] = (sums[..., ends] - sums[..., starts]) / (ends - starts)
    return merge_results(numbers, parts(results))


def compute_endpoints(
    device: str, *, seeds: int, variances: Sequence[float], methods: Sequence[Method] = SETTERS, **training: Any
) -> Result:
    """Numbers: label [k], fixed [k], bool; variance [k, seeds], gamma² at the end, mean over the last 100 steps; and
    every one of `MEASURES` [k, seeds]."""
    every = [*map(fixed, variances), *methods]
    results = trained(every, device, seeds, **training)
    numbers: Numbers = {
        "label": np.array([label(m) for m in every]),
        "fixed": np.array([m.name == "fixed" for m in every]),
        "variance": stacked(results, "variance")[..., -100:].mean(-1),
        **{name: stacked(results, name) for name in MEASURES},
    }
    return merge_results(numbers, parts(results))


def families(kappa_squared: float, target: float, steps: int) -> list[Method]:
    """The families, set by their own numbers."""
    half, quarter = float(steps // 2), float(steps // 4)
    annealed = [Method("linear annealing", half), Method("cyclical annealing", quarter), Method("free bits", 1.0)]
    others = [Method("GECO", kappa_squared), Method("ControlVAE", target), *annealed]
    return [B, OPTIMAL, PER_IMAGE, Method("rule B", None, 4.0), *others]


def compute_families(device: str, *, kappa_squared: float, target: float, **settings: Any) -> Result:
    """As `compute_endpoints`, for `families`."""
    return compute_endpoints(device, methods=families(kappa_squared, target, settings["steps"]), **settings)


def compute_law(device: str, *, seeds: int, variances: Sequence[float], **training: Any) -> Result:
    """Numbers: label [k]; of_means, of_noise [k, seeds, latent], latents sorted by the variance of their means."""
    every = [B, *map(fixed, variances)]
    results = trained(every, device, seeds, **training)
    means, noise = stacked(results, "of_means"), stacked(results, "of_noise")
    order = np.argsort(-means, axis=-1)
    numbers: Numbers = {
        "label": np.array([label(m) for m in every]),
        "of_means": np.take_along_axis(means, order, -1),
        "of_noise": np.take_along_axis(noise, order, -1),
    }
    return merge_results(numbers, parts(results))


def compute_race(device: str, *, seeds: int, variances: Sequence[float], **training: Any) -> Result:
    """Numbers: label [k], fixed [k]; step [p]; held [k, seeds, p], error of test images at the mean z; drawn, that of
    the training batches, z drawn, since the step before; score, error [k, seeds]."""
    every = [*SETTERS, *map(fixed, variances)]
    results = trained(every, device, seeds, **training)
    numbers: Numbers = {
        "label": np.array([label(m) for m in every]),
        "fixed": np.array([m.name == "fixed" for m in every]),
        "step": stacked(results, "steps_seen")[0, 0],
        "held": stacked(results, "held"),
        "drawn": _means(stacked(results, "mse"), stacked(results, "steps_seen")[0, 0]),
        "error": stacked(results, "error"),
        "score": stacked(results, "score_sampled"),
    }
    return merge_results(numbers, parts(results))


def _means(values: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """[..., steps] -> [..., p], the mean since the end before."""
    return np.stack([part.mean(-1) for part in np.split(values, ends, axis=-1)[: len(ends)]], axis=-1)


def compute_image_grids(device: str, *, seeds: int, variances: Sequence[float], **training: Any) -> Result:
    """Seed 0 (of `seeds`, which other figures read too).

    Numbers: label [k]; shown [n, c, h, w], rebuilt and sampled [k, n, c, h, w], uint8; score [k], of the samples.
    """
    every = [*map(fixed, variances), B]
    results = [row[0] for row in trained(every, device, seeds, **training).values()]
    numbers: Numbers = {
        "label": np.array([label(m) for m in every]),
        "shown": results[0].numbers["shown"],
        "rebuilt": np.stack([r.numbers["rebuilt"] for r in results]),
        "sampled": np.stack([r.numbers["sampled"] for r in results]),
        "score": np.array([float(r.numbers["score_sampled"]) for r in results]),
    }
    return merge_results(numbers, results)


def compute_ratchet(device: str, *, spreads: list[float], steps: int, seeds: int) -> Result:
    """Return the numbers of `simulated`."""
    return cached(simulated, {"spreads": spreads, "steps": steps, "seeds": seeds})


def compute_variance_loss(device: str, **settings: Any) -> Result:
    """Return the numbers of `lost_variance`."""
    device = device_name(device)
    sums = [load(settings["data"], split, progress=False).sha256 for split in ("train", "test")]
    return cached(lost_variance, {**settings, "device": device}, "+".join(sums))
