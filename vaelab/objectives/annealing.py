"""KL annealing: schedules of a factor of the divergence's weight.

A schedule gives `factor`, 0-d, and, like a policy of `vaelab.gamma`, advances once per optimizer
step; its state is part of the `state_dict`.
"""

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.scalars import ScalarModule


class Annealing(ScalarModule):
    """Base of the schedules: a factor of the divergence's weight that nothing changes, 0-d.

    Args:
        mse, divergence: Of `update`: mean squared error per pixel of the last batch, [], and its
            divergences [b], nats.
    """

    factor: Tensor

    def update(self, mse: Tensor, divergence: Tensor) -> None:
        """Advance by one optimizer step."""
        checks.step_terms(mse, divergence)


class Linear(Annealing):
    """From 1/steps at the first step to 1 at step number `steps`, then constant.

    Args:
        steps: Length of the rise in optimizer steps.

    Example:
        >>> Linear(steps=4).factor.item()
        0.25

    References:
        Bowman et al. (2016), https://arxiv.org/abs/1511.06349.
    """

    taken: Tensor

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = checks.positive_int("steps", steps)
        self.register_buffer("taken", torch.zeros((), dtype=torch.int64))
        self.register_scalar("factor", 1 / self.steps)

    @torch.no_grad()
    def update(self, mse: Tensor, divergence: Tensor) -> None:
        checks.step_terms(mse, divergence)
        self.taken += 1
        self.factor.copy_(((self.taken + 1).to(self.factor.dtype) / self.steps).clamp_max(1.0))


class Cyclical(Annealing):
    """From 0 to 1 over a share of every period, then 1 until the next period.

    Args:
        period: Length of a period in optimizer steps.
        rise: Share of the period in which the factor rises, in (0, 1].

    References:
        Fu et al. (2019), https://arxiv.org/abs/1903.10145.
    """

    taken: Tensor

    def __init__(self, period: int, rise: float = 0.5) -> None:
        super().__init__()
        self.period, self.rise = checks.positive_int("period", period), checks.rate(rise, "rise")
        self.register_buffer("taken", torch.zeros((), dtype=torch.int64))
        self.register_buffer("factor", torch.zeros(()))

    @torch.no_grad()
    def update(self, mse: Tensor, divergence: Tensor) -> None:
        checks.step_terms(mse, divergence)
        self.taken += 1
        phase = (self.taken % self.period).to(self.factor.dtype) / self.period
        self.factor.copy_((phase / self.rise).clamp_max(1.0))


class PIController(Annealing):
    """A controller that holds the divergence at `target` nats.

    With e = target - divergence of the last batch, every step does

        factor = clip(proportional / (1 + exp(e)) + I, 0, 1),   I <- clip(I - integral * e, 0, 1)

    The integral stays in the range of the factor, so it cannot wind up (the guard of the published
    code never acts). The constants are those of the published code for images.

    Args:
        target: Divergence in nats.
        proportional: Gain of the proportional part.
        integral: Gain of the integral part, per step.

    References:
        Shao et al. (2020), ControlVAE, https://arxiv.org/abs/2004.05988.
    """

    target: Tensor
    summed: Tensor

    def __init__(self, target: float, proportional: float = 0.01, integral: float = 1e-4) -> None:
        super().__init__()
        self.proportional = checks.positive("proportional", proportional)
        self.integral = checks.positive("integral", integral)
        self.register_scalar("target", checks.positive("target", target))
        self.register_buffer("summed", torch.zeros(()))
        self.register_buffer("factor", torch.zeros(()))

    @torch.no_grad()
    def update(self, mse: Tensor, divergence: Tensor) -> None:
        checks.step_terms(mse, divergence)
        error = self.target - divergence.mean().to(self.target)
        self.summed.copy_((self.summed - self.integral * error).clamp(0.0, 1.0))
        self.factor.copy_((self.proportional * torch.sigmoid(-error) + self.summed).clamp_max(1.0))
