"""The record of a training: a table with one row per epoch."""

import csv
import math
import time
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from vaelab._utils.errors import InvalidValue, TrainingError
from vaelab._utils.files import atomic_write
from vaelab.divergences.modules import GeometricJS
from vaelab.objectives.objective import Experiment
from vaelab.training.interventions import Intervention, Interventions


@dataclass
class History:
    """One row per epoch: epoch, loss, nll, divergence (nats per sample), mse (per pixel), gamma, seconds;
    and at its end alpha, where it is trained, heat, where something moves the divergence's weight, and
    consistency, where views are compared with their images.

    interventions: every knob that was turned while it ran.  average: the experiment with
    averaged weights, for Train(ema=...).
    """

    rows: list[dict[str, float]] = field(default_factory=list)
    interventions: list[Intervention] = field(default_factory=list)
    average: Experiment | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def columns(self) -> list[str]:
        return list(self.rows[0]) if self.rows else []

    def __getitem__(self, column: str) -> list[float]:
        """One column, over the epochs.  Raises InvalidValue for an unknown one."""
        if column not in self.columns:
            raise InvalidValue(
                f"there is no column {column!r} in this history; it has {', '.join(self.columns) or 'no rows yet'}."
            )
        return [row[column] for row in self.rows]

    def replay(self) -> Interventions:
        """The knobs that were turned, as a plan: training anew with it gives the same weights without the hand."""
        return Interventions(self.interventions)

    def save(self, path: Path | str) -> None:
        """Write the table as csv.  Raises StorageError when the file cannot be written."""
        with atomic_write(Path(path)) as part, part.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)

    def __repr__(self) -> str:
        lines = ["".join(f"{name:>12}" for name in self.columns)]
        lines += ["".join(f"{value:>12.5g}" for value in row.values()) for row in self.rows]
        return "\n".join(lines) if self.rows else "History: no epoch yet"


def row_of(epoch: int, means: Tensor, experiment: Experiment, started: float, lr: float) -> dict[str, float]:
    """Read the epoch's means off the device: the one synchronization of an epoch."""
    loss, nll, divergence, mse, *apart = means.tolist()
    gamma, term = experiment.objective.likelihood.gamma, experiment.objective.divergence
    row = {"epoch": epoch, "loss": loss, "nll": nll, "divergence": divergence, "mse": mse}
    row["gamma"] = float(gamma.gamma.detach()) if gamma is not None else math.nan
    if isinstance(term, GeometricJS) and term.trainable:
        row["alpha"] = float(term.alpha.detach())
    if (annealing := experiment.objective.annealing) is not None:
        row["heat"] = float(annealing.factor)
    if apart:
        row["consistency"] = apart[0]
    for name in ("nll", "divergence", "loss"):
        if not math.isfinite(row[name]):
            raise TrainingError(
                f"the {name} became {row[name]} in epoch {epoch}; lower lr (now {lr:g}) or alpha and try again."
            )
    return {**row, "seconds": time.perf_counter() - started}
