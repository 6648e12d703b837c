"""Keeping a training and going on with it, so that nobody can tell that it was interrupted."""

import hashlib
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vaelab import checkpoints
from vaelab.errors import InvalidValue, TrainingError
from vaelab.history import History
from vaelab.knobs import Intervention, Panel
from vaelab.objective import Experiment
from vaelab.settings import Train
from vaelab.step import Step

# Settings that may differ between the interrupted training and its continuation.
FREE = ("epochs", "steps", "device", "progress", "checkpoints", "minutes", "snapshots")
PROBE = 100  # images whose codes go into a snapshot


class Keeper:
    """Writes checkpoints of one training into config.checkpoints, and restores the newest.

    It keeps experiment, averaged weights, optimiser, sums, order of the data, random generators, knobs, history.
    """

    def __init__(self, config: Train, step: Step, order: Tensor, panel: Panel, history: History) -> None:
        self.folder = Path(config.checkpoints).expanduser() if config.checkpoints is not None else None
        self.step, self.order, self.panel, self.history = step, order, panel, history
        self.interval, self.last = 60 * config.minutes, time.monotonic()
        self.snapshots = config.snapshots
        fixed = ("epochs", "steps") if config.schedule == "cosine" else ()  # its rates depend on the length
        settings = {name: value for name, value in asdict(config).items() if name not in FREE or name in fixed}
        self.identity = {"settings": _plain(settings), "data": _fingerprint(step.images) if self.folder else ""}

    def fresh(self) -> int:
        """Start at step 0.  Raises InvalidValue when the folder holds the checkpoints of another training."""
        if self.folder is not None and checkpoints.found(self.folder):
            raise InvalidValue(
                f"{self.folder} holds the checkpoints of an earlier training; pass resume=True to go on with it, "
                "or choose another folder."
            )
        return 0

    def keep(self, number: int, ended: int | None) -> None:
        """Write a checkpoint at the end of an epoch (number `ended`), or when the last one is too old."""
        if self.folder is None or not (ended or time.monotonic() - self.last > self.interval):
            return
        self._healthy(number)
        if ended and self.snapshots:
            checkpoints.snapshot(self.folder, ended, self.step.experiment, self.step.images[:PROBE])
        record = {
            "identity": self.identity,
            "lr": self.panel.lr,
            "rows": self.history.rows,
            "interventions": [list(turn) for turn in self.history.interventions],
        }
        checkpoints.save(self.folder, number, self._tensors(), record)
        self.last = time.monotonic()

    def _healthy(self, number: int) -> None:
        """Raises TrainingError instead of writing weights or sums that are no longer finite over good ones."""
        tensors = {"the running loss": self.step.sums, **dict(self.step.experiment.named_parameters())}
        for name, value in tensors.items():
            if not torch.isfinite(value).all():
                raise TrainingError(
                    f"{name} is no longer finite at step {number}; the last good checkpoint stays in {self.folder}: "
                    "lower lr or alpha and train anew."
                )

    def restore(self) -> int:
        """Put everything back as it was at the newest intact checkpoint, and return its step; 0 where there is none.

        Raises InvalidValue for checkpoints of another model, data or settings, DataError when none is intact.
        """
        if self.folder is None:
            raise InvalidValue("resume=True needs a folder of checkpoints; set Train(checkpoints=FOLDER).")
        kept = checkpoints.newest(self.folder, lambda sentence: print(sentence, file=sys.stderr))
        if kept is None:
            return 0
        tensors, record = kept
        self._compare(tensors, record)
        for prefix, module in self._modules().items():
            module.load_state_dict({k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)})
        checkpoints.restore_optimiser(self.step.optimiser, tensors)
        self.order.copy_(tensors["order"])
        self.step.sums.copy_(tensors["sums"])
        self.history.rows[:] = record["rows"]
        self.history.interventions[:] = [Intervention(*turn) for turn in record["interventions"]]
        self.panel.read(record["lr"])
        _restore_generators(tensors)
        return int(record["step"])

    def _modules(self) -> dict[str, Experiment]:
        average = self.step.average
        return {"experiment.": self.step.experiment, **({"average.": average} if average is not None else {})}

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {"order": self.order, "sums": self.step.sums, **_generators()}
        for prefix, module in self._modules().items():
            tensors |= {f"{prefix}{name}": value for name, value in module.state_dict().items()}
        return tensors | dict(checkpoints.optimiser_tensors(self.step.optimiser))

    def _compare(self, tensors: dict[str, Tensor], record: dict[str, Any]) -> None:
        ours = {f"experiment.{name}": tuple(value.shape) for name, value in self.step.experiment.state_dict().items()}
        theirs = {name: tuple(value.shape) for name, value in tensors.items() if name.startswith("experiment.")}
        if ours != theirs:
            raise InvalidValue(
                f"the checkpoints in {self.folder} are of another model; build that one, or choose another folder."
            )
        for what in ("data", "settings"):
            before, now = record["identity"][what], self.identity[what]
            if what == "settings":  # one that was not there yet had its default
                before = {**{name: value for name, value in _plain(asdict(Train())).items() if name in now}, **before}
            if before != now:
                raise InvalidValue(
                    f"the checkpoints in {self.folder} come from other {what} ({_difference(before, now)}); "
                    "use the same, or choose another folder."
                )


def _difference(theirs: Any, ours: Any) -> str:
    if isinstance(theirs, dict):
        return ", ".join(
            f"{name}={theirs.get(name)!r}, now {value!r}" for name, value in ours.items() if theirs.get(name) != value
        )
    return "another checksum"


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    """As JSON gives it back: lists for tuples."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}


def _fingerprint(images: Tensor) -> str:
    return hashlib.sha256(images.cpu().numpy().tobytes()).hexdigest()


def _generators() -> dict[str, Tensor]:
    states = {"generator.cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["generator.cuda"] = torch.cuda.get_rng_state()
    return states


def _restore_generators(tensors: dict[str, Tensor]) -> None:
    torch.set_rng_state(tensors["generator.cpu"])
    if "generator.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["generator.cuda"])
