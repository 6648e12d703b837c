"""The numbers of the figures of the variance law: a function per figure, with shared trainings."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from figures.trainings import compute_all, stack
from figures.variance_law.trainings import followed, posterior, sample
from vaelab.posterior import MarginalPosterior
from vaelab.runs.execute import train_all
from vaelab.runs.run import Run
from vaelab.runs.store import Numbers, Result, merge_results

REACH, GRID = 3.6, 121  # of the latent plane
DENSITY_REACH, POINTS, DRAWS = 4.0, 161, 4000  # of the densities per latent


def compute_digits_plane(device: str, *, seeds: int, **training: Any) -> Result:
    """Return mean, logvar [seeds, m, 2], label [m]; of_means, of_noise [seeds, 2]."""
    results = followed(device, seeds, **training)
    numbers = [result.numbers for result in results]
    digits = [{"mean": n["few_mean"][-1], "logvar": n["few_logvar"][-1]} for n in numbers]
    law = [{name: n[name][1, -1] for name in ("of_means", "of_noise")} for n in numbers]
    return merge_results({**stack(digits), **stack(law), "label": numbers[0]["few_labels"]}, results)


def compute_encoder_sketch(device: str, *, seeds: int, **training: Any) -> Result:
    """Return posteriors of seed 0 after one epoch, a pair of images, and the density of Q(z)."""
    results = followed(device, seeds, **training)
    n = results[0].numbers
    mean, logvar = n["few_mean"][1], n["few_logvar"][1]
    line = np.linspace(-REACH, REACH, GRID)
    grid = torch.from_numpy(np.stack(np.meshgrid(line, line), -1).reshape(-1, 2))
    density = posterior({"mean": mean, "logvar": logvar}).density_2d(grid).reshape(GRID, GRID).numpy()
    pair = far_apart(mean)
    images = {"label": n["few_labels"], "pair": pair, "shown": n["few"][pair, 0]}
    return merge_results({"mean": mean, "logvar": logvar, **images, "line": line, "density": density}, results)


def far_apart(mean: np.ndarray) -> np.ndarray:
    """Return the pair of means [n, 2] furthest apart inside 1.7 sigma of the prior, [2]."""
    apart = np.linalg.norm(mean[:, None] - mean, axis=-1)
    outside = np.linalg.norm(mean, axis=-1) > 1.7
    apart[outside] = apart[:, outside] = -1
    return np.array(np.unravel_index(apart.argmax(), apart.shape))


def compute_trajectories(device: str, *, seeds: int, **training: Any) -> Result:
    """Return mean [epochs + 1, 10, 2], radius, label of seed 0; mean radii [seeds, epochs + 1]."""
    results = followed(device, seeds, **training)
    n = results[0].numbers
    label, first = np.unique(n["few_labels"], return_index=True)
    numbers = {
        "mean": n["few_mean"][:, first],
        "radius": radius(n["few_logvar"][:, first]),
        "label": label,
        "radii": np.stack([np.exp(0.5 * result.numbers["few_logvar"].mean((1, 2))) for result in results]),
    }
    return merge_results(numbers, results)


def radius(logvar: np.ndarray) -> np.ndarray:
    """Return the radius [...] of circles as large as the ellipses of posteriors [..., 2]."""
    sigma: np.ndarray = np.exp(0.25 * logvar.sum(-1))
    return sigma


def compute_sampling_off(device: str, *, shown: list[int], seeds: int, **training: Any) -> Result:
    """Return codes [2, e, m, 2] at the epochs `shown` and variance [2, seeds, epochs + 1]."""
    sampled, plain = (followed(device, seeds, sampled=sampled, **training) for sampled in (True, False))
    first = [{name: r[0].numbers[f"few_{name}"][shown] for name in ("mean", "logvar")} for r in (sampled, plain)]
    variance = [
        [(r.numbers["of_means"][1] + r.numbers["of_noise"][1]).mean(-1) for r in sampled],
        [r.numbers["of_means"][1].mean(-1) for r in plain],  # the encoder's second output has no meaning there
    ]
    numbers = {"shown": np.array(shown), "label": sampled[0].numbers["few_labels"], "variance": np.array(variance)}
    return merge_results({**numbers, **stack(first)}, [*sampled, *plain])


def compute_law_bars(device: str, *, data: Sequence[str], epochs: Sequence[int], seeds: int, **training: Any) -> Result:
    """Return data [k]; of_means, of_noise, active [k, seeds, latent], sorted by of_means."""
    pairs = zip(data, epochs, strict=True)
    runs = [Run("vae", **training, data=name, epochs=n, seed=seed) for name, n in pairs for seed in range(seeds)]
    results = train_all(runs, device, stacked=True)
    laws = [posterior(result.numbers).variance_law() for result in results]
    parts = [
        {name: getattr(law, name).numpy()[order] for name in ("of_means", "of_noise", "active")}
        for law in laws
        for order in [np.argsort(-law.of_means.numpy())]
    ]
    return merge_results({"data": np.array(data), **stack(parts, len(data), seeds)}, results)


def compute_law_through_training(device: str, *, seeds: int, **training: Any) -> Result:
    """Return of_means, of_noise [seeds, splits, epochs + 1, latent]."""
    results = followed(device, seeds, **training)
    return merge_results(
        stack([{name: r.numbers[name] for name in ("of_means", "of_noise")} for r in results]), results
    )


def compute_point_vs_average(device: str, *, seeds: int, **training: Any) -> Result:
    """Return mean² and sigma² of test images, [seeds, n, latent], and active [seeds, latent]."""
    results = followed(device, seeds, **training)
    mixtures = [posterior(result.numbers) for result in results]
    parts = [{"square": q.mean**2, "variance": q.logvar.exp(), "active": q.variance_law().active} for q in mixtures]
    return merge_results(stack([{name: t.numpy() for name, t in part.items()} for part in parts]), results)


def compute_kurtosis(device: str, *, seeds: int, **training: Any) -> Result:
    """Return the numbers of `kurtosis`, [seeds, latent]."""
    results = followed(device, seeds, **training)
    return merge_results(stack([kurtosis(posterior(result.numbers)) for result in results]), results)


def kurtosis(q: MarginalPosterior) -> Numbers:
    """Return V, of_means, kurtosis of Q(z), two predictions of it, and active, per latent [d]."""
    law, moments = q.variance_law(), q.moments()
    fourth = ((q.mean - moments.mean) ** 4).mean(0)
    columns = {
        "variance": law.total,
        "of_means": law.of_means,
        "measured": moments.kurtosis,
        "point_by_point": 3 - 2 * fourth,
        "constant_sigma": 3 + (fourth - 3 * law.of_means**2) / law.total**2,
        "active": law.active,
    }
    return {name: values.numpy() for name, values in columns.items()}


def compute_marginals(device: str, *, seeds: int, **training: Any) -> Result:
    """Return densities [latent, m] of seed 0 over z [m], and moments, sorted by of_means."""
    results = followed(device, seeds, **training)
    q = posterior(results[0].numbers)
    law, moments, distance = q.variance_law(), q.moments(), q.dimension_wise_kl(DRAWS)
    order = law.of_means.argsort(descending=True)
    z = torch.linspace(-DENSITY_REACH, DENSITY_REACH, POINTS, dtype=torch.float64)
    columns = {
        "variance": law.total,
        "of_means": law.of_means,
        "skewness": moments.skewness,
        "kurtosis": moments.kurtosis,
        "kl": distance.value,
        "kl_error": distance.standard_error,
    }
    numbers = {"z": z.numpy(), "density": np.stack([q.density_1d(z, int(k)).numpy() for k in order])}
    return merge_results(numbers | {name: values[order].numpy() for name, values in columns.items()}, results)


def compute_prior_samples(device: str, *, seeds: int, **training: Any) -> Result:
    """Return the numbers of `sample`, [seeds, ...]."""
    results = compute_all(sample, [asdict(Run("vae", **training, seed=s)) for s in range(seeds)], device)
    return merge_results(stack([result.numbers for result in results]), results)
