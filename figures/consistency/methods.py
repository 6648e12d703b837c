"""The methods that the figures compare, and their training settings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor

from vaelab.data.augment import Affine, Augment
from vaelab.objectives.consistency import VIEWS, ConsistentExperiment
from vaelab.objectives.objective import Experiment
from vaelab.runs.run import Run

# Figures with the same settings share their trainings.  QUICK: the small protocol with one hidden
# layer and a third of the passes; SMALL: digits of half the side, for figures with many methods;
# MINI: the whole small protocol.
DIGITS: dict[str, Any] = {"data": "mnist-mini", "likelihood": "bernoulli", "batch_size": 50}
QUICK: dict[str, Any] = {**DIGITS, "limit": 5000, "latent": 50, "hidden": [256], "epochs": 25, "lr": 2e-3}
SMALL: dict[str, Any] = {**DIGITS, "limit": 2000, "side": 14, "latent": 20, "hidden": [128], "epochs": 40}
MINI: dict[str, Any] = {**DIGITS, "limit": 5000, "latent": 50, "hidden": [256, 256], "epochs": 80, "weighed": 1000}


class ConsistencyMethod(NamedTuple):
    """A method by name: recipe, options, and a factor of the number of epochs."""

    name: str
    recipe: str
    options: dict[str, Any]
    passes: int = 1


@dataclass(frozen=True)
class ConsistencyRun(Run):
    """A run with views; a recipe without consistency is only measured with them.

    Args:
        views: "simple", "large", or rotations alone by up to this angle in degrees.
        samples: Importance samples per image, for the NLL.
        weighed: Number of test images with an NLL.
    """

    latent: int = 20
    hidden: tuple[int, ...] | None = None
    epochs: int = 40
    batch_size: int = 50
    lr: float = 1e-3
    views: str | float = "simple"
    samples: int = 100
    weighed: int = 500

    def transformation(self) -> Callable[[Tensor], Tensor]:
        """Return the function that makes views of images."""
        if isinstance(self.views, str):
            return VIEWS[self.views]()
        return Augment((Affine(rotation=self.views),), fill=0.0)

    def experiment(self, shape: Sequence[int]) -> Experiment:
        """Return the experiment for images of this shape, with weights drawn from the seed."""
        experiment = super().experiment(shape)
        if isinstance(experiment, ConsistentExperiment):
            experiment.views = self.transformation()
        return experiment


def vae(passes: int = 1) -> ConsistencyMethod:
    """Return the VAE; with two passes it is shown as many images as a method with views."""
    return ConsistencyMethod("VAE" if passes == 1 else "VAE, twice as long", "vae", {}, passes)


def cr(consistency: float) -> ConsistencyMethod:
    """Return the VAE of images and views; without consistency it is the VAE with augmentation."""
    name = f"CR-VAE, λ = {consistency:g}" if consistency else "VAE + Aug"
    return ConsistencyMethod(name, "cr_vae", {"consistency": consistency})


def triplet(margin: float, weight: float) -> ConsistencyMethod:
    """Return the VAE with a triplet loss on views."""
    return ConsistencyMethod(f"triplet, weight {weight:g}", "triplet_vae", {"margin": margin, "weight": weight})


def bases(consistency: float, beta: float, samples: int) -> list[ConsistencyMethod]:
    """Return three bounds, each plain, with augmentation and with consistency."""
    bounds: list[tuple[str, str, dict[str, Any]]] = [
        ("VAE", "vae", {}),
        (f"β-VAE, β = {beta:g}", "beta_vae", {"beta": beta}),
        (f"IWAE, k = {samples}", "iwae", {"samples": samples}),
    ]
    kinds: Any = ("plain", "", {}), ("Aug", "cr_", {"consistency": 0.0}), ("CR", "cr_", {"consistency": consistency})
    return [
        ConsistencyMethod(f"{name}, {kind}", prefix + recipe, {**options, **others})
        for name, recipe, options in bounds
        for kind, prefix, others in kinds
    ]
