"""Checkpoints, from which a training resumes as if it had not been interrupted.

A checkpoint is one file: the SHA-256 of the rest, a line break, and a dictionary written by
`torch.save`. It is read without executing pickled code.
"""

import hashlib
import io
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor
from torch.optim import Optimizer

from vaelab._utils import rng
from vaelab._utils.errors import DataError, InvalidValue, StorageError, TrainingError, suggest
from vaelab._utils.files import atomic_write, user_path
from vaelab._utils.reading import reading
from vaelab.objectives.objective import Experiment
from vaelab.training import generators, parallel
from vaelab.training.config import TrainConfig
from vaelab.training.history import History
from vaelab.training.identity import describe, describe_model, differences
from vaelab.training.interventions import Intervention, TunableParameters

T = TypeVar("T")
MAX_CHECKPOINTS = 2
STRUCTURE = {
    "step": int, "settings": dict, "data": str, "model": str, "objective": dict, "experiment": dict,
    "average": dict | None, "optimizer": dict, "sums": Tensor, "updates": Tensor, "order": Tensor,
    "device": str, "generators": list, "own_generators": list, "lr": int | float,
    "parameters": dict, "rows": list, "interventions": list,
}  # fmt: skip
# Options that may change when a training is resumed.
RESUMABLE_CHANGES = ("epochs", "steps", "device", "progress", "checkpoints", "checkpoint_minutes", "data_parallel")


def save(folder: Path, checkpoint: dict[str, Any]) -> None:
    """Write a checkpoint whole or not at all, then delete all but the last two.

    Args:
        folder: Folder of the training; created if missing.
        checkpoint: Tensors, numbers, texts and containers of them, with the number of the "step".

    Raises:
        StorageError: If the folder cannot be written. The older checkpoints remain.
    """
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    with atomic_write(folder / f"step-{checkpoint['step']:010d}.ckpt") as part, part.open("wb") as file:
        file.write(hashlib.sha256(buffer.getbuffer()).hexdigest().encode() + b"\n")
        file.write(buffer.getbuffer())
    for path in list_checkpoints(folder)[MAX_CHECKPOINTS:]:
        path.unlink(missing_ok=True)


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU, or raise an error if it is not what was written."""
    checksum, _, payload = path.read_bytes().partition(b"\n")
    if hashlib.sha256(payload).hexdigest().encode() != checksum:
        raise ValueError("wrong checksum")
    checkpoint: dict[str, Any] = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    if not isinstance(checkpoint, dict):
        raise TypeError(f"its content is a {type(checkpoint).__name__}")
    return checkpoint


def list_checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints in a folder, newest first."""
    return sorted(folder.glob("step-*.ckpt"), reverse=True)


def load_latest(folder: Path, use: Callable[[dict[str, Any]], T]) -> T | None:
    """Read and use the newest intact checkpoint, and report damaged ones on stderr.

    Args:
        folder: Folder of a training.
        use: Takes the dictionary given to `save`, with tensors on the CPU. A checkpoint on which it
            fails counts as damaged, but for an error meant for the user.

    Returns:
        What `use` returns; None if there are no checkpoints.

    Raises:
        DataError: If there are checkpoints, but none is intact.
    """
    paths = list_checkpoints(folder)
    for path in paths:
        try:
            with reading(path, "trying the one before it"):
                return use(load(path))
        except DataError as error:
            print(f"vaelab: the checkpoint {error}", file=sys.stderr)
        except StorageError as error:
            print(f"vaelab: {str(error).rstrip('.')}; trying the one before it.", file=sys.stderr)
    if paths:
        raise DataError(f"no checkpoint in {folder} is intact; delete them to train from the start.")
    return None


class Resumable(Protocol):
    """The parts of a training step that a checkpoint stores."""

    experiment: Experiment
    images: Tensor
    optimizer: Optimizer
    sums: Tensor
    updates: Tensor
    augment: Callable[[Tensor], Tensor] | None
    average: Experiment | None


class Checkpointer:
    """Writes and restores the checkpoints of one training.

    Args:
        config: Settings; without `checkpoints` nothing is written, and by the first process only.
        step: The training step, with experiment, optimizer, averaged weights and running sums.
        order: Order of the data in this epoch, [n].
        parameters: Parameters that can be set during training.
        history: Rows and interventions so far.
        changed: Settings of the objective that may differ from those of a checkpoint.
    """

    def __init__(
        self,
        config: TrainConfig,
        step: Resumable,
        order: Tensor,
        parameters: TunableParameters,
        history: History,
        changed: Collection[str] = (),
    ) -> None:
        self.folder = user_path(config.checkpoints) if config.checkpoints is not None else None
        self.writes = parallel.is_first(config)
        self.step, self.order, self.parameters, self.history = step, order, parameters, history
        self.interval, self.last = 60 * config.checkpoint_minutes, time.monotonic()
        free = set(RESUMABLE_CHANGES)
        if config.lr_schedule == "cosine":  # its learning rates depend on the number of steps
            free -= {"epochs", "steps"}
        self.settings = {name: value for name, value in asdict(config).items() if name not in free}
        images = step.images.cpu().numpy().tobytes() if self.folder else b""
        self.data = hashlib.sha256(images).hexdigest()
        self.per_epoch = config.steps_per_epoch(len(order))
        self.described = describe(step.experiment, step.augment) if self.folder else {}
        self.objective = {name: setting.value for name, setting in self.described.items()}
        self.model = describe_model(step.experiment.model) if self.folder else ""
        self.own_generators = generators.own_generators(step.experiment, step.augment) if self.folder else []
        self.changed = {changed} if isinstance(changed, str) else set(changed)

    def start(self) -> int:
        """Return 0, or raise InvalidValue if the folder holds checkpoints."""
        if self.folder is not None and list_checkpoints(self.folder):
            raise InvalidValue(
                f"checkpoints must be a folder without checkpoints unless resume=True, got {self.folder}."
            )
        return 0

    def maybe_save(self, number: int, ended: bool) -> None:
        """Write a checkpoint after `number` steps if an epoch has ended or the last one is old.

        Raises TrainingError, and keeps the older ones, if a weight or the loss is not finite.
        """
        if self.folder is None or not self.writes or not (ended or time.monotonic() - self.last > self.interval):
            return
        step = self.step
        for name, value in {"the running loss": step.sums, **dict(step.experiment.named_parameters())}.items():
            if not torch.isfinite(value).all():
                raise TrainingError(
                    f"{name} must be finite, got a non-finite value at step {number}; lower lr or alpha. The last "
                    f"good checkpoint is in {self.folder}."
                )
        checkpoint = {
            "step": number,
            "settings": self.settings,
            "data": self.data,
            "model": self.model,
            "objective": self.objective,
            "experiment": step.experiment.state_dict(),
            "average": step.average.state_dict() if step.average is not None else None,
            "optimizer": {name: step.optimizer.state[p] for name, p in self._parameters() if p in step.optimizer.state},
            "sums": step.sums,
            "updates": step.updates,
            "order": self.order,
            "own_generators": generators.states(self.own_generators),
            "device": step.images.device.type,
            "generators": rng.global_states(step.images.device),
            "lr": self.parameters.lr,
            "parameters": self.parameters.values,
            "rows": self.history.rows,
            "interventions": [tuple(intervention) for intervention in self.history.interventions],
        }
        save(self.folder, checkpoint)
        self.last = time.monotonic()

    def resume(self) -> int:
        """Restore the newest intact checkpoint, and return the number of steps done.

        Raises InvalidValue for checkpoints of another training, DataError if none is intact.
        """
        if self.folder is None:
            raise InvalidValue("checkpoints must be a folder with resume=True, got None.")
        return load_latest(self.folder, self._restore) or 0

    def _restore(self, checkpoint: dict[str, Any]) -> int:
        """Restore everything from a checkpoint, and return the number of steps done."""
        step = self.step
        if "objective" not in checkpoint:
            raise InvalidValue(
                f"checkpoints must record their objective, got those of an older version in {self.folder}."
            )
        new = self._compare(checkpoint)
        self._check_structure(checkpoint)
        _restore(step.experiment, checkpoint["experiment"], new)
        if step.average is not None:
            _restore(step.average, checkpoint["average"], new)
        # Groups hold what depends on the device (fused, capturable), so they are not restored.
        groups = step.optimizer.state_dict()["param_groups"]
        names = [name for name, _ in self._parameters()]
        states = {i: checkpoint["optimizer"].get(name) for i, name in enumerate(names) if name not in new}
        states = {i: state for i, state in states.items() if state is not None}
        step.optimizer.load_state_dict({"state": states, "param_groups": groups})
        step.sums.copy_(checkpoint["sums"])
        step.updates.copy_(checkpoint["updates"])
        self.order.copy_(checkpoint["order"])
        self.history.rows[:] = checkpoint["rows"]
        self.history.interventions[:] = map(Intervention._make, checkpoint["interventions"])
        self._record(checkpoint, int(checkpoint["step"]))
        if not {"augment", "views"} & {name.partition(".")[0] for name in self.changed}:
            generators.restore(self.own_generators, checkpoint["own_generators"])
        cpu, *others = checkpoint["generators"]
        same = checkpoint["device"] == step.images.device.type
        rng.restore_global_states([cpu, *others] if same else [cpu], step.images.device)
        return int(checkpoint["step"])

    def _check_structure(self, checkpoint: dict[str, Any]) -> None:
        """Raise an error where restoring would fail half way, or take something else silently."""
        for name, kind in STRUCTURE.items():
            if not isinstance(checkpoint[name], kind) or isinstance(checkpoint[name], bool):
                raise TypeError(f"{name} is of type {type(checkpoint[name]).__name__}")
        steps, seen = checkpoint["step"], len(checkpoint["rows"])
        if steps < 1 or seen < steps // self.per_epoch or not checkpoint["optimizer"]:
            raise ValueError(f"it has {seen} rows and {len(checkpoint['optimizer'])} moments at step {steps}")
        if not all(isinstance(value, int | float) for value in checkpoint["parameters"].values()):
            raise TypeError("a parameter is no number")
        for name, ours in {"order": self.order, "updates": self.step.updates}.items():
            if checkpoint[name].shape != ours.shape:
                raise ValueError(f"{name} has shape {tuple(checkpoint[name].shape)}")
        for name, parameter in self._parameters():
            state = checkpoint["optimizer"].get(name, {})
            if not all(t.shape in (parameter.shape, ()) for t in state.values()):
                raise ValueError(f"the optimizer's state of {name} has another shape")
        for rows in (checkpoint["rows"], checkpoint["interventions"]):
            if any(len(row) != len(rows[0]) for row in rows):
                raise ValueError("rows differ in length")

    def _record(self, checkpoint: dict[str, Any], number: int) -> None:
        """Read the present parameters; those that the user changed become interventions."""
        self.parameters.read(checkpoint["lr"])
        for name, value in list(self.parameters.values.items()):
            before = checkpoint["parameters"].get(name, value)
            if name not in self.changed:
                self.parameters.values[name] = before  # float32 has rounded the tensor
            elif before != value:
                self.history.interventions.append(Intervention(number, name, before, value))

    def _parameters(self) -> list[tuple[str, Tensor]]:
        """Names and parameters in the order of the optimizer."""
        names = {parameter: name for name, parameter in self.step.experiment.named_parameters()}
        return [(names[p], p) for group in self.step.optimizer.param_groups for p in group["params"]]

    def _compare(self, checkpoint: dict[str, Any]) -> set[str]:
        """Return the tensors whose new values were asked for; raise InvalidValue for another training."""
        changes = differences(self.objective, checkpoint["objective"])
        known = self.objective.keys() | checkpoint["objective"].keys()
        if unknown := sorted(self.changed - known):
            raise InvalidValue(
                f"changed must name settings of the objective, got {unknown[0]!r}; {suggest(unknown[0], sorted(known))}"
            )
        unasked = {name: words for name, words in changes.items() if name not in self.changed}
        before = {**vars(TrainConfig()), **checkpoint["settings"]}  # an older version lacks the newer options
        settings = [f"{k}={v!r} instead of {before.get(k)!r}" for k, v in self.settings.items() if before.get(k) != v]
        difference, remedy = "", ""
        if self.model != checkpoint["model"] or self._shapes("model.") != _shapes(checkpoint["experiment"], "model."):
            difference = "model"
        elif self.data != checkpoint["data"]:
            difference = "data"
        elif settings:
            difference = f"settings ({', '.join(settings)})"
        elif unasked:
            difference = f"objective ({', '.join(unasked.values())})"
            remedy = f"; changed=({', '.join(map(repr, changes))},) takes the new values"
        elif not changes and self._shapes("") != _shapes(checkpoint["experiment"], ""):
            difference = "objective (in the shapes of its tensors)"
        elif self.step.sums.shape != checkpoint["sums"].shape:
            raise InvalidValue(
                f"changed must not add or remove consistency, got checkpoints without it in {self.folder}."
            )
        if difference:
            raise InvalidValue(
                f"checkpoints must be of the same training, got other {difference} in {self.folder}{remedy}."
            )
        return {tensor for name in changes if name in self.described for tensor in self.described[name].tensors}

    def _shapes(self, prefix: str) -> dict[str, torch.Size]:
        return _shapes(self.step.experiment.state_dict(), prefix)


def _shapes(state: dict[str, Tensor], prefix: str) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in state.items() if name.startswith(prefix)}


def _restore(experiment: Experiment, state: dict[str, Tensor], new: set[str]) -> None:
    """Load a state, but for the tensors whose new values were asked for and those it lacks."""
    ours = experiment.state_dict()
    same = {name: t for name, t in state.items() if name in ours and name not in new and t.shape == ours[name].shape}
    experiment.load_state_dict({**ours, **same})
