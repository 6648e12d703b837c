"""What the figures of this paper compare: arms by name, and one training per arm, seed and setting, whatever number of
figures reads it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch

from figures.consistency.measures import measured
from vaelab.augment import Affine, Augment
from vaelab.batches import device_name
from vaelab.consistency import VIEWS, Consistent, Views
from vaelab.objective import Experiment
from vaelab.run_store import Numbers, Result, merge_results, recipe, run_cached
from vaelab.runs import RECIPES, Run, checksum
from vaelab.settings import Train
from vaelab.training import fit

VAE, AUGMENTED, TWICE, TRIPLET = "VAE", "VAE + Aug", "VAE, twice as long", "triplet"

# Figures with the same settings share their trainings.  QUICK: the small protocol (sheet, section 6) with one hidden
# layer and a third of the passes; SMALL: digits of half the side, for figures with many arms; MINI: the protocol whole.
QUICK: dict[str, Any] = {
    **{"data": "mnist-mini", "limit": 5000, "likelihood": "bernoulli"},
    **{"latent": 50, "hidden": [256], "epochs": 25, "batch_size": 50, "lr": 2e-3},
}
SMALL: dict[str, Any] = {
    **{"data": "mnist-mini", "limit": 2000, "side": 14, "likelihood": "bernoulli"},
    **{"latent": 20, "hidden": [128], "epochs": 40, "batch_size": 50},
}
MINI: dict[str, Any] = {
    **{"data": "mnist-mini", "limit": 5000, "likelihood": "bernoulli"},
    **{"latent": 50, "hidden": [256, 256], "epochs": 80, "batch_size": 50, "weighed": 1000},
}


class Arm(NamedTuple):
    """A method by name: its recipe and options.  passes: how many times the epochs of the others it trains."""

    name: str
    recipe: str
    options: dict[str, Any]
    passes: int = 1


@dataclass(frozen=True)
class Setting:
    """One training, as `trained_one` takes it.

    views: "simple", "large", or rotations alone by up to so many degrees; the plain recipes are not trained on them,
    but measured with them.  weighed: how many test images have their NLL estimated, with `samples` draws each.
    """

    recipe: str
    options: dict[str, Any] = field(default_factory=dict)
    data: str = "mnist-mini"
    limit: int | None = None
    side: int | None = None
    latent: int = 20
    network: str = "mlp"
    hidden: list[int] | None = None
    likelihood: str = "bernoulli"
    gamma: float | str | None = None
    epochs: int = 40
    batch_size: int = 50
    lr: float = 1e-3
    seed: int = 0
    views: str | float = "simple"
    samples: int = 100
    weighed: int = 500

    def seen(self) -> Views:
        """The transformation."""
        if isinstance(self.views, str):
            return VIEWS[self.views]()
        return Augment((Affine(rotation=self.views),), fill=0.0)

    def experiment(self, shape: Sequence[int]) -> Experiment:
        """The experiment for images of this shape, with weights drawn from the seed."""
        torch.manual_seed(self.seed)
        scale: dict[str, Any] = {} if self.gamma is None else {"gamma": self.gamma}
        place: dict[str, Any] = {"network": self.network, "hidden": self.hidden, "likelihood": self.likelihood, **scale}
        made: Experiment = RECIPES[self.recipe](shape, self.latent, **place, **self.options)
        if isinstance(made, Consistent):
            made.views = self.seen()
        return made

    def images(self, split: str) -> torch.Tensor:
        return Run(self.recipe, data=self.data, limit=self.limit, side=self.side).images(split)


def vae() -> Arm:
    return Arm(VAE, "vae", {})


def twice() -> Arm:
    """As many presentations of images as the arms with views have."""
    return Arm(TWICE, "vae", {}, 2)


def cr(consistency: float) -> Arm:
    """The VAE of images and views; without consistency it is the VAE with augmentation."""
    name = f"CR-VAE, λ = {consistency:g}" if consistency else AUGMENTED
    return Arm(name, "cr_vae", {"consistency": consistency})


def triplet(margin: float, weight: float) -> Arm:
    return Arm(f"{TRIPLET}, weight {weight:g}", "triplet_vae", {"margin": margin, "weight": weight})


def trained(arms: Sequence[Arm], device: str, seeds: int, *, epochs: int, **setting: Any) -> list[list[Result]]:
    """One result per arm and seed, [k][seeds], with what `measures.measured` gives."""
    device = device_name(device)
    settings = [
        Setting(arm.recipe, arm.options, epochs=arm.passes * epochs, seed=seed, **setting)
        for arm in arms
        for seed in range(seeds)
    ]
    tasks = [{**asdict(s), "device": device} for s in settings]
    data = checksum(setting["data"], setting.get("limit"))
    results = run_cached(trained_one, tasks, [data] * len(tasks), processes=None if device == "cpu" else 1)
    return [results[i : i + seeds] for i in range(0, len(results), seeds)]


@recipe("train-with-views", version=1)
def trained_one(*, device: str, **settings: Any) -> Numbers:
    """Train a `Setting` and measure it."""
    setting = Setting(**settings)
    train = setting.images("train")
    experiment = setting.experiment(train.shape[1:])
    config = Train(
        epochs=setting.epochs,
        batch_size=setting.batch_size,
        lr=setting.lr,
        seed=setting.seed,
        device=device,
        progress=False,
        schedule="step",
        drops=(3 * setting.epochs // 4 + 1,),
        binarise="dynamic" if setting.likelihood == "bernoulli" else "no",
    )
    fit(experiment, train, config)
    return measured(experiment, setting)


def gathered(arms: Sequence[Arm], results: Sequence[Sequence[Result]], names: Sequence[str], **more: Any) -> Result:
    """Numbers that every training has, [k, seeds, ...] by name, and the names of the arms [k]."""
    numbers: Numbers = {name: np.array([[r.numbers[name] for r in row] for row in results]) for name in names}
    numbers["arm"] = np.array([arm.name for arm in arms])
    return merge_results({**numbers, **more}, [result for row in results for result in row])
