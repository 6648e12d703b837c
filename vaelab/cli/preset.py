"""`vaelab preset`. Heavy imports wait until the command runs."""

from pathlib import Path
from typing import Annotated, Any

import tyro

from vaelab.cli.train import train_run

PresetName = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]


def preset(
    name: PresetName,
    epochs: int | None = None,
    limit: int | None = None,
    seed: int = 0,
    device: str = "auto",
    out: Path = Path("trained"),
) -> None:
    """Train a hierarchy with all its settings. The same command resumes; several processes share it under torchrun.

    Args:
        name: hvae-tiny (minutes on two cores), nvae-mnist or nvae-cifar10 (for GPUs).
        epochs: Passes over the data; those of the preset if omitted.
        limit: Maximum number of images per split.
        seed: Seed of weights, order and noise.
        device: auto, cpu, cuda, ...
        out: Folder for checkpoints, history.csv and settings.json.
    """
    from dataclasses import replace

    from vaelab.runs import presets

    chosen = presets.preset(name)
    changes: dict[str, Any] = {"seed": seed, "limit": limit, **({} if epochs is None else {"epochs": epochs})}
    settings = {**chosen.settings, **({} if chosen.augment is None else {"augment": chosen.augment})}
    train_run(replace(chosen.run, **changes), device, out, **settings)
