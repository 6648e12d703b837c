"""Checkpoints, and a training that resumes from one as if it had not been interrupted.

Tensors are in a safetensors file, everything else in a JSON file beside it that is written last.
The JSON file holds the checksum of the tensors, so a checkpoint exists when, and only when, it is
whole. No pickle.
"""

import hashlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.optim import Optimizer

from vaelab._utils.errors import DataError, InvalidValue, TrainingError
from vaelab._utils.files import atomic_write, sha256
from vaelab.divergences.gaussian import Gaussian
from vaelab.objectives.objective import Experiment
from vaelab.training.config import Train
from vaelab.training.history import History
from vaelab.training.interventions import Intervention, TunableParameters

KEPT = 2


def save(folder: Path, step: int, tensors: dict[str, Tensor], record: dict[str, Any]) -> None:
    """Write a checkpoint whole or not at all, then remove all but the last two.

    Raises StorageError when the folder cannot be written; the older checkpoints are still there then.
    """
    path = folder / f"step-{step:010d}.safetensors"
    with atomic_write(path) as part:
        save_file({name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}, part)
    with atomic_write(path.with_suffix(".json")) as part:
        part.write_text(json.dumps({**record, "step": step, "sha256": sha256(path)}), encoding="utf-8")
    for old in list_checkpoints(folder)[KEPT:]:
        old.unlink(missing_ok=True)
        old.with_suffix(".safetensors").unlink(missing_ok=True)


def list_checkpoints(folder: Path) -> list[Path]:
    """The records of the checkpoints in a folder, newest first."""
    return sorted(folder.glob("step-*.json"), reverse=True)


def load_latest(folder: Path, say: Any = print) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The newest checkpoint that is intact, or None where there has never been one; damaged ones are named.

    Raises DataError when there are checkpoints, but none is intact.
    """
    paths = list_checkpoints(folder)
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


def optimizer_tensors(optimizer: Optimizer) -> Iterator[tuple[str, Tensor]]:
    """The state of an optimizer as named tensors: optimizer.INDEX.NAME."""
    for index, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            yield f"optimizer.{index}.{name}", torch.as_tensor(value)


def restore_optimizer(optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    """The inverse of `optimizer_tensors`."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".")
            state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def snapshot(folder: Path, epoch: int, experiment: Experiment, images: Tensor) -> None:
    """Keep the weights at the end of an epoch, and the codes of a few fixed images, to scrub through later."""
    codes = experiment.encode(images)
    weights = {name: tensor.detach().contiguous().cpu() for name, tensor in experiment.state_dict().items()}
    with atomic_write(folder / f"epoch-{epoch:06d}.safetensors") as part:
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


# Settings that may differ between the interrupted training and its continuation.
RESUMABLE_CHANGES = ("epochs", "steps", "device", "progress", "checkpoints", "checkpoint_minutes", "snapshots")
PROBE = 100  # images whose codes go into a snapshot


class Step(Protocol):
    """What a checkpoint holds of the step of the training loop."""

    experiment: Experiment
    images: Tensor
    optimizer: Optimizer
    sums: Tensor
    average: Experiment | None


class Checkpointer:
    """Writes checkpoints of one training into config.checkpoints, and restores the newest.

    It keeps experiment, averaged weights, optimizer, sums, order of the data, random generators, interventions, history.
    """

    def __init__(self, config: Train, step: Step, order: Tensor, panel: TunableParameters, history: History) -> None:
        self.folder = Path(config.checkpoints).expanduser() if config.checkpoints is not None else None
        self.step, self.order, self.panel, self.history = step, order, panel, history
        self.interval, self.last = 60 * config.checkpoint_minutes, time.monotonic()
        self.snapshots = config.snapshots
        fixed = ("epochs", "steps") if config.lr_schedule == "cosine" else ()  # its rates depend on the length
        settings = {
            name: value for name, value in asdict(config).items() if name not in RESUMABLE_CHANGES or name in fixed
        }
        self.identity = {"settings": _plain(settings), "data": _fingerprint(step.images) if self.folder else ""}

    def start(self) -> int:
        """Start at step 0.  Raises InvalidValue when the folder holds the checkpoints of another training."""
        if self.folder is not None and list_checkpoints(self.folder):
            raise InvalidValue(
                f"{self.folder} holds the checkpoints of an earlier training; pass resume=True to go on with it, "
                "or choose another folder."
            )
        return 0

    def maybe_save(self, number: int, ended: int | None) -> None:
        """Write a checkpoint at the end of an epoch (number `ended`), or when the last one is too old."""
        if self.folder is None or not (ended or time.monotonic() - self.last > self.interval):
            return
        self._healthy(number)
        if ended and self.snapshots:
            snapshot(self.folder, ended, self.step.experiment, self.step.images[:PROBE])
        record = {
            "identity": self.identity,
            "lr": self.panel.lr,
            "rows": self.history.rows,
            "interventions": [list(turn) for turn in self.history.interventions],
        }
        save(self.folder, number, self._tensors(), record)
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

    def resume(self) -> int:
        """Put everything back as it was at the newest intact checkpoint, and return its step; 0 where there is none.

        Raises InvalidValue for checkpoints of another model, data or settings, DataError when none is intact.
        """
        if self.folder is None:
            raise InvalidValue("resume=True needs a folder of checkpoints; set Train(checkpoints=FOLDER).")
        kept = load_latest(self.folder, lambda sentence: print(sentence, file=sys.stderr))
        if kept is None:
            return 0
        tensors, record = kept
        self._compare(tensors, record)
        for prefix, module in self._modules().items():
            module.load_state_dict({k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)})
        restore_optimizer(self.step.optimizer, tensors)
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
        return tensors | dict(optimizer_tensors(self.step.optimizer))

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
