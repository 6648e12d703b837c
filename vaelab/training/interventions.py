"""Interventions: alpha, gamma, the weight and the learning rate, turned from another thread while training runs.

The loop takes what was turned between two steps, never inside one, and writes it down: `History.replay()` gives the
same turns as a plan, which reproduces the run without the hand.
"""

import math
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue, suggest
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
NAMES = tuple(CHECKS)


class Intervention(NamedTuple):
    """A knob that was turned before the step with this number (from 0)."""

    step: int
    name: str
    old: float
    new: float


class Interventions:
    """Turns that wait for the loop, and turns planned for a step."""

    def __init__(self, planned: Iterable[Intervention | tuple[int, str, float, float]] = ()) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[str, float]] = []
        self._known = frozenset(NAMES)
        self._planned: dict[int, list[Intervention]] = {}
        for turn in map(Intervention._make, planned):
            self._planned.setdefault(turn.step, []).append(turn)

    def set(self, **values: float) -> None:
        """Set knobs (alpha, gamma, weight, consistency, lr) before the next step, in order.  Any thread.

        Raises InvalidType or InvalidValue for a value out of range.
        """
        for name, value in values.items():
            self._check(name)
            CHECKS[name](value)
        with self._lock:
            self._waiting.extend((name, float(value)) for name, value in values.items())

    def restrict(self, names: Iterable[str]) -> None:
        """Accept only these knobs from now on, those of the experiment that is trained."""
        self._known = frozenset(names)

    def _check(self, name: str) -> None:
        if name not in self._known:
            known = sorted(self._known)
            raise InvalidValue(f"this experiment has no knob {name!r}; {suggest(name, known)}")

    def due(self, step: int) -> list[tuple[str, float]]:
        """What is to be set before this step: the plan, then the hand."""
        if not self._waiting and not self._planned:
            return []
        with self._lock:
            waiting, self._waiting = self._waiting, []
        return [(turn.name, turn.new) for turn in self._planned.get(step, [])] + waiting


Knobs = Interventions  # its name until 0.2


class TunableParameters:
    """The knobs that one experiment has: lr is a number, the others are tensors of the experiment."""

    def __init__(self, experiment: Experiment, lr: float) -> None:
        objective = experiment.objective
        self._tensors: dict[str, Tensor] = {"weight": objective.weight}
        self._trained = False
        if isinstance(objective.divergence, GeometricJS):
            self._trained = objective.divergence.trainable
            self._tensors |= {} if self._trained else {"alpha": objective.divergence.alpha}
        if objective.consistency is not None:
            self._tensors["consistency"] = objective.consistency
        if isinstance(objective.likelihood.gamma, Fixed):
            self._tensors["gamma"] = objective.likelihood.gamma.logvar
        self.read(lr)

    def read(self, lr: float) -> None:
        """Take the values as they are now in the experiment, and the learning rate from the caller."""
        self.lr = lr
        self.values = {name: float(self._shown(name, tensor)) for name, tensor in self._tensors.items()}

    def set(self, step: int, name: str, new: float) -> Intervention:
        """Turn one knob.  Raises InvalidValue for a knob that this experiment does not have."""
        if name == "lr":
            old, self.lr = self.lr, new
            return Intervention(step, name, old, new)
        if name == "alpha" and self._trained:
            raise InvalidValue(
                "alpha is trained in this experiment, so it cannot be turned; build it with trainable=False."
            )
        if name not in self._tensors:
            raise InvalidValue(f"this experiment has no knob {name!r}; {suggest(name, [*self._tensors, 'lr'])}")
        old, self.values[name] = self.values[name], new
        with torch.no_grad():
            self._tensors[name].fill_(2 * math.log(new) if name == "gamma" else new)
        return Intervention(step, name, old, new)

    @staticmethod
    def _shown(name: str, tensor: Tensor) -> Tensor:
        return torch.exp(0.5 * tensor) if name == "gamma" else tensor
