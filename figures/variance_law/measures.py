"""The numbers of the figures of the variance law: one function per figure, each from the trainings that it shares."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from figures.variance_law.trainings import SPLITS, followed, posterior, posteriors, sample
from vaelab._utils.device import device_name
from vaelab.data import load
from vaelab.posterior import MarginalPosterior
from vaelab.runs.execute import train_all
from vaelab.runs.run import Run
from vaelab.runs.store import Numbers, Result, merge_results, run_cached

REACH, GRID = 3.6, 121  # of the latent plane
DENSITY_REACH, POINTS, DRAWS = 4.0, 161, 4000  # of the densities per latent
PARTS = ("of_means", "of_noise", "active")
KURTOSIS_COLUMNS = ("variance", "of_means", "measured", "point_by_point", "constant_sigma")


def compute_digits_plane(device: str, *, seeds: int, **training: Any) -> Result:
    """Numbers: mean, logvar [seeds, m, 2], label [m] of the digits; of_means, of_noise [seeds, 2] over all test
    images."""
    results = followed(device, seeds, **training)
    each = [result.numbers for result in results]
    numbers = {
        **{name: np.stack([n[f"few_{name}"][-1] for n in each]) for name in ("mean", "logvar")},
        **{name: np.stack([n[name][1, -1] for n in each]) for name in ("of_means", "of_noise")},
        "label": each[0]["few_labels"],
    }
    return merge_results(numbers, results)


def compute_encoder_sketch(device: str, *, seeds: int, **training: Any) -> Result:
    """Numbers of seed 0 after one epoch: mean, logvar [n, 2], label [n]; shown [2, h, w] and pair [2], the two images
    of the sketch; line [GRID] and density [GRID, GRID] of Q(z), the mixture over the n images."""
    results = followed(device, seeds, **training)
    n = results[0].numbers
    mean, logvar = n["few_mean"][1], n["few_logvar"][1]
    line = np.linspace(-REACH, REACH, GRID)
    grid = torch.from_numpy(np.stack(np.meshgrid(line, line), -1).reshape(-1, 2))
    mixture = MarginalPosterior(torch.from_numpy(mean).double(), torch.from_numpy(logvar).double())
    pair = far_apart(mean)
    numbers = {
        **{"mean": mean, "logvar": logvar, "label": n["few_labels"], "pair": pair, "shown": n["few"][pair, 0]},
        **{"line": line, "density": mixture.density_2d(grid).reshape(GRID, GRID).numpy()},
    }
    return merge_results(numbers, results)


def far_apart(mean: np.ndarray) -> np.ndarray:
    """Two of the images [n, 2] whose means lie furthest apart inside 1.7 sigma of the prior: [2]."""
    apart = np.linalg.norm(mean[:, None] - mean, axis=-1)
    outside = np.linalg.norm(mean, axis=-1) > 1.7
    apart[outside] = apart[:, outside] = -1
    return np.array(np.unravel_index(apart.argmax(), apart.shape))


def compute_trajectories(device: str, *, seeds: int, **training: Any) -> Result:
    """Numbers of seed 0: mean [epochs + 1, 10, 2], radius [epochs + 1, 10], label [10]; and radii [seeds, epochs + 1]
    of all followed digits, their geometric mean."""
    results = followed(device, seeds, **training)
    n = results[0].numbers
    one_each = np.unique(n["few_labels"], return_index=True)[1]
    radii = [np.exp(0.5 * result.numbers["few_logvar"].mean((1, 2))) for result in results]
    numbers = {
        "mean": n["few_mean"][:, one_each],
        "radius": radius(n["few_logvar"][:, one_each]),
        "label": n["few_labels"][one_each],
        "radii": np.stack(radii),
    }
    return merge_results(numbers, results)


def radius(logvar: np.ndarray) -> np.ndarray:
    """The geometric mean of the two sigmas of posteriors [..., 2]: [...]; its circle is as large as the ellipse."""
    found: np.ndarray = np.exp(0.25 * logvar.sum(-1))
    return found


def compute_sampling_off(device: str, *, shown: list[int], seeds: int, **training: Any) -> Result:
    """shown: the epochs drawn.  Numbers: shown [e]; mean, logvar [2, e, m, 2] of seed 0 and label [m]; variance
    [2, seeds, epochs + 1], that of the means on the test images plus, with sampling, the mean of the variances,
    averaged over the two latents."""
    pairs = [followed(device, seeds, sampled=sampled, **training) for sampled in (True, False)]
    first = [results[0].numbers for results in pairs]
    noise = (1, 0)  # without sampling the encoder's second output means nothing
    variance = [
        [(r.numbers["of_means"][1] + used * r.numbers["of_noise"][1]).mean(-1) for r in results]
        for used, results in zip(noise, pairs, strict=True)
    ]
    numbers = {
        "shown": np.array(shown),
        **{name: np.stack([n[f"few_{name}"][shown] for n in first]) for name in ("mean", "logvar")},
        "label": first[0]["few_labels"],
        "variance": np.array(variance),
    }
    return merge_results(numbers, [result for results in pairs for result in results])


def compute_law_bars(device: str, *, data: Sequence[str], epochs: Sequence[int], seeds: int, **training: Any) -> Result:
    """VAEs on every data set, each with its number of epochs.

    Numbers: data [k]; of_means, of_noise, active [k, seeds, latent], latents sorted by the variance of their means.
    """
    runs = [
        Run("vae", **training, data=name, epochs=n, seed=seed)
        for name, n in zip(data, epochs, strict=True)
        for seed in range(seeds)
    ]
    results = train_all(runs, device, stacked=True)
    laws = [posterior.variance_law() for posterior in posteriors(results)]
    order = [np.argsort(-law.of_means.numpy()) for law in laws]
    numbers = {
        name: np.stack([getattr(law, name).numpy()[o] for law, o in zip(laws, order, strict=True)]) for name in PARTS
    }
    split = {name: values.reshape(len(data), seeds, -1) for name, values in numbers.items()}
    return merge_results({"data": np.array(data), **split}, results)


def compute_law_through_training(device: str, *, seeds: int, **training: Any) -> Result:
    """Numbers: of_means, of_noise [seeds, splits, epochs + 1, latent]."""
    results = followed(device, seeds, **training)
    names = ("of_means", "of_noise")
    return merge_results({name: np.stack([r.numbers[name] for r in results]) for name in names}, results)


def compute_point_vs_average(device: str, *, seeds: int, **training: Any) -> Result:
    """Numbers: square, variance [seeds, n, latent] of the test images, mean² and sigma²; active [seeds, latent]."""
    results = followed(device, seeds, **training)
    every = posteriors(results)
    numbers = {
        "square": np.stack([(p.mean**2).numpy() for p in every]),
        "variance": np.stack([p.logvar.exp().numpy() for p in every]),
        "active": np.stack([p.variance_law().active.numpy() for p in every]),
    }
    return merge_results(numbers, results)


def compute_kurtosis(device: str, *, seeds: int, **training: Any) -> Result:
    """Numbers [seeds, latent]: the columns, and active."""
    results = followed(device, seeds, **training)
    found = [latents(posterior) for posterior in posteriors(results)]
    return merge_results({name: np.stack([each[name] for each in found]) for name in found[0]}, results)


def latents(posterior: MarginalPosterior) -> Numbers:
    """Per latent [d]: V, the variance of the means, the kurtosis of Q(z) and what two simpler cases would make of it,
    means taken about their own mean; and whether the latent is active."""
    law, moments = posterior.variance_law(), posterior.moments()
    fourth = ((posterior.mean - moments.mean) ** 4).mean(0)
    columns = (
        *(law.total, law.of_means, moments.kurtosis),
        *(3 - 2 * fourth, 3 + (fourth - 3 * law.of_means**2) / law.total**2),
    )
    return {**{k: c.numpy() for k, c in zip(KURTOSIS_COLUMNS, columns, strict=True)}, "active": law.active.numpy()}


def compute_marginals(device: str, *, seeds: int, **training: Any) -> Result:
    """Numbers of seed 0 (of `seeds`, which other figures read), latents sorted by the variance of their means: z [m],
    density [latent, m], variance, kurtosis, skewness, kl, kl_error [latent], the last two of Q(z_j) from N(0, 1)."""
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
    numbers = {
        "z": z.numpy(),
        "density": np.stack([q.density_1d(z, int(k)).numpy() for k in order]),
        **{name: values[order].numpy() for name, values in columns.items()},
    }
    return merge_results(numbers, results)


def compute_prior_samples(device: str, *, seeds: int, **training: Any) -> Result:
    """Numbers of `sample`, stacked over seeds."""
    device = device_name(device)
    tasks = [{**asdict(Run("vae", **training, seed=s)), "device": device} for s in range(seeds)]
    data = "+".join(load(training["data"], split, limit=training.get("limit")).sha256 for split in SPLITS)
    results = run_cached(sample, tasks, [data] * seeds, processes=None if device == "cpu" else 1)
    return merge_results({k: np.stack([r.numbers[k] for r in results]) for k in results[0].numbers}, results)
