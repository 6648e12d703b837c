"""Checkpoints: tensors in a safetensors file, everything else in a JSON file beside it that is written last.

The JSON file holds the checksum of the tensors, so a checkpoint is there when, and only when, it is whole.  No pickle.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.optim import Optimizer

from vaelab.errors import DataError
from vaelab.files import replacing, sha256
from vaelab.gaussian import Gaussian
from vaelab.objective import Experiment

KEPT = 2


def save(folder: Path, step: int, tensors: dict[str, Tensor], record: dict[str, Any]) -> None:
    """Write a checkpoint whole or not at all, then remove all but the last two.

    Raises StorageError when the folder cannot be written; the older checkpoints are still there then.
    """
    path = folder / f"step-{step:010d}.safetensors"
    with replacing(path) as part:
        save_file({name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}, part)
    with replacing(path.with_suffix(".json")) as part:
        part.write_text(json.dumps({**record, "step": step, "sha256": sha256(path)}), encoding="utf-8")
    for old in found(folder)[KEPT:]:
        old.unlink(missing_ok=True)
        old.with_suffix(".safetensors").unlink(missing_ok=True)


def found(folder: Path) -> list[Path]:
    """The records of the checkpoints in a folder, newest first."""
    return sorted(folder.glob("step-*.json"), reverse=True)


def newest(folder: Path, say: Any = print) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The newest checkpoint that is intact, or None where there has never been one; damaged ones are named.

    Raises DataError when there are checkpoints, but none is intact.
    """
    paths = found(folder)
    for path in paths:
        try:
            return _read(path)
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            say(f"vaelab: the checkpoint {path} is damaged ({error}); trying the one before it.")
    if paths:
        raise DataError(f"no checkpoint in {folder} is intact; delete them to start anew, or choose another folder.")
    return None


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    record = json.loads(path.read_text(encoding="utf-8"))
    tensors = path.with_suffix(".safetensors")
    if sha256(tensors) != record["sha256"]:
        raise ValueError("its checksum is not the one that was written")
    return load_file(tensors), record


def optimiser_tensors(optimiser: Optimizer) -> Iterator[tuple[str, Tensor]]:
    """The state of an optimiser as named tensors: optimiser.INDEX.NAME."""
    for index, state in optimiser.state_dict()["state"].items():
        for name, value in state.items():
            yield f"optimiser.{index}.{name}", torch.as_tensor(value)


def restore_optimiser(optimiser: Optimizer, tensors: dict[str, Tensor]) -> None:
    """The inverse of `optimiser_tensors`."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimiser."):
            _, index, name = key.split(".")
            state.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def snapshot(folder: Path, epoch: int, experiment: Experiment, images: Tensor) -> None:
    """Keep the weights at the end of an epoch, and the codes of a few fixed images, to scrub through later."""
    codes = experiment.encode(images)
    weights = {name: tensor.detach().contiguous().cpu() for name, tensor in experiment.state_dict().items()}
    with replacing(folder / f"epoch-{epoch:06d}.safetensors") as part:
        save_file(
            {**weights, "codes.mean": codes.mean.contiguous().cpu(), "codes.logvar": codes.logvar.contiguous().cpu()},
            part,
        )


def snapshots(folder: Path) -> Iterator[tuple[int, dict[str, Tensor], Gaussian]]:
    """Every snapshot in a folder, in order: epoch, state dict, codes [k, latent]."""
    for path in sorted(Path(folder).glob("epoch-*.safetensors")):
        tensors = load_file(path)
        codes = Gaussian(tensors.pop("codes.mean"), tensors.pop("codes.logvar"))
        yield int(path.stem.removeprefix("epoch-")), tensors, codes
