"""VAEs followed through their training: one training per setting and seed, whatever number of figures reads it."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from figures.variance_law.unsampled import unsampled
from vaelab.batches import device_name
from vaelab.datasets import load
from vaelab.encoding import encode
from vaelab.moments import variance_law
from vaelab.objective import Experiment
from vaelab.posterior import MarginalPosterior
from vaelab.run_store import Numbers, Result, recipe, run_cached
from vaelab.runs import ONE_AT_A_TIME, Run
from vaelab.settings import Train
from vaelab.training import train

SPLITS = ("train", "test")
PER_CLASS = 10  # test images of each class whose posteriors are kept after every epoch

# Settings that several figures name, and so train once.  The networks of the talk and the paper are not known; the
# number of epochs in the plane, 10, is.
PLANE: dict[str, Any] = {"data": "mnist-mini", "latent": 2, "hidden": (256,), "epochs": 10, "batch_size": 50}
PLANE_PAPER: dict[str, Any] = {**PLANE, "data": "mnist", "hidden": (512,), "batch_size": 100, "lr": 1e-3}
WIDE: dict[str, Any] = {"data": "mnist-mini", "latent": 10, "hidden": (128,), "epochs": 30}
WIDE_PAPER: dict[str, Any] = {
    **{"data": "mnist", "latent": 10, "network": "conv", "hidden": None},
    **{"epochs": 50, "batch_size": 100, "lr": 1e-3},
}


def followed(device: str, seeds: int, *, sampled: bool = True, **training: Any) -> list[Result]:
    """One VAE per seed, its numbers those of `follow`; sampled: False trains it without noise."""
    device = device_name(device)
    runs = [Run("vae", **training, seed=s) for s in range(seeds)]
    tasks = [{**asdict(run), "sampled": sampled, "device": device} for run in runs]
    data = "+".join(load(runs[0].data, split, limit=runs[0].limit).sha256 for split in SPLITS)
    return run_cached(follow, tasks, [data] * seeds, processes=None if device == "cpu" else 1)


@recipe("follow-posteriors", version=1)
def follow(*, device: str, sampled: bool, **settings: Any) -> Numbers:
    """Train a `Run`, and look at its posteriors before the first epoch and after each.

    of_means, of_noise [splits, epochs + 1, latent]: the two parts of the variance law on training and test images;
    few_mean, few_logvar [epochs + 1, m, latent], few_labels [m], few [m, c, h, w]: `PER_CLASS` test images a class, in
    the order of the file; mean, logvar [n, latent], labels [n]: all test images at the end.
    """
    run = Run(**settings)
    seen = {split: run.images(split) for split in SPLITS}
    labels = load(run.data, "test", limit=run.limit, progress=False).labels
    few = first_of_each(labels)
    with ONE_AT_A_TIME:
        experiment = run.experiment(tuple(seen["train"].shape[1:]))
        experiment = experiment if sampled else unsampled(experiment)
        config = Train(run.epochs, run.batch_size, run.lr, run.seed, device, progress=False)
        frames = [_frame(experiment, seen, few)]
        for progress in train(experiment, seen["train"], config):
            if progress.row is not None:
                frames.append(_frame(experiment, seen, few))
    q = encode(experiment, seen["test"])
    return {
        **{name: np.stack([frame[name] for frame in frames], 1 if "of_" in name else 0) for name in frames[0]},
        **{"few": seen["test"][few].numpy(), "few_labels": labels[few].numpy()},
        **{"mean": q.mean.numpy(), "logvar": q.logvar.numpy(), "labels": labels.numpy()},
    }


def first_of_each(labels: Tensor) -> Tensor:
    """The indices of the first `PER_CLASS` images of every class, ascending."""
    found = [torch.nonzero(labels == k).flatten()[:PER_CLASS] for k in labels.unique()]
    return torch.cat(found).sort().values


def posterior(numbers: Numbers) -> MarginalPosterior:
    """The mixture over the test images at the end, float64."""
    return MarginalPosterior(*(torch.from_numpy(numbers[name]).double() for name in ("mean", "logvar")))


def posteriors(results: Sequence[Result]) -> list[MarginalPosterior]:
    return [posterior(result.numbers) for result in results]


def _frame(experiment: Experiment, seen: dict[str, Tensor], few: Tensor) -> dict[str, np.ndarray]:
    codes = {split: encode(experiment, images) for split, images in seen.items()}
    laws = [variance_law(codes[split].mean.double(), codes[split].logvar.double(), 0.05) for split in SPLITS]
    return {
        "of_means": np.stack([law.of_means.numpy() for law in laws]),
        "of_noise": np.stack([law.of_noise.numpy() for law in laws]),
        "few_mean": codes["test"].mean[few].numpy(),
        "few_logvar": codes["test"].logvar[few].numpy(),
    }
