"""Parameters that change during training: alpha, gamma, weights and learning rate.

The loop applies new values between two steps and records them. `History.replay` returns the record
as a plan that reproduces the run.
"""

import math
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from vaelab._utils import checks
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab._utils.scalars import ScalarModule
from vaelab._utils.typed import typed
from vaelab.divergences.modules import GeometricJS
from vaelab.objectives.gamma import Fixed
from vaelab.objectives.objective import Experiment

CHECKS: dict[str, Callable[[float], object]] = {
    "alpha": checks.one_skew,
    "gamma": partial(checks.positive, "gamma"),
    "weight": partial(checks.positive, "weight"),
    "consistency": partial(checks.not_negative, "consistency"),
    "lr": partial(checks.positive, "lr"),
}


class Intervention(NamedTuple):
    """A change of one parameter during training.

    Args:
        step: Number of the step, from 0, before which it was set.
        name: "alpha", "gamma", "weight", "consistency" or "lr".
        old: Value before.
        new: Value from this step on.
    """

    step: int
    name: str
    old: float
    new: float


class Interventions:
    """Parameters to set during training: at once, from any thread, or at planned steps.

    Args:
        planned: `Intervention`s, or tuples (step, name, old, new); `old` is not used.

    Raises:
        InvalidType: If a value is not a number.
        InvalidValue: If a name is unknown or a value out of range.

    Example:
        >>> import torch
        >>> from vaelab import TrainConfig, fit, recipes
        >>> experiment = recipes.gjs_vae((1, 8, 8), 2, hidden=(16,), alpha=0.5)
        >>> interventions = Interventions([(1, "alpha", 0.5, 0.25)])
        >>> config = TrainConfig(steps=2, batch_size=50, progress=False)
        >>> history = fit(experiment, torch.rand(100, 1, 8, 8), config, interventions=interventions)
        >>> history.interventions
        [Intervention(step=1, name='alpha', old=0.5, new=0.25)]
    """

    def __init__(self, planned: Iterable[Intervention | tuple[int, str, float, float]] = ()) -> None:
        self._lock = threading.Lock()
        self._names = tuple(CHECKS)
        self._waiting: list[tuple[str, float]] = []
        self._planned: defaultdict[int, list[tuple[str, float]]] = defaultdict(list)
        if isinstance(planned, str | bytes | Mapping) or not isinstance(planned, Iterable) or hasattr(planned, "dtype"):
            raise InvalidType(f"planned must be interventions (step, name, old, new), got {checks.shown(planned)}.")
        for intervention in planned:
            if not isinstance(intervention, Sequence) or len(intervention) != 4:
                raise InvalidType(f"planned must hold (step, name, old, new), got {checks.shown(intervention)}.")
            step, name, _, new = intervention
            checks.positive_int("step", step, at_least=0)
            self._check(name, new)
            self._planned[step].append((name, new))

    def set(self, **values: float) -> None:
        """Set parameters before the next step, in this order; from any thread.

        Args:
            values: New values of alpha, gamma, weight, consistency or lr.

        Raises InvalidType or InvalidValue like the constructor.
        """
        for name, value in values.items():
            self._check(name, value)
        with self._lock:
            self._waiting += [(name, float(value)) for name, value in values.items()]

    @typed
    def restrict(self, names: Iterable[str]) -> None:
        """Accept only the parameters that an experiment has; InvalidValue if others are planned."""
        names = tuple(names)
        for name in names:
            checks.one_of("parameter", name, tuple(CHECKS))
        with self._lock:
            self._names = names
            planned = [pair for pairs in self._planned.values() for pair in pairs]
            for name, value in planned + self._waiting:
                self._check(name, value)

    # The only check of names and ranges: the loop receives nothing that it cannot set.
    def _check(self, name: str, value: float) -> None:
        if not isinstance(name, str) or name not in self._names:
            raise InvalidValue(f"parameter must be one of {', '.join(sorted(self._names))}, got {checks.shown(name)}.")
        CHECKS[name](value)

    def due(self, step: int) -> list[tuple[str, float]]:
        """Return the names and values to set before a step: planned ones, then waiting ones."""
        checks.positive_int("step", step, at_least=0)
        with self._lock:
            waiting, self._waiting = self._waiting, []
        return self._planned.get(step, []) + waiting


Knobs = Interventions  # its name until 0.2


class TunableParameters:
    """The parameters of an experiment that can be set; a trained alpha or gamma cannot.

    Args:
        experiment: Experiment whose tensors are filled.
        lr: Learning rate, which is held here as a number.
    """

    def __init__(self, experiment: Experiment, lr: float) -> None:
        objective = experiment.objective
        divergence, gamma = objective.divergence, objective.likelihood.gamma
        modules: dict[str, tuple[ScalarModule, str]] = {"weight": (objective, "weight")}
        if isinstance(divergence, GeometricJS):
            modules["alpha"] = divergence, "skew"
        modules["consistency"] = objective, "consistency_weight"
        if isinstance(gamma, Fixed):
            modules["gamma"] = gamma, "logvar"
        self._modules = {name: place for name, place in modules.items() if getattr(*place) is not None}
        self._tensors = {name: getattr(*place) for name, place in self._modules.items()}
        self.read(lr)

    @property
    def lr(self) -> float:
        """The present learning rate."""
        return self.values["lr"]

    def read(self, lr: float) -> None:
        """Read the present values from the experiment, and set the learning rate."""
        self.values = {name: module.exact(tensor) for name, (module, tensor) in self._modules.items()} | {"lr": lr}
        if "gamma" in self.values:  # the module has ln gamma², whose last digits are rounded
            self.values["gamma"] = float(f"{math.exp(self.values['gamma'] / 2):.14g}")

    def set(self, step: int, name: str, new: float) -> Intervention:
        """Set one parameter, and return the record of it."""
        old, self.values[name] = self.values[name], new
        if name in self._tensors:
            self._tensors[name].fill_(2 * math.log(new) if name == "gamma" else new)
        return Intervention(step, name, old, new)
