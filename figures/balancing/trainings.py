"""What the balancing figures train: VAEs traced at every step, VAEs at fixed gammas, and gamma rules alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from figures.balancing.methods import BalancingMethod, label
from figures.trainings import decode, train_grid
from vaelab import recipes
from vaelab._utils.images import as_bytes, data_variance, unit
from vaelab.data import Dataset, load
from vaelab.metrics import encode
from vaelab.metrics.classifier import Classifier, classifier
from vaelab.metrics.frechet import frechet_distance
from vaelab.objectives.gamma import Computed
from vaelab.objectives.objective import Experiment
from vaelab.runs.execute import ONE_AT_A_TIME
from vaelab.runs.store import Numbers, Result, recipe
from vaelab.training.config import Train
from vaelab.training.ensemble import fit_many
from vaelab.training.loop import train

N_EVALUATIONS = 50  # times in a training that test images are reconstructed
N_EVALUATED = 500  # of them, each time
N_SHOWN = 10
TRACED = ("variance", "mse", "divergence", "strength")
RULES = ("A", "B", "C")
N_POINTS = 80


def train_methods(methods: Sequence[BalancingMethod], device: str, seeds: int, **training: Any) -> Result:
    """Compute `trace_balance` for every method and seed: its numbers [k, seeds, ...], and label, fixed [k]."""
    classifier(_splits(training["data"], training.get("limit"))[0])  # here, once, and not in every process
    result = train_grid(trace_balance, [{"method": list(method)} for method in methods], seeds, device, **training)
    result.numbers["label"] = np.array([label(method) for method in methods])
    result.numbers["fixed"] = np.array([method.name == "fixed" for method in methods])
    return result


def _splits(data: str, limit: int | None) -> tuple[Dataset, Dataset]:
    return load(data, "train", limit=limit, progress=False), load(data, "test", limit=limit, progress=False)


@recipe("trace-the-balance", version=1)
def trace_balance(
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
    """Train one VAE, record its balance at every step, and measure it at the end.

    Returns:
        `TRACED` [steps]: gamma² after the step; of its batch mse, z sampled, and divergence, nats; the weight of the
        divergence. held [steps_seen]: error per pixel of test images at the mean of z. All of `measure_balance`.
    """
    splits = _splits(data, limit)
    images, test = (split.images for split in splits)
    with ONE_AT_A_TIME:
        torch.manual_seed(seed)
        design = {"network": network, "hidden": tuple(hidden)}
        experiment = BalancingMethod(*method).experiment(tuple(images.shape[1:]), latent, **design)
        gamma = experiment.objective.likelihood.gamma
        assert gamma is not None
        x = unit(test[:N_EVALUATED].to(device))
        trace, evaluated, errors = [], [], []
        for progress in train(
            experiment, images, Train(steps=steps, batch_size=batch_size, lr=lr, seed=seed, device=device)
        ):
            terms, weight = progress.terms, experiment.objective.strength
            state = (gamma.logvar.exp(), terms.mse, terms.divergence.mean(), weight)
            trace.append(torch.stack([value.detach() for value in state]))
            if progress.step % max(1, steps // N_EVALUATIONS) == 0:
                evaluated.append(progress.step)
                errors.append(float((x - experiment.reconstruct(x)).square().mean()))
        columns = torch.stack(trace).T.cpu().numpy()
        numbers = dict(zip(TRACED, columns, strict=True)) | {
            "steps_seen": np.array(evaluated),
            "held": np.array(errors),
        }
        return numbers | measure_balance(experiment, *splits, classifier(splits[0]))


@torch.no_grad()
def measure_balance(experiment: Experiment, train_set: Dataset, test_set: Dataset, network: Classifier) -> Numbers:
    """Measure a trained VAE on the test images.

    Returns:
        error, error_sampled: squared, per pixel, at the mean of z and at a sample. rate: KL(q‖p), nats, over all
        latents. of_means, of_noise [latent]: the two parts of the variance law. score_rebuilt, score_sampled,
        score_train: Fréchet distances, on features of `network`, from the test images to their reconstructions, to n
        samples from the prior and to n training images. shown, rebuilt, sampled [N_SHOWN, c, h, w], uint8.
    """
    device, test = next(experiment.parameters()).device, test_set.images
    q = encode(experiment, test)
    rebuilt, noisy = decode(experiment, q.mean), decode(experiment, q.sample())
    torch.manual_seed(0)
    sampled = torch.cat([experiment.sample(len(part)).cpu() for part in test.split(1000)])
    rates = [experiment.rate(part.to(device)).cpu() for part in test.split(2000)]
    x = unit(test)
    values = {
        "error": (x - rebuilt).square().mean(),
        "error_sampled": (x - noisy).square().mean(),
        "rate": torch.cat(rates).mean(),
        "of_means": q.mean.var(0, correction=0),
        "of_noise": q.logvar.exp().mean(0),
    }
    features = network.features(test)
    for name, images in (("rebuilt", rebuilt), ("sampled", sampled), ("train", train_set.images[: len(test)])):
        values[f"score_{name}"] = torch.tensor(frechet_distance(features, network.features(images)))
    numbers = {name: value.double().cpu().numpy() for name, value in values.items()}
    examples = {"shown": x, "rebuilt": rebuilt, "sampled": sampled}
    return numbers | {name: as_bytes(images[:N_SHOWN]).numpy() for name, images in examples.items()}


@recipe("variance-loss-at-fixed-gamma", version=1)
def measure_variance_loss(
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
    """Train VAEs at fixed gammas together and compare the variance of test images x with that of reconstructions x̂.

    Returns:
        variance [k]: gamma². lost, error, covariance, bias [k, seeds, 2], with z sampled and at its mean, means over
        pixels: Var(x) - Var(x̂); the squared error; the covariance of x̂ and x - x̂; the squared mean of x - x̂.
        lost = error - bias + 2 covariance.
    """
    images, test = (split.images for split in _splits(data, None))
    x = unit(test)

    def make(variance: float, seed: int) -> Any:
        design: Any = {"network": network, "hidden": tuple(hidden)}
        return recipes.vae(tuple(images.shape[1:]), latent, gamma=variance**0.5, **design)

    settings = [{"variance": v, "seed": s} for v in variances for s in range(seeds)]
    config = Train(steps=steps, batch_size=batch_size, lr=lr, device=device, progress=False)
    parts = []
    with ONE_AT_A_TIME:
        for experiment in fit_many(make, settings, images, config).experiments:
            q = encode(experiment, test)
            parts.append([_lost_variance(x, decode(experiment, z, len(z))) for z in (q.sample(), q.mean)])
    columns = np.moveaxis(np.array(parts).reshape(len(variances), seeds, 2, 4), -1, 0)
    names = ("lost", "error", "covariance", "bias")
    return {"variance": np.array(variances), **dict(zip(names, columns, strict=True))}


def _lost_variance(x: Tensor, rebuilt: Tensor) -> list[float]:
    residual = x - rebuilt
    covariance = ((rebuilt - rebuilt.mean(0)) * (residual - residual.mean(0))).mean()
    lost, bias = data_variance(x) - data_variance(rebuilt), residual.mean(0).square().mean()
    return [float(lost), float(residual.square().mean()), float(covariance), float(bias)]


@recipe("simulate-the-running-minimum", version=1)
def simulate_rules(*, spreads: list[float], steps: int, seeds: int) -> Numbers:
    """Update `Computed` with log-normal errors of mean 1 and these coefficients of variation.

    Returns:
        spread [k]; step [points]; variance [k, rules, points]: gamma², mean over seeds.
    """
    ends = np.unique(np.geomspace(1, steps, N_POINTS).round().astype(int))
    means = np.zeros((len(spreads), len(RULES), len(ends)))
    for i, spread in enumerate(spreads):
        torch.manual_seed(0)
        width = float(np.sqrt(np.log1p(spread**2)))
        policies = [Computed(start=1.0, rule=rule) for rule in RULES]  # type: ignore[arg-type]
        for gamma in policies:  # all seeds at once
            gamma.logvar, gamma.running = gamma.logvar.expand(seeds).clone(), gamma.running.expand(seeds).clone()
        for step in range(1, steps + 1):
            error = torch.exp(width * torch.randn(seeds) - width**2 / 2)
            for gamma in policies:
                gamma.update(error, error)
            if step in ends:
                means[i, :, np.searchsorted(ends, step)] = [float(g.logvar.exp().mean()) for g in policies]
    return {"spread": np.array(spreads), "step": ends, "variance": means}
