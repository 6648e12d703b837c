"""Checkpoints, and a training that resumes from one as if it had not been interrupted.

A checkpoint is one file: the sha256 of what follows, a line break, and a dictionary written by
`torch.save`, which is read without pickled code. It appears under its name only when it is whole.
"""

import hashlib
import io
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer

from vaelab._utils.errors import DataError, InvalidValue, TrainingError
from vaelab._utils.files import atomic_write
from vaelab.objectives.objective import Experiment
from vaelab.training.config import Train
from vaelab.training.history import History
from vaelab.training.interventions import Intervention, TunableParameters

KEPT = 2
# Settings that may differ between the interrupted training and its continuation.
RESUMABLE_CHANGES = ("epochs", "steps", "device", "progress", "checkpoints", "checkpoint_minutes")


def save(folder: Path, checkpoint: dict[str, Any]) -> None:
    """Write a checkpoint whole or not at all, then remove all but the last two.

    Raises StorageError when the folder cannot be written; the older checkpoints are still there then.
    """
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    with atomic_write(folder / f"step-{checkpoint['step']:010d}.ckpt") as part, part.open("wb") as file:
        file.write(hashlib.sha256(buffer.getbuffer()).hexdigest().encode() + b"\n")
        file.write(buffer.getbuffer())
    for old in list_checkpoints(folder)[KEPT:]:
        old.unlink(missing_ok=True)


def list_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, newest first."""
    return sorted(folder.glob("step-*.ckpt"), reverse=True)


def load_latest(folder: Path) -> dict[str, Any] | None:
    """The newest checkpoint that is intact, or None where there has never been one; damaged ones are named.

    Raises DataError when there are checkpoints, but none is intact.
    """
    paths = list_checkpoints(folder)
    for path in paths:
        try:
            return _read(path)
        except (OSError, ValueError) as error:
            print(f"vaelab: the checkpoint {path} is damaged ({error}); trying the one before it.", file=sys.stderr)
    if paths:
        raise DataError(f"no checkpoint in {folder} is intact; delete them to start again.")
    return None


def _read(path: Path) -> dict[str, Any]:
    checksum, _, payload = path.read_bytes().partition(b"\n")
    if hashlib.sha256(payload).hexdigest().encode() != checksum:
        raise ValueError("its checksum is not the one that was written")
    checkpoint: dict[str, Any] = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    return checkpoint


class Resumable(Protocol):
    """What a checkpoint holds of the step of the training loop."""

    experiment: Experiment
    images: Tensor
    optimizer: Optimizer
    sums: Tensor
    average: Experiment | None


class Checkpointer:
    """Writes checkpoints of one training into config.checkpoints, and restores the newest.

    It keeps experiment, averaged weights, optimizer, sums, order of the data, random generators, parameters that were
    set, history.
    """

    def __init__(
        self, config: Train, step: Resumable, order: Tensor, panel: TunableParameters, history: History
    ) -> None:
        self.folder = Path(config.checkpoints).expanduser() if config.checkpoints is not None else None
        self.step, self.order, self.panel, self.history = step, order, panel, history
        self.interval, self.last = 60 * config.checkpoint_minutes, time.monotonic()
        fixed = ("epochs", "steps") if config.lr_schedule == "cosine" else ()  # its rates depend on the length
        self.settings = {
            name: value for name, value in asdict(config).items() if name not in RESUMABLE_CHANGES or name in fixed
        }
        self.data = _fingerprint(step.images) if self.folder else ""

    def start(self) -> int:
        """Start at step 0.  Raises InvalidValue when the folder holds the checkpoints of another training."""
        if self.folder is not None and list_checkpoints(self.folder):
            raise InvalidValue(
                f"{self.folder} holds the checkpoints of an earlier training; resume it with resume=True, or choose "
                "another folder."
            )
        return 0

    def maybe_save(self, number: int, ended: bool) -> None:
        """Write a checkpoint at the end of an epoch, or when the last one is too old."""
        if self.folder is None or not (ended or time.monotonic() - self.last > self.interval):
            return
        step = self.step
        for name, value in {"the running loss": step.sums, **dict(step.experiment.named_parameters())}.items():
            if not torch.isfinite(value).all():  # and must not replace good ones
                raise TrainingError(
                    f"{name} is no longer finite at step {number}; the last good checkpoint stays in {self.folder}: "
                    "lower lr or alpha and train again."
                )
        checkpoint = {
            "step": number,
            "settings": self.settings,
            "data": self.data,
            "experiment": step.experiment.state_dict(),
            "average": step.average.state_dict() if step.average is not None else None,
            "optimizer": step.optimizer.state_dict()["state"],
            "sums": step.sums,
            "order": self.order,
            "generators": _generators(),
            "lr": self.panel.lr,
            "rows": self.history.rows,
            "interventions": [tuple(intervention) for intervention in self.history.interventions],
        }
        save(self.folder, checkpoint)
        self.last = time.monotonic()

    def resume(self) -> int:
        """Put everything back as it was at the newest intact checkpoint, and return its step; 0 where there is none.

        Raises InvalidValue for checkpoints of another model, data or settings, DataError when none is intact.
        """
        if self.folder is None:
            raise InvalidValue("resume=True needs a folder of checkpoints; set Train(checkpoints=FOLDER).")
        checkpoint, step = load_latest(self.folder), self.step
        if checkpoint is None:
            return 0
        self._compare(checkpoint)
        step.experiment.load_state_dict(checkpoint["experiment"])
        if step.average is not None:
            step.average.load_state_dict(checkpoint["average"])
        groups = step.optimizer.state_dict()["param_groups"]  # of this device, not of the one before
        step.optimizer.load_state_dict({"state": checkpoint["optimizer"], "param_groups": groups})
        step.sums.copy_(checkpoint["sums"])
        self.order.copy_(checkpoint["order"])
        self.history.rows[:] = checkpoint["rows"]
        self.history.interventions[:] = map(Intervention._make, checkpoint["interventions"])
        self.panel.read(checkpoint["lr"])
        _restore_generators(checkpoint["generators"])
        return int(checkpoint["step"])

    def _compare(self, checkpoint: dict[str, Any]) -> None:
        ours, theirs = self.step.experiment.state_dict(), checkpoint["experiment"]
        other = ""
        if {name: t.shape for name, t in ours.items()} != {name: t.shape for name, t in theirs.items()}:
            other = "another model"
        elif self.data != checkpoint["data"]:
            other = "other data"
        elif self.settings != (before := checkpoint["settings"]):
            changes = [f"{k}={before.get(k)!r}, now {v!r}" for k, v in self.settings.items() if before.get(k) != v]
            other = f"other settings ({', '.join(changes)})"
        if other:
            raise InvalidValue(
                f"the checkpoints in {self.folder} are of {other}; restore that, or choose another folder."
            )


def _fingerprint(images: Tensor) -> str:
    return hashlib.sha256(images.cpu().numpy().tobytes()).hexdigest()


def _generators() -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def _restore_generators(states: dict[str, Tensor]) -> None:
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
