"""One training of a recipe on a data set, measured: the unit of the figures and of `vaelab sweep`."""

import inspect
import threading
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import torch

from vaelab import recipes
from vaelab.datasets import Dataset, load
from vaelab.errors import InvalidValue, TrainingError
from vaelab.metrics import encode, evaluate
from vaelab.objective import Experiment
from vaelab.run_store import Numbers, Result, all_computed
from vaelab.training import Train, fit

RECIPES = {
    "vae": recipes.vae,
    "beta_vae": recipes.beta_vae,
    "reverse_kl_vae": recipes.reverse_kl_vae,
    "gjs_vae": recipes.gjs_vae,
    "mmd_vae": recipes.mmd_vae,
}
# Executors may run tasks in threads, but torch has one random generator per process.
ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Run:
    """One training: a recipe with its options on a data set, and the settings of the loop."""

    recipe: str
    options: dict[str, Any] = field(default_factory=dict)
    data: str = "mnist-mini"
    latent: int = 10
    network: Literal["mlp", "conv", "burgess"] = "mlp"
    hidden: tuple[int, ...] | None = (256,)
    epochs: int = 12
    batch_size: int = 100
    lr: float = 2e-3
    seed: int = 0

    def experiment(self, shape: Sequence[int]) -> Experiment:
        """The experiment for images of this shape, with weights drawn from the seed.

        Raises InvalidValue for options that the recipe does not have.
        """
        recipe = RECIPES[self.recipe]
        known = {*inspect.signature(recipe).parameters, *recipes.Design.__annotations__}
        if alien := set(self.options) - known:
            raise InvalidValue(f"{self.recipe} has no {' and no '.join(sorted(alien))}; leave it out.")
        torch.manual_seed(self.seed)
        return recipe(shape, self.latent, network=self.network, hidden=self.hidden, **self.options)


def train_all(runs: Sequence[Run], device: str = "auto", executor: Executor | None = None) -> list[Result]:
    """The results of all runs, in order: those kept are read, the others trained in parallel and kept when done.

    executor: where to train, as for `sweep`.  Raises what `run_store.all_computed` and `train_one` raise.
    """
    checksums = {name: _checksum(name) for name in {run.data for run in runs}}
    device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    tasks = [{**asdict(run), "device": device} for run in runs]
    data = [checksums[run.data] for run in runs]
    return all_computed(train_one, tasks, data, executor, processes=None if device == "cpu" else 1)


def train_one(*, device: str, **settings: Any) -> Numbers:
    """Train a `Run` of these settings, then measure on training and test images; keep the posteriors of the latter.

    Returns train_NAME and test_NAME for every name of `metrics.evaluate` [], mean and logvar [n, latent] of the test
    images.  Raises TrainingError, naming the run, when its loss stops being finite.
    """
    run = Run(**settings)
    seen = {split: load(run.data, split, progress=False) for split in ("train", "test")}
    with ONE_AT_A_TIME:
        experiment = run.experiment(seen["train"].shape)
        try:
            fit(experiment, seen["train"], Train(run.epochs, run.batch_size, run.lr, run.seed, device, progress=False))
        except TrainingError as error:
            raise TrainingError(f"{run.recipe} {run.options}, seed {run.seed}: {error}") from error
        measured = {
            f"{split}_{name}": np.array(value)
            for split, dataset in seen.items()
            for name, value in evaluate(experiment, dataset.images).items()
        }
    q = encode(experiment, seen["test"].images)
    return {**measured, "mean": q.mean.numpy(), "logvar": q.logvar.numpy()}


def _checksum(name: str) -> str:
    parts: list[Dataset] = [load(name, split) for split in ("train", "test")]
    return "+".join(part.sha256 for part in parts)
