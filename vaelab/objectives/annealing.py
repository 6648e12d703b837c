"""Who heats the divergence: a factor of its weight that changes while training runs, one interface.

A annealing gives `factor` (0-d) and, like a policy of `vaelab.gamma`, moves once per optimizer step (`update`); its state
lies in the `state_dict`.
"""

import torch
from torch import Tensor, nn

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue


class Annealing(nn.Module):
    """Base of the annealing schedules: the factor of the divergence's weight, 0-d, and nothing that moves it."""

    factor: Tensor

    def update(self, mse: Tensor, divergence: Tensor) -> None:
        """Move by the mean squared error [] and the divergences [b] of the last batch, once per optimizer step."""


class Linear(Annealing):
    """From 1/steps at the first step to 1 at step number `steps`, and 1 from there on (Bowman et al. 2016)."""

    taken: Tensor

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = checks.positive_int("steps", steps)
        self.register_buffer("taken", torch.zeros((), dtype=torch.int64))
        self.register_buffer("factor", torch.tensor(1 / self.steps))

    def update(self, mse: Tensor, divergence: Tensor) -> None:
        with torch.no_grad():
            self.taken += 1
            self.factor.copy_(((self.taken + 1) / self.steps).clamp_max(1.0))


class Cyclical(Annealing):
    """Rises from 0 to 1 over the share `rise` of a period of steps, stays at 1, and starts anew (Fu et al. 2019)."""

    taken: Tensor

    def __init__(self, period: int, rise: float = 0.5) -> None:
        super().__init__()
        self.period, self.rise = checks.positive_int("period", period), checks.positive("rise", rise)
        if self.rise > 1:
            raise InvalidValue(f"rise is a share of the period, up to 1, got {rise}; 0.5 is usual.")
        self.register_buffer("taken", torch.zeros((), dtype=torch.int64))
        self.register_buffer("factor", torch.zeros(()))

    def update(self, mse: Tensor, divergence: Tensor) -> None:
        with torch.no_grad():
            self.taken += 1
            phase = (self.taken % self.period) / self.period
            self.factor.copy_((phase / self.rise).clamp_max(1.0))


class PIController(Annealing):
    """A controller that holds the divergence at `target` nats: with e = target - the last batch's divergence,

        factor = clip(proportional / (1 + exp(e)) + I, 0, 1),   I <- clip(I - integral * e, 0, 1)

    The integral is kept in the range of the factor, so it cannot wind up.  The batch it reads is the one before.

    Raises InvalidType or InvalidValue for anything but numbers above 0.
    Source: ControlVAE, Shao et al. 2020 (ICML), with the constants of shj1987/ControlVAE-ICML2020
    for images; there the guard against winding up never acts.
    """

    target: Tensor
    summed: Tensor

    def __init__(self, target: float, proportional: float = 0.01, integral: float = 1e-4) -> None:
        super().__init__()
        self.proportional = checks.positive("proportional", proportional)
        self.integral = checks.positive("integral", integral)
        self.register_buffer("target", torch.tensor(checks.positive("target", target)))
        self.register_buffer("summed", torch.zeros(()))
        self.register_buffer("factor", torch.zeros(()))

    def update(self, mse: Tensor, divergence: Tensor) -> None:
        with torch.no_grad():
            missing = self.target - divergence.mean().to(self.target)
            self.summed.copy_((self.summed - self.integral * missing).clamp(0.0, 1.0))
            self.factor.copy_((self.proportional * torch.sigmoid(-missing) + self.summed).clamp_max(1.0))
