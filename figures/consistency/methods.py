"""What the figures of this paper compare, by name, and on which settings they are trained."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch

from vaelab.data.augment import Affine, Augment
from vaelab.objectives.consistency import VIEWS, ConsistentExperiment, Views
from vaelab.objectives.objective import Experiment
from vaelab.runs.run import RECIPES, Run

VAE, AUGMENTED, TWICE, TRIPLET = "VAE", "VAE + Aug", "VAE, twice as long", "triplet"
KINDS = ("plain", "Aug", "CR")

# Figures with the same settings share their trainings.  QUICK: the small protocol with one hidden layer and a third of
# the passes; SMALL: digits of half the side, for figures with many arms; MINI: the protocol whole.
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
        if isinstance(made, ConsistentExperiment):
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


def bases(consistency: float, beta: float, samples: int) -> list[Arm]:
    """Nine arms: three bounds, each in the order of `KINDS`."""
    families: dict[str, tuple[str, dict[str, Any]]] = {
        "VAE": ("vae", {}),
        f"β-VAE, β = {beta:g}": ("beta_vae", {"beta": beta}),
        f"IWAE, k = {samples}": ("iwae", {"samples": samples}),
    }
    return [
        arm
        for name, (recipe, options) in families.items()
        for arm in (
            Arm(f"{name}, plain", recipe, options),
            Arm(f"{name}, Aug", f"cr_{recipe}", {**options, "consistency": 0.0}),
            Arm(f"{name}, CR", f"cr_{recipe}", {**options, "consistency": consistency}),
        )
    ]


def in_words(seeds: int, *, data: str, limit: int | None = None, side: int | None = None, **training: Any) -> str:
    """The training images of a setting, as many and as large as they are, and the seeds."""
    images = Run("vae", data=data, limit=limit, side=side).images("train")
    height, width = images.shape[-2:]
    return f"{data}, {len(images):,} training images of {height} × {width} pixels, {seeds} seed{'s' * (seeds > 1)}"
