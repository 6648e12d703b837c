"""What the figures of the balance compute, each stored: one training with every step of its balance written down, and
measured at its end; VAEs of fixed gammas for the variance that they lose; and the rules without any training.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from figures.balancing.methods import Method
from vaelab import recipes
from vaelab._utils.device import device_name
from vaelab._utils.images import data_variance, to_float, to_uint8
from vaelab.data import Dataset, load
from vaelab.metrics import encode
from vaelab.metrics.classifier import Classifier, classifier
from vaelab.metrics.frechet import frechet_distance
from vaelab.objectives.gamma import Computed
from vaelab.objectives.objective import Experiment
from vaelab.runs.execute import ONE_AT_A_TIME
from vaelab.runs.store import Numbers, Result, recipe, run_cached
from vaelab.training.config import Train
from vaelab.training.ensemble import fit_many
from vaelab.training.loop import train

LOOKS = 50  # times in a training that the test images are reconstructed
SEEN = 500  # of them, each time
SHOWN = 10  # pictures that are kept
RULES = ("A", "B", "C")
POINTS = 80


def trained(methods: Sequence[Method], device: str, seeds: int, **training: Any) -> dict[Method, list[Result]]:
    """The results of `traced`, one per seed, for every method; kept ones are read, the others trained in parallel."""
    where = device_name(device)
    named = [{"method": list(method), "seed": seed} for method in methods for seed in range(seeds)]
    tasks = [{**name, "device": where, **training} for name in named]
    sets = both(training["data"], training.get("limit"))
    classifier(sets[0])  # trained here, once, and not by every process
    checksum = "+".join(part.sha256 for part in sets)
    found = run_cached(traced, tasks, [checksum] * len(tasks), processes=None if where == "cpu" else 1)
    return {method: found[i * seeds : (i + 1) * seeds] for i, method in enumerate(methods)}


def both(data: str, limit: int | None) -> tuple[Dataset, Dataset]:
    """Training and test part."""
    return load(data, "train", limit=limit, progress=False), load(data, "test", limit=limit, progress=False)


def parts(results: dict[Method, list[Result]]) -> list[Result]:
    """All of them, one after the other."""
    return [result for row in results.values() for result in row]


def stacked(results: dict[Method, list[Result]], name: str) -> np.ndarray:
    """One of the numbers of `traced` for all of them: [methods, seeds, ...]."""
    return np.stack([np.stack([result.numbers[name] for result in row]) for row in results.values()])


@recipe("trace-the-balance", version=1)
def traced(
    *,
    method: Sequence[Any],
    data: str,
    network: str,
    hidden: Sequence[int],
    latent: int,
    steps: int,
    batch_size: int,
    lr: float,
    seed: int,
    device: str,
    limit: int | None = None,
) -> Numbers:
    """Train and write down.  Per step [steps]: variance (gamma² after it), mse (sampled z, of its batch), divergence
    (nats), strength (of the divergence).  steps_seen and held [LOOKS]: error per pixel at the mean z of `SEEN` test
    images.  The rest is that of `measured`.
    """
    sets = both(data, limit)
    images, test = (part.images for part in sets)
    with ONE_AT_A_TIME:
        torch.manual_seed(seed)
        own = {"network": network, "hidden": tuple(hidden)}
        experiment = Method(*method).experiment(tuple(images.shape[1:]), latent, **own)
        config = Train(steps=steps, batch_size=batch_size, lr=lr, seed=seed, device=device)
        path, seen, held = [], [], []
        for progress in train(experiment, images, config):
            path.append(_state(experiment, progress.terms.mse.detach(), progress.terms.divergence.detach()))
            if progress.step % max(1, steps // LOOKS) == 0:
                seen.append(progress.step)
                held.append(error(experiment, test[:SEEN]))
        columns = torch.stack(path).T.cpu().numpy()
        names = ("variance", "mse", "divergence", "strength")
        kept = dict(zip(names, columns, strict=True)) | {"steps_seen": np.array(seen), "held": np.array(held)}
        return kept | measured(experiment, *sets, classifier(sets[0]))


def _state(experiment: Experiment, mse: Tensor, divergence: Tensor) -> Tensor:
    objective = experiment.objective
    assert objective.likelihood.gamma is not None
    with torch.no_grad():
        return torch.stack(
            [objective.likelihood.gamma.logvar.exp(), mse, divergence.mean(), objective.divergence_weight]
        )


@torch.no_grad()
def error(experiment: Experiment, images: Tensor) -> float:
    """The squared error per pixel at the mean of z."""
    x = to_float(images.to(next(experiment.parameters()).device))
    return float((x - experiment.reconstruct(x)).square().mean())


@torch.no_grad()
def measured(experiment: Experiment, train_set: Dataset, test_set: Dataset, net: Classifier) -> Numbers:
    """On the test images: error, error_sampled (per pixel), rate KL(q‖p) (nats, over all latents);
    of_means, of_noise [latent], the two parts of the variance law of the group that is decoded.

    score_rebuilt, score_sampled, score_train []: Fréchet distance, on the features of `net`, a classifier trained on
    the data, from the test images to the reconstructions, to as many draws from the prior, to as many training images.
    shown, rebuilt, sampled [SHOWN, c, h, w] uint8.
    """
    device, test = next(experiment.parameters()).device, test_set.images
    q = encode(experiment, test)
    rebuilt, at_random = (
        torch.cat([experiment.decode(part.to(device)).cpu() for part in z.split(1000)]) for z in (q.mean, q.sample())
    )
    torch.manual_seed(0)
    sampled = torch.cat([experiment.sample(len(part)).cpu() for part in test.split(1000)])
    rates = [experiment.rate(part.to(device)).cpu() for part in test.split(2000)]
    x = to_float(test)
    values = {
        "error": (x - rebuilt).square().mean(),
        "error_sampled": (x - at_random).square().mean(),
        "rate": torch.cat(rates).mean(),
        "of_means": q.mean.var(0, correction=0),
        "of_noise": q.logvar.exp().mean(0),
    }
    truth = net.features(test)
    for name, pictures in (("rebuilt", rebuilt), ("sampled", sampled), ("train", train_set.images[: len(test)])):
        values[f"score_{name}"] = torch.tensor(frechet_distance(truth, net.features(pictures)))
    numbers = {name: value.double().cpu().numpy() for name, value in values.items()}
    kept = {"shown": x, "rebuilt": rebuilt, "sampled": sampled}
    return numbers | {name: to_uint8(pictures[:SHOWN]).numpy() for name, pictures in kept.items()}


@recipe("variance-loss-at-fixed-gamma", version=1)
def lost_variance(
    *,
    variances: Sequence[float],
    seeds: int,
    data: str,
    network: str,
    hidden: Sequence[int],
    latent: int,
    steps: int,
    batch_size: int,
    lr: float,
    device: str,
) -> Numbers:
    """VAEs of fixed gammas, trained together, on test images x: variance [k]; and [k, seeds, 2], with z drawn and at
    its mean, lost, error, covariance and bias.

    lost: Var(x) - Var(x̂), the mean over pixels; error: squared, per pixel; covariance: of x̂ and x - x̂; bias: the
    mean over pixels of the squared mean of x - x̂.  lost = error - bias + 2 covariance.
    """
    images, test = (load(data, split, progress=False).images for split in ("train", "test"))
    x = to_float(test)

    def make(variance: float, seed: int) -> Any:
        own: Any = {"network": network, "hidden": tuple(hidden)}
        return recipes.vae(tuple(images.shape[1:]), latent, gamma=variance**0.5, **own)

    settings = [{"variance": v, "seed": s} for v in variances for s in range(seeds)]
    config = Train(steps=steps, batch_size=batch_size, lr=lr, device=device, progress=False)
    found = []
    with ONE_AT_A_TIME:
        for experiment in fit_many(make, settings, images, config).experiments:
            q = encode(experiment, test)
            place = next(experiment.parameters()).device
            found.append([_parts(x, experiment.decode(z.to(place)).cpu()) for z in (q.sample(), q.mean)])
    columns = np.moveaxis(np.array(found).reshape(len(variances), seeds, 2, 4), -1, 0)
    names = ("lost", "error", "covariance", "bias")
    return {"variance": np.array(variances), **dict(zip(names, columns, strict=True))}


def _parts(x: torch.Tensor, rebuilt: torch.Tensor) -> list[float]:
    residual = x - rebuilt
    covariance = ((rebuilt - rebuilt.mean(0)) * (residual - residual.mean(0))).mean()
    lost, bias = data_variance(x) - data_variance(rebuilt), residual.mean(0).square().mean()
    return [float(lost), float(residual.square().mean()), float(covariance), float(bias)]


@recipe("simulate-the-running-minimum", version=1)
def simulated(*, spreads: list[float], steps: int, seeds: int) -> Numbers:
    """gamma² of `Computed` on errors of mean 1 and these coefficients of variation, log-normal, all seeds at once.

    Numbers: spread [k], step [points], variance [k, rules, points], the mean over seeds.
    """
    ends = np.unique(np.geomspace(1, steps, POINTS).round().astype(int))
    found = np.zeros((len(spreads), len(RULES), len(ends)))
    for i, spread in enumerate(spreads):
        torch.manual_seed(0)
        width = float(np.sqrt(np.log1p(spread**2)))
        rules = [_many(rule, seeds) for rule in RULES]
        for number in range(1, steps + 1):
            error = torch.exp(width * torch.randn(seeds) - width**2 / 2)
            for gamma in rules:
                gamma.update(error, error)
            if number in ends:
                found[i, :, np.searchsorted(ends, number)] = [float(g.logvar.exp().mean()) for g in rules]
    return {"spread": np.array(spreads), "step": ends, "variance": found}


def _many(rule: str, seeds: int) -> Computed:
    """A policy whose numbers are a row of `seeds`."""
    gamma = Computed(start=1.0, rule={"A": "running_min", "B": "capped_ema", "C": "ema"}[rule])  # type: ignore[arg-type]
    gamma.logvar, gamma.running = gamma.logvar.expand(seeds).clone(), gamma.running.expand(seeds).clone()
    return gamma
