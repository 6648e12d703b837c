"""VAEs traced at every step, VAEs at fixed gammas, gamma rules alone; and the figures' numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from figures.balancing.methods import OPTIMAL, PER_IMAGE, SETTERS, B, BalancingMethod, fixed, label
from figures.trainings import decode, select, train_grid
from vaelab import recipes
from vaelab._utils.device import device_name
from vaelab._utils.images import data_variance, to_float, to_uint8
from vaelab.data import Dataset, load
from vaelab.metrics import encode
from vaelab.metrics.classifier import Classifier, classifier
from vaelab.metrics.frechet import frechet_distance
from vaelab.metrics.reconstruction import rate_distortion
from vaelab.objectives.gamma import Computed
from vaelab.objectives.objective import Experiment
from vaelab.runs.execute import ONE_AT_A_TIME
from vaelab.runs.run import Run, checksum
from vaelab.runs.store import Numbers, Result, cached, recipe
from vaelab.training.config import TrainConfig
from vaelab.training.ensemble import fit_many
from vaelab.training.loop import train

N_EVALUATIONS = 50  # times in a training that test images are reconstructed
N_EVALUATED = 500  # of them, each time
N_SHOWN = 10
TRACED = ("variance", "mse", "divergence", "strength")
RULES = {"A": "running_min", "B": "capped_ema", "C": "ema"}  # the letters of the paper
N_POINTS, N_STEPS = 60, 80  # of a curve, and of a simulated one
MEASURES = ("error", "error_sampled", "rate", "score_rebuilt", "score_sampled", "score_train")


def train_methods(methods: Sequence[BalancingMethod], device: str, seeds: int, **training: Any) -> Result:
    """Trace every method and seed: the numbers [k, seeds, ...], and label, fixed [k]."""
    classifier(_load_splits(training["data"], training.get("limit"))[0])  # here, once, and not in every process
    result = train_grid(trace_balance, [{"method": list(method)} for method in methods], seeds, device, **training)
    result.numbers["label"] = np.array([label(method) for method in methods])
    result.numbers["fixed"] = np.array([method.name == "fixed" for method in methods])
    return result


def _load_splits(data: str, limit: int | None) -> tuple[Dataset, Dataset]:
    return load(data, "train", limit=limit, progress=False), load(data, "test", limit=limit, progress=False)


@recipe("trace-the-balance", version=1)
def trace_balance(*, method: Sequence[Any], steps: int, device: str, **settings: Any) -> Numbers:
    """Train one VAE with the settings of a `Run`, and record its balance at every step.

    Returns:
        `TRACED` [steps]: gamma² after the step; of its batch mse, z sampled, and divergence, nats;
        the weight of the divergence. held [steps_seen]: error per pixel of test images at the mean
        of z. All of `measure_balance`.
    """
    run = Run("balanced_vae", **settings)
    splits = _load_splits(run.data, run.limit)
    images, test = (split.images for split in splits)
    with ONE_AT_A_TIME:
        torch.manual_seed(run.seed)
        design = {"network": run.network, "hidden": run.hidden}
        experiment = BalancingMethod(*method).experiment(images.shape[1:], run.latent, **design)
        gamma = experiment.objective.likelihood.gamma
        assert gamma is not None
        config = TrainConfig(steps=steps, batch_size=run.batch_size, lr=run.lr, seed=run.seed, device=device)
        trace, evaluations, errors = [], [], []
        for progress in train(experiment, images, config):
            terms, weight = progress.terms, experiment.objective.divergence_weight
            state = (gamma.logvar.exp(), terms.mse, terms.divergence.mean(), weight)
            trace.append(torch.stack([value.detach() for value in state]))
            if progress.step % max(1, steps // N_EVALUATIONS) == 0:
                evaluations.append(progress.step)
                errors.append(rate_distortion(experiment, test[:N_EVALUATED]).distortion / test[0].numel())
        numbers = dict(zip(TRACED, torch.stack(trace).T.cpu().numpy(), strict=True))
        numbers |= {"steps_seen": np.array(evaluations), "held": np.array(errors)}
        return numbers | measure_balance(experiment, *splits, classifier(splits[0]))


@torch.no_grad()
def measure_balance(experiment: Experiment, train_set: Dataset, test_set: Dataset, network: Classifier) -> Numbers:
    """Measure a trained VAE on the test images.

    Returns:
        error, error_sampled: squared, per pixel, at the mean of z and at a sample. rate: KL(q‖p),
        nats, over all latents. of_means, of_noise [latent]: the two parts of the variance law.
        score_rebuilt, score_sampled, score_train: Fréchet distances, on features of `network`, from
        the test images to their reconstructions, to n samples from the prior and to n training
        images. shown, rebuilt, sampled [N_SHOWN, c, h, w], uint8.
    """
    test = test_set.images
    q = encode(experiment, test)
    at_mean, at_sample = decode(experiment, q.mean), decode(experiment, q.sample())
    torch.manual_seed(0)
    samples = torch.cat([experiment.sample(len(part)).cpu() for part in test.split(1000)])
    x = to_float(test)
    values = {
        "error": (x - at_mean).square().mean(),
        "error_sampled": (x - at_sample).square().mean(),
        "rate": torch.tensor(rate_distortion(experiment, test).rate),
        "of_means": q.mean.var(0, correction=0),
        "of_noise": q.logvar.exp().mean(0),
    }
    features = network.features(test)
    for name, images in (("rebuilt", at_mean), ("sampled", samples), ("train", train_set.images[: len(test)])):
        values[f"score_{name}"] = torch.tensor(frechet_distance(features, network.features(images)))
    numbers = {name: value.cpu().double().numpy() for name, value in values.items()}
    examples = {"shown": x, "rebuilt": at_mean, "sampled": samples}
    return numbers | {name: to_uint8(images[:N_SHOWN]).numpy() for name, images in examples.items()}


@recipe("variance-loss-at-fixed-gamma", version=1)
def measure_variance_loss(
    *, variances: Sequence[float], seeds: int, steps: int, device: str, **settings: Any
) -> Numbers:
    """Compare the variance of test images x and reconstructions x̂ of VAEs at fixed gammas.

    Returns:
        variance [k]: gamma². lost, error, covariance, bias [k, seeds, 2], with z sampled and at its
        mean, means over pixels: Var(x) - Var(x̂); the squared error; the covariance of x̂ and
        x - x̂; the squared mean of x - x̂. lost = error - bias + 2 covariance.
    """
    run = Run("vae", **settings)
    images, test = (split.images for split in _load_splits(run.data, run.limit))

    def make(variance: float, seed: int) -> Any:
        design: Any = {"network": run.network, "hidden": run.hidden, "gamma": variance**0.5}
        return recipes.vae(images.shape[1:], run.latent, **design)

    members = [{"variance": v, "seed": s} for v in variances for s in range(seeds)]
    config = TrainConfig(steps=steps, batch_size=run.batch_size, lr=run.lr, device=device, progress=False)
    parts = []
    with ONE_AT_A_TIME:
        for experiment in fit_many(make, members, images, config).experiments:
            q = encode(experiment, test)
            parts.append([_lost_variance(to_float(test), decode(experiment, z, len(z))) for z in (q.sample(), q.mean)])
    columns = np.moveaxis(np.array(parts).reshape(len(variances), seeds, 2, 4), -1, 0)
    names = ("lost", "error", "covariance", "bias")
    return {"variance": np.array(variances), **dict(zip(names, columns, strict=True))}


def _lost_variance(x: Tensor, reconstruction: Tensor) -> list[float]:
    residual = x - reconstruction
    covariance = ((reconstruction - reconstruction.mean(0)) * (residual - residual.mean(0))).mean()
    lost, bias = data_variance(x) - data_variance(reconstruction), residual.mean(0).square().mean()
    return [float(lost), float(residual.square().mean()), float(covariance), float(bias)]


@recipe("simulate-the-running-minimum", version=1)
def simulate_rules(*, spreads: list[float], steps: int, seeds: int) -> Numbers:
    """Update `Computed` with log-normal errors of mean 1 and these coefficients of variation.

    Returns:
        spread [k]; step [points]; variance [k, rules, points]: gamma², mean over seeds.
    """
    ends = np.unique(np.geomspace(1, steps, N_STEPS).round().astype(int))
    means = np.zeros((len(spreads), len(RULES), len(ends)))
    for i, spread in enumerate(spreads):
        torch.manual_seed(0)
        width = float(np.sqrt(np.log1p(spread**2)))
        policies = [Computed(start=1.0, rule=rule) for rule in RULES.values()]  # type: ignore[arg-type]
        for gamma in policies:  # all seeds at once
            gamma.logvar, gamma.running = gamma.logvar.expand(seeds).clone(), gamma.running.expand(seeds).clone()
        for step in range(1, steps + 1):
            error = torch.exp(width * torch.randn(seeds) - width**2 / 2)
            for gamma in policies:
                gamma.update(error, error)
            if step in ends:
                means[i, :, np.searchsorted(ends, step)] = [float(g.logvar.exp().mean()) for g in policies]
    return {"spread": np.array(spreads), "step": ends, "variance": means}


def compute_curves(
    device: str, *, seeds: int, variances: Sequence[float], methods: Sequence[Any] = SETTERS, **training: Any
) -> Result:
    """Return label [k], step [points], and `TRACED` [k, seeds, points], averaged between points."""
    result = train_methods([*methods, *map(fixed, variances)], device, seeds, **training)
    ends = np.unique(np.geomspace(1, training["steps"], N_POINTS).round().astype(int))
    sums = {name: np.cumsum(result.numbers[name].astype(float), axis=-1)[..., ends - 1] for name in TRACED}
    means = {name: np.diff(sums[name], prepend=0.0) / np.diff(ends, prepend=0) for name in TRACED}
    return select(result, ["label"], step=ends, **means)


def compute_endpoints(
    device: str, *, seeds: int, variances: Sequence[float], methods: Sequence[Any] = SETTERS, **training: Any
) -> Result:
    """Return label, fixed [k]; `MEASURES` [k, seeds]; variance, gamma² over the last 100 steps."""
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
    """Return label [k]; of_means, of_noise [k, seeds, latent], latents by descending of_means."""
    result = train_methods([B, *map(fixed, variances)], device, seeds, **training)
    order = np.argsort(-result.numbers["of_means"], axis=-1)
    parts = {name: np.take_along_axis(result.numbers[name], order, -1) for name in ("of_means", "of_noise")}
    return select(result, ["label"], **parts)


def compute_race(device: str, *, seeds: int, variances: Sequence[float], **training: Any) -> Result:
    """Return label, fixed [k]; step [p]; held, drawn [k, seeds, p]; error, score [k, seeds].

    held: error of test images at the mean of z; drawn: of batches since the previous step.
    """
    result = train_methods([*SETTERS, *map(fixed, variances)], device, seeds, **training)
    n = result.numbers
    step = n["steps_seen"][0, 0]
    batches = np.split(n["mse"], step, axis=-1)[: len(step)]
    means = np.stack([part.mean(-1) for part in batches], axis=-1)
    return select(result, ["label", "fixed", "held", "error"], step=step, drawn=means, score=n["score_sampled"])


def compute_image_grids(device: str, *, seeds: int, variances: Sequence[float], **training: Any) -> Result:
    """Return label, score [k]; shown [n, c, h, w], rebuilt, sampled [k, n, c, h, w], of seed 0."""
    result = train_methods([*map(fixed, variances), B], device, seeds, **training)
    n = {name: array[:, 0] for name, array in result.numbers.items() if array.ndim > 1}
    images = {"shown": n["shown"][0], "rebuilt": n["rebuilt"], "sampled": n["sampled"]}
    return select(result, ["label"], score=n["score_sampled"], **images)


def compute_variance_loss(device: str, **settings: Any) -> Result:
    """Return the numbers of `measure_variance_loss`."""
    return cached(measure_variance_loss, {**settings, "device": device_name(device)}, checksum(settings["data"], None))
