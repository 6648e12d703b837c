"""One training of a recipe on a data set, measured: the unit of the figures and of `vaelab sweep`."""

import functools
import inspect
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from vaelab import recipes
from vaelab.batches import device_name
from vaelab.datasets import Dataset, load
from vaelab.denoising import Denoising, noisy
from vaelab.ensemble import fit_many
from vaelab.errors import InvalidValue, TrainingError
from vaelab.kept import kept_of
from vaelab.objective import Experiment
from vaelab.pixels import unit
from vaelab.run_store import BatchRunner, Numbers, Result, recipe, run_cached
from vaelab.settings import Train
from vaelab.stackable import alike

RECIPES: dict[str, Callable[..., Experiment]] = {
    "vae": recipes.vae,
    "beta_vae": recipes.beta_vae,
    "reverse_kl_vae": recipes.reverse_kl_vae,
    "gjs_vae": recipes.gjs_vae,
    "mmd_vae": recipes.mmd_vae,
    "balanced_vae": recipes.balanced_vae,
    "iwae": recipes.iwae,
    "two_layer_iwae": recipes.two_layer_iwae,
    "cr_vae": recipes.cr_vae,
    "cr_beta_vae": recipes.cr_beta_vae,
    "cr_iwae": recipes.cr_iwae,
    "triplet_vae": recipes.triplet_vae,
}
# Executors may run tasks in threads, but torch has one random generator per process.
ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Run:
    """One training: a recipe with its options on a data set, and the settings of the loop.

    limit: at most so many images of each split.  side: images are padded with zeros to this side, as MNIST is to 32
    for the published networks, or averaged down to it where it divides theirs; None leaves them.  noise: standard
    deviation of the noise on the network's input, for denoising.
    """

    recipe: str
    options: dict[str, Any] = field(default_factory=dict)
    data: str = "mnist-mini"
    latent: int = 10
    network: Literal["mlp", "conv", "burgess", "burda", "resnet", "infogan"] = "mlp"
    hidden: tuple[int, ...] | None = (256,)
    epochs: int = 12
    batch_size: int = 100
    lr: float = 2e-3
    seed: int = 0
    limit: int | None = None
    side: int | None = None
    noise: float = 0.0

    @property
    def binarise(self) -> Literal["no", "dynamic"]:
        """How the loop shows images: to a Bernoulli in black and white, of which alone it is a likelihood."""
        return "dynamic" if self.options.get("likelihood") == "bernoulli" else "no"

    def images(self, split: str) -> Tensor:
        """The images of a split, "train" or "test": uint8 [n, c, h, w]; a published set is read once per process."""
        read = _images.__wrapped__ if self.data.startswith("folder:") else _images
        return read(self.data, split, self.limit, self.side)

    def inputs(self, images: Tensor) -> Tensor:
        """What the network is shown of these images when it is measured: with noise, the same at every call."""
        return noisy(unit(images), self.noise, torch.Generator().manual_seed(0)) if self.noise else images

    def experiment(self, shape: Sequence[int]) -> Experiment:
        """The experiment for images of this shape, with weights drawn from the seed.

        Raises InvalidValue for options that the recipe does not have.
        """
        recipe = RECIPES[self.recipe]
        known = {*inspect.signature(recipe).parameters, *recipes.Design.__annotations__}
        if alien := set(self.options) - known:
            raise InvalidValue(f"{self.recipe} has no {' and no '.join(sorted(alien))}; leave it out.")
        torch.manual_seed(self.seed)
        plain = recipe(shape, self.latent, network=self.network, hidden=self.hidden, **self.options)
        return Denoising(plain.model, plain.objective, plain.shape, self.noise) if self.noise else plain


def train_all(
    runs: Sequence[Run], device: str = "auto", executor: Executor | None = None, *, stacked: bool = False
) -> list[Result]:
    """The results of all runs, in order: those kept are read, the others trained in parallel and kept when done.

    executor: where to train, as for `sweep`.  stacked: runs that differ in numbers only are trained several at a time,
    as by `fit_many`, which is quicker and gives the same results but for rounding.  Raises what
    `run_store.run_cached` and `train_one` raise.
    """
    sums = {which: checksum(*which) for which in {(run.data, run.limit) for run in runs}}
    device = device_name(device)
    tasks = [{**asdict(run), "device": device} for run in runs]
    data = [sums[run.data, run.limit] for run in runs]
    processes = None if device == "cpu" else 1
    batch = BatchRunner(alike, train_together) if stacked else None
    return run_cached(train_one, tasks, data, executor, processes=processes, batch=batch)


@recipe("train-and-measure", version=1)
def train_one(*, device: str, **settings: Any) -> Numbers:
    """Train a `Run` of these settings, then measure on training and test images, and keep what it shows.

    Returns what `kept.kept_of` does.  Raises TrainingError, naming the run, when its loss stops being finite.
    """
    return train_together([{"device": device, **settings}])[0]


def train_together(tasks: Sequence[dict[str, Any]]) -> list[Numbers]:
    """`train_one` for several tasks that differ in the options and seeds of their runs only."""
    device, runs = tasks[0]["device"], [Run(**{k: v for k, v in task.items() if k != "device"}) for task in tasks]
    first = runs[0]
    seen = {split: first.images(split) for split in ("train", "test")}
    config = Train(
        first.epochs, first.batch_size, first.lr, first.seed, device, progress=False, binarise=first.binarise
    )

    def make(index: int, seed: int) -> Experiment:
        return runs[index].experiment(tuple(seen["train"].shape[1:]))

    with ONE_AT_A_TIME:
        try:
            settings = [{"index": i, "seed": run.seed} for i, run in enumerate(runs)]
            trained = fit_many(make, settings, seen["train"], config)
        except TrainingError as error:
            names = "; ".join(f"{run.recipe} {run.options}, seed {run.seed}" for run in runs)
            raise TrainingError(f"{names}: {error}") from error
        return [
            kept_of(experiment, history, seen, {split: run.inputs(x) for split, x in seen.items()})
            for run, experiment, history in zip(runs, trained.experiments, trained, strict=True)
        ]


@functools.lru_cache(maxsize=4)
def _images(data: str, split: str, limit: int | None, side: int | None) -> Tensor:
    images = load(data, split, limit=limit, progress=False).images
    if side is None or side == images.shape[-1]:
        return images
    size = images.shape[-1]
    if size % side == 0:
        return F.avg_pool2d(images.float(), size // side).round().to(torch.uint8)
    if side < size:
        raise InvalidValue(
            f"side={side} is neither above the {size} pixels of {data} nor a divisor of them; change it."
        )
    spare = side - size
    return F.pad(images, (spare // 2, spare - spare // 2) * 2)


def checksum(data: str, limit: int | None) -> str:
    parts: list[Dataset] = [load(data, split, limit=limit) for split in ("train", "test")]
    return "+".join(part.sha256 for part in parts)
