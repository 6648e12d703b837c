"""Parameters of a training that change while it runs: alpha, gamma, the weights and the learning rate.

The loop applies them between two steps and records them; `History.replay()` gives the record as a
plan, which reproduces the run.
"""

import math
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

import torch

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab.divergences.modules import GeometricJS
from vaelab.objectives.gamma import Fixed
from vaelab.objectives.objective import Experiment

CHECKS: dict[str, Callable[[float], object]] = {
    "alpha": checks.skew,
    "gamma": partial(checks.positive, "gamma"),
    "weight": partial(checks.positive, "weight"),
    "consistency": partial(checks.not_negative, "consistency"),
    "lr": partial(checks.positive, "lr"),
}


class Intervention(NamedTuple):
    """A parameter that was set before the step with this number (from 0)."""

    step: int
    name: str
    old: float
    new: float


class Interventions:
    """Values that wait for the next step, and values planned for a step; names and ranges are checked here alone.

    Raises InvalidType or InvalidValue for an unknown name or a value out of range.
    """

    def __init__(self, planned: Iterable[Intervention | tuple[int, str, float, float]] = ()) -> None:
        self._lock = threading.Lock()
        self._names = tuple(CHECKS)
        self._waiting: list[tuple[str, float]] = []
        self._planned: defaultdict[int, list[tuple[str, float]]] = defaultdict(list)
        for step, name, _, new in planned:
            self._check(name, new)
            self._planned[step].append((name, new))

    def set(self, **values: float) -> None:
        """Set parameters (alpha, gamma, weight, consistency, lr) before the next step, in order.  Any thread.

        Raises InvalidType or InvalidValue for a value out of range.
        """
        for name, value in values.items():
            self._check(name, value)
        with self._lock:
            self._waiting += [(name, float(value)) for name, value in values.items()]

    def restrict(self, names: Iterable[str]) -> None:
        """Accept only these parameters from now on, those of the experiment that is trained."""
        with self._lock:
            self._names = tuple(names)
            for name, value in (*self._waiting, *(pair for pairs in self._planned.values() for pair in pairs)):
                self._check(name, value)

    def _check(self, name: str, value: float) -> None:
        if name not in self._names:
            raise InvalidValue(f"the parameter must be one of {', '.join(sorted(self._names))}, got {name!r}.")
        CHECKS[name](value)

    def due(self, step: int) -> list[tuple[str, float]]:
        """What is to be set before this step: planned values, then waiting ones."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        return self._planned.get(step, []) + waiting


Knobs = Interventions  # its name until 0.2


class TunableParameters:
    """The parameters of one experiment that can be set: a trained alpha or gamma is not among them."""

    def __init__(self, experiment: Experiment, lr: float) -> None:
        objective = experiment.objective
        divergence, gamma = objective.divergence, objective.likelihood.gamma
        tensors = {
            "weight": objective.weight,
            "alpha": divergence.skew if isinstance(divergence, GeometricJS) else None,
            "consistency": objective.consistency,
            "gamma": gamma.logvar if isinstance(gamma, Fixed) else None,
        }
        self._tensors = {name: tensor for name, tensor in tensors.items() if tensor is not None}
        self.read(lr)

    @property
    def lr(self) -> float:
        return self.values["lr"]

    def read(self, lr: float) -> None:
        """Take the values as they are now in the experiment, and the learning rate from the caller."""
        self.values = {name: float(tensor) for name, tensor in self._tensors.items()} | {"lr": lr}
        if "gamma" in self.values:
            self.values["gamma"] = float(torch.exp(0.5 * self._tensors["gamma"]))

    def set(self, step: int, name: str, new: float) -> Intervention:
        """Set a parameter."""
        old, self.values[name] = self.values[name], new
        if name in self._tensors:
            self._tensors[name].fill_(2 * math.log(new) if name == "gamma" else new)
        return Intervention(step, name, old, new)
