"""The record of a training: a table with one row per epoch."""

import csv
from dataclasses import dataclass, field
from pathlib import Path

from vaelab._utils.errors import InvalidValue
from vaelab._utils.files import replacing
from vaelab.objectives.experiment import Experiment
from vaelab.training.interventions import Intervention, Knobs


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

    def replay(self) -> Knobs:
        """The knobs that were turned, as a plan: training anew with it gives the same weights without the hand."""
        return Knobs(self.interventions)

    def save(self, path: Path | str) -> None:
        """Write the table as csv.  Raises StorageError when the file cannot be written."""
        with replacing(Path(path)) as part, part.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)

    def __repr__(self) -> str:
        lines = ["".join(f"{name:>12}" for name in self.columns)]
        lines += ["".join(f"{value:>12.5g}" for value in row.values()) for row in self.rows]
        return "\n".join(lines) if self.rows else "History: no epoch yet"
