"""Trainings of the folding VAE with several weights of the Chamfer distance, and their measures."""

import functools
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from figures.trainings import select, train_grid
from vaelab import recipes
from vaelab.data import Dataset, load
from vaelab.metrics import chamfer, encode, linear_svm
from vaelab.objectives.gamma import GammaPolicy, Learned
from vaelab.objectives.likelihoods import Chamfer
from vaelab.objectives.objective import Experiment
from vaelab.runs.store import Numbers, Result, recipe
from vaelab.training.config import TrainConfig
from vaelab.training.loop import fit

Start = Literal["fresh", "alive", "collapsed"]
MEASURES = ("weight", "gamma", "rate", "distance", "distinct", "svm_sampled", "svm_means", "svm_standardized")
PAIRED = 24  # test clouds, all of whose pairs are compared
LR_SCALE = 10.0  # of a learned gamma, whose logarithm moves by a learning rate per step
# Two minutes a seed on one core: 64 points, and networks of a few thousand weights.
NETWORK: dict[str, Any] = {"latent": 16, "hidden": [16, 16, 32, 64], "fold": 32, "neighbors": 6}
TRAINING: dict[str, Any] = {"data": "solids", "limit": 800, "points": 64, "epochs": 16, "batch_size": 32, "lr": 3e-3}
QUICK = {"gammas": [3.0, 1.0, 0.5, 0.2, 0.1, 0.05], "dimensions": [3.0, 8.0, 16.0, 64.0], **NETWORK, **TRAINING}
# The default network on all points: hours on a CPU.
PAPER = {
    **QUICK,
    **{"latent": 64, "hidden": [32, 32, 64, 256], "fold": 128, "neighbors": 16},
    **{"limit": None, "points": 512, "batch_size": 16, "lr": 1e-3},
}


def compute_collapse(
    device: str, *, gammas: list[float], dimensions: list[float], seeds: int, points: int, **setting: Any
) -> Result:
    """Train at fixed gammas with D = 3 points, then with computed and learned ones at several D, then from two starts.

    Returns:
        `MEASURES` [k, seeds]; method, start [k], texts; dimension [k].
    """
    full = 3.0 * points
    runs: list[dict[str, Any]] = [{"gamma": gamma, "dimension": full, "start": "fresh"} for gamma in gammas]
    for gamma in ("computed", "learned"):
        runs += [{"gamma": gamma, "dimension": d, "start": "fresh"} for d in (*dimensions, full)]
    ends = min(dimensions), full
    runs += [{"gamma": "computed", "dimension": d, "start": start} for start in ("alive", "collapsed") for d in ends]
    result = train_grid(train_clouds, runs, seeds, device, points=points, **setting)
    method = ["fixed" if isinstance(run["gamma"], float) else run["gamma"] for run in runs]
    labels = {"method": np.array(method), "start": np.array([run["start"] for run in runs])}
    return select(result, MEASURES, **labels, dimension=np.array([run["dimension"] for run in runs]))


@recipe("train-clouds", version=1)
def train_clouds(
    *,
    device: str,
    seed: int,
    data: str,
    limit: int | None,
    points: int,
    gamma: float | str,
    dimension: float,
    start: Start,
    epochs: int,
    batch_size: int,
    lr: float,
    latent: int,
    hidden: list[int],
    fold: int,
    neighbors: int,
) -> Numbers:
    """Train a folding VAE and measure it on test clouds.

    Args:
        points: The first of each cloud; they are in random order.
        start: "alive" and "collapsed" begin with weights trained before with a computed gamma, with D = 3 points
            and D = 3.

    Returns:
        `MEASURES`, 0-d. weight: D/(2 gamma²) at the end; rate in nats, distance: Chamfer, squared, mean of both
        directions, at posterior means; distinct: mean Chamfer distance of pairs of decoded means over that of the
        data; accuracies of a linear SVM on draws from q, on means, and on standardized means.
    """
    train, test = (load_once(data, split, limit) for split in ("train", "test"))
    clouds = {split: part.images[:, :points] for split, part in (("train", train), ("test", test))}
    network: dict[str, Any] = {"latent": latent, "hidden": tuple(hidden), "fold": fold, "neighbors": neighbors}
    config = TrainConfig(epochs, batch_size, lr, seed, device, lr_schedule="cosine", progress=False)

    def trained(policy: float | str | GammaPolicy, dimension: float, before: Experiment | None = None) -> Experiment:
        torch.manual_seed(seed)
        experiment = recipes.folding_vae(points, gamma=policy, dimension=dimension, **network)
        if before is not None:
            experiment.model.load_state_dict(before.model.state_dict())
        fit(experiment, clouds["train"], config)
        return experiment

    before = None if start == "fresh" else trained("computed", 3.0 * points if start == "alive" else 3.0)
    experiment = trained(Learned(lr_scale=LR_SCALE) if gamma == "learned" else gamma, dimension, before)
    return measure_clouds(experiment, clouds["train"], train.labels, clouds["test"], test.labels)


@functools.lru_cache(maxsize=4)
def load_once(data: str, split: str, limit: int | None) -> Dataset:
    """Load a split, which drawing takes seconds, once in a process."""
    return load(data, split, limit=limit, progress=False)


def measure_clouds(
    experiment: Experiment, train: Tensor, train_labels: Tensor, test: Tensor, test_labels: Tensor
) -> Numbers:
    """Return the measures of `train_clouds`."""
    codes = {"train": encode(experiment, train, 200), "test": encode(experiment, test, 200)}
    decoded = torch.cat([experiment.reconstruct(part).cpu() for part in test.split(200)])
    rates = torch.cat([experiment.rate(part).cpu() for part in test.split(200)])
    torch.manual_seed(0)
    draws = {split: q.sample() for split, q in codes.items()}
    likelihood = experiment.objective.likelihood
    assert isinstance(likelihood, Chamfer)
    gamma, dimension = float(likelihood.gamma.gamma.detach()), float(likelihood.dimension)

    def accuracy(x: Tensor, y: Tensor, standardize: bool = False) -> float:
        return linear_svm((x, train_labels), (y, test_labels), standardize=standardize).value

    means = codes["train"].mean, codes["test"].mean
    scalars = {
        "weight": dimension / (2 * gamma**2),
        "gamma": gamma,
        "rate": float(rates.mean()),
        "distance": float(chamfer(test, decoded, reduce="mean").mean()),
        "distinct": spread(decoded[:PAIRED]) / spread(test[:PAIRED]),
        "svm_sampled": accuracy(draws["train"], draws["test"]),
        "svm_means": accuracy(*means),
        "svm_standardized": accuracy(*means, standardize=True),
    }
    return {name: np.array(value) for name, value in scalars.items()}


def spread(clouds: Tensor) -> float:
    """Return the mean Chamfer distance of all pairs of clouds [n, points, 3]."""
    first, second = torch.combinations(torch.arange(len(clouds))).unbind(1)
    return float(chamfer(clouds[first], clouds[second], reduce="mean").mean())
