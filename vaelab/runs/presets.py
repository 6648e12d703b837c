"""Hierarchies to train by name: `vaelab preset NAME`.

"hvae-tiny" is for two cores. The others have the sizes and the training that Vahdat & Kautz (2020) and
their code state, as far as the networks here have them: our cells are one per group and path, of one
width on every scale, without flows, and weight decay is an L2 penalty. They are for GPUs, on which they
have not been run yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vaelab._utils.errors import InvalidValue, suggest
from vaelab._utils.typed import typed
from vaelab.data.augment import Augment, Flip
from vaelab.runs.run import Run
from vaelab.training.config import TrainConfig


@dataclass(frozen=True)
class Preset:
    """A training with all its settings.

    Args:
        title: What it is and where it runs.
        run: Recipe, data, and the size of the training.
        settings: Options of `TrainConfig` besides those of the run.
        augment: Random transformation of the training images, or None.
    """

    title: str
    run: Run
    settings: Mapping[str, Any] = field(default_factory=dict)
    augment: Augment | None = None

    def config(self, **changes: Any) -> TrainConfig:
        """Return the configuration of its training.

        Args:
            **changes: Options of `TrainConfig` in place of the preset's.
        """
        run = self.run
        own = {"epochs": run.epochs, "batch_size": run.batch_size, "lr": run.lr, "seed": run.seed}
        return TrainConfig(**{**own, "binarize": run.binarize, **self.settings, **changes})


PUBLISHED: dict[str, Any] = {
    **{"optimizer": "adamax", "eps": 1e-3, "weight_decay": 3e-4},
    **{"lr_schedule": "cosine", "lr_end": 1e-4, "lr_warmup": 5},
    **{"precision": "bf16", "channels_last": True},
}
NVAE: dict[str, Any] = {"cells": "nvae", "scales": "clamped", "free_nats": None, "balance": True, "spectral": 0.01}

PRESETS = {
    "hvae-tiny": Preset(
        "Four groups of 4x4 and 8x8 with plain cells on 10,000 digits: minutes on two cores",
        Run(
            "hierarchical_vae",
            {"likelihood": "bernoulli", "groups": ((4, 2), (8, 2)), "width": 32, "annealing": 300, "free_nats": 1.0},
            data="mnist-mini",
            latent=8,
            hidden=None,
            epochs=40,
            batch_size=100,
            lr=1e-3,
        ),
        {"lr_schedule": "cosine", "guard": 2000.0},
    ),
    "nvae-mnist": Preset(
        "15 groups with the cells of NVAE on MNIST: for a GPU",
        Run(
            "hierarchical_vae",
            # The divergence rises over 30 % of the steps: 0.3 * 400 * 150.
            {"likelihood": "bernoulli", "groups": ((4, 5), (8, 10)), "width": 32, "annealing": 18_000, **NVAE},
            data="mnist",
            latent=20,
            hidden=None,
            epochs=400,
            batch_size=400,
            lr=1e-2,
        ),
        PUBLISHED,
    ),
    "nvae-cifar10": Preset(
        "30 groups with the cells of NVAE on CIFAR-10: for several GPUs under torchrun",
        Run(
            "hierarchical_vae",
            {
                **{"likelihood": "logistic-mixture", "components": 10, "groups": ((16, 30),), "width": 128},
                **{"annealing": 23_400, **NVAE},  # 0.3 * 400 * 195 steps
            },
            data="cifar10",
            latent=20,
            hidden=None,
            epochs=400,
            batch_size=256,
            lr=1e-2,
        ),
        {**PUBLISHED, "checkpoint_cells": True},
        Augment((Flip(),)),
    ),
}


@typed
def preset(name: str) -> Preset:
    """Return a preset by its name.

    Args:
        name: A key of `PRESETS`.

    Raises:
        InvalidValue: For another name.

    Example:
        >>> tiny = preset("hvae-tiny")
        >>> tiny.run.experiment((1, 28, 28)).model.groups, tiny.config(epochs=2).epochs
        (4, 2)
    """
    if name not in PRESETS:
        raise InvalidValue(f"name must be that of a preset, got {name!r}; {suggest(name, PRESETS)}")
    return PRESETS[name]
