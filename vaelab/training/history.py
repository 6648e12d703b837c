"""The record of a training: a table with one row per epoch."""

import csv
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue, TrainingError
from vaelab._utils.files import atomic_write, user_path
from vaelab._utils.typed import typed
from vaelab.divergences.modules import GeometricJS
from vaelab.objectives.objective import Experiment
from vaelab.training.interventions import Intervention, Interventions


@dataclass
class History:
    """A table with one row per epoch, and what was changed during training.

    Columns: epoch; loss, nll and divergence, in nats per sample; mse per pixel; gamma; alpha, if it
    is trained; annealing, the factor of the divergence's weight, if there is one; consistency, if
    images are compared with views; skipped, the number of updates that the guard refused, whose terms are
    left out of the means; seconds.

    Args:
        rows: One dictionary per epoch.
        interventions: Parameters that were set during training.
        average: The experiment with averaged weights, if `TrainConfig.ema_decay` is set; the rows are
            those of the weights themselves.

    Example:
        >>> history = History([{"epoch": 1, "loss": 30.5}, {"epoch": 2, "loss": 25.0}])
        >>> history["loss"]
        [30.5, 25.0]
    """

    rows: list[dict[str, float]] = field(default_factory=list)
    interventions: list[Intervention] = field(default_factory=list)
    average: Experiment | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name, kind in (("rows", Mapping), ("interventions", tuple)):
            for entry in checks.instance(name, getattr(self, name), list):
                checks.instance(f"an entry of {name}", entry, kind)
        if self.average is not None:
            checks.instance("average", self.average, Experiment)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self.rows[0]) if self.rows else []

    def __getitem__(self, column: str) -> list[float]:
        """Return one column over the epochs."""
        if not isinstance(column, str) or column not in self.columns:
            raise InvalidValue(
                f"column must be one of {', '.join(self.columns) or '(no rows yet)'}, got {checks.shown(column)}."
            )
        return [row[column] for row in self.rows]

    def replay(self) -> Interventions:
        """Return the recorded interventions as a plan, with which `fit` reproduces the run."""
        return Interventions(self.interventions)

    @typed
    def save(self, path: Path | str) -> None:
        """Write the table as CSV, or raise StorageError if the file cannot be written."""
        if not (path := user_path(path)).name:
            raise InvalidValue(f"path must be that of a file, got {str(path)!r}.")
        with atomic_write(path) as part, part.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)

    def __repr__(self) -> str:
        lines = ["".join(f"{name:>12}" for name in self.columns)]
        lines += ["".join(f"{value:>12.5g}" for value in row.values()) for row in self.rows]
        return "\n".join(lines) if self.rows else "History: no epoch yet"


def read_row(epoch: int, means: Tensor, experiment: Experiment, started: float, lr: float) -> dict[str, float]:
    """Read the means of an epoch off the device: the only synchronization of an epoch.

    Args:
        epoch: Number of the epoch, from 1.
        means: loss, nll, divergence, mse, if there are views consistency, and with a guard the number of
            skipped updates: [4] to [6].
        experiment: Experiment after the epoch.
        started: `time.perf_counter()` at its start.
        lr: Learning rate, for the message of the error.

    Returns:
        A row of the history.

    Raises:
        TrainingError: If loss, nll or divergence is not finite, or all updates were skipped.
    """
    objective = experiment.objective
    loss, nll, divergence, mse, *others = means.tolist()
    consistency = [others.pop(0)] if objective.consistency_weight is not None else []
    skipped = [round(others[0])] if others else []
    if skipped and math.isnan(nll):  # a mean of no terms: only updates with finite terms are not skipped
        raise TrainingError(
            f"all {skipped[0]} updates of epoch {epoch} were skipped; lower lr, now {lr:g}, or raise guard."
        )
    gamma, term = objective.likelihood.gamma, objective.divergence
    row = {"epoch": epoch, "loss": loss, "nll": nll, "divergence": divergence, "mse": mse}
    row["gamma"] = float(gamma.gamma.detach()) if gamma is not None else math.nan
    if isinstance(term, GeometricJS) and term.trainable:
        row["alpha"] = float(term.alpha.detach())
    if objective.annealing is not None:
        row["annealing"] = float(objective.annealing.factor)
    if consistency:
        row["consistency"] = consistency[0]
    if skipped:
        row["skipped"] = skipped[0]
    for name in ("nll", "divergence", "loss"):
        if not math.isfinite(row[name]):
            words = f"{name} became {row[name]} in epoch {epoch}; lower lr, now {lr:g}, or alpha"
            raise TrainingError(f"{words}." if skipped else f"{words}, or set guard.")
    row["seconds"] = time.perf_counter() - started
    return row
