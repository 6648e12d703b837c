"""Policies for the decoder's standard deviation gamma: fixed, learned or computed.

All of them, and the schedules of `vaelab.annealing`, set one number: the weight of the divergence
against half the squared error, weight * gamma² (Asperti & Trentin 2020). Code that holds a variance
says so; state is part of the `state_dict`. To add a policy, write its class here and, if it has a
name, add it to `NAMED`.
"""

import copy
import math
from numbers import Real
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from vaelab._utils import checks
from vaelab._utils.errors import InvalidType, InvalidValue, suggest
from vaelab._utils.images import data_variance
from vaelab._utils.scalars import ScalarModule

Rule = Literal["running_min", "capped_ema", "ema"]
MIN_VARIANCE = 1e-12  # so that a perfect reconstruction has a logarithm


class GammaPolicy(ScalarModule):
    """Base of the policies: a gamma that nothing changes.

    Attributes:
        logvar: ln gamma², 0-d.
    """

    logvar: Tensor

    @property
    def gamma(self) -> Tensor:
        """The standard deviation, 0-d."""
        return torch.exp(0.5 * self.logvar)

    def logvar_for(self, error: Tensor) -> Tensor:
        """Return ln gamma², [] or [b], for squared errors per pixel [b] of a training step."""
        checks.tensors(error=error)
        return self.logvar

    def init_from_data(self, x: Tensor) -> None:
        """Initialize gamma from the training data [n, ...], once, before the first step."""
        checks.tensor("x", x)

    def update(self, mse: Tensor, divergence: Tensor) -> None:
        """Change gamma by one optimizer step, for its mse per pixel [] and divergences [b]."""
        checks.step_terms(mse, divergence)

    def extra_repr(self) -> str:
        return f"gamma={self.gamma.item():.4g}"


class Fixed(GammaPolicy):
    """A constant gamma; a slider may change it.

    Args:
        gamma: Standard deviation.

    Example:
        >>> round(Fixed(0.3).gamma.item(), 4)
        0.3
    """

    def __init__(self, gamma: float) -> None:
        super().__init__()
        self.register_scalar("logvar", 2 * math.log(checks.positive("gamma", gamma)))


class Learned(GammaPolicy):
    """A gamma that descends the loss; its optimum is the root of the mean squared error.

    Adam moves ln gamma by about one learning rate per step, so a distant start takes long.

    Args:
        gamma: Initial standard deviation.
        lr_scale: Learning rate of ln gamma as a multiple of the network's.

    References:
        Dai & Wipf (2019), https://arxiv.org/abs/1903.05789.
    """

    log_gamma: nn.Parameter

    def __init__(self, gamma: float = 1.0, lr_scale: float = 1.0) -> None:
        super().__init__()
        self.lr_scale = checks.positive("lr_scale", lr_scale)
        self.register_scalar("log_gamma", math.log(checks.positive("gamma", gamma)), trainable=True)

    @property
    def logvar(self) -> Tensor:  # type: ignore[override]
        return 2 * self.log_gamma


class _FromData(GammaPolicy):
    """Base of the policies that start at the variance of the data, the best constant's error."""

    started: Tensor

    def init_from_data(self, x: Tensor) -> None:
        if checks.tensor("x", x).is_floating_point():
            checks.float_tensor("x", x)
        if x.dim() < 2 or not len(x):
            raise InvalidValue(f"x must be [n, ...] with at least one datum, got {tuple(x.shape)}.")
        if self.started:
            return
        variance = data_variance(x)
        running = getattr(self, "running", None)  # a mean of squared errors, which starts there too
        if running is not None:
            if variance <= MIN_VARIANCE:
                raise InvalidValue(
                    "the training data must differ, because gamma starts at their variance; pass more of "
                    "them, or Computed(start=0.1)."
                )
            running.copy_(variance)
        self.logvar.copy_(variance.clamp_min(MIN_VARIANCE).log())
        self.started.fill_(True)


class Optimal(_FromData):
    """gamma² = the mean squared error of the current batch, so that the nll is D/2 (1 + ln 2π mse).

    The error enters without gradient, which changes nothing for `Normal`: the derivative by gamma
    is 0 at the optimum. (A `Laplace` gets the standard deviation of the residuals, not its own
    optimum.) Between steps `logvar` is that of the last batch, before the first that of the data.
    Each of `TrainConfig.micro_batches` has its own gamma, so more of them are another method.

    References:
        Rybkin et al. (2021), sigma-VAE, https://arxiv.org/abs/2006.13202.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("logvar", torch.zeros(()))
        self.register_buffer("started", torch.tensor(False))

    def logvar_for(self, error: Tensor) -> Tensor:
        checks.tensors(error=error)
        return error.mean().clamp_min(MIN_VARIANCE).log()

    @torch.no_grad()
    def update(self, mse: Tensor, divergence: Tensor) -> None:
        checks.step_terms(mse, divergence)
        self.logvar.copy_(mse.clamp_min(MIN_VARIANCE).log())


class PerImage(Optimal):
    """gamma² = the squared error of each image: its nll is D/2 (1 + ln 2π mse(x))."""

    def logvar_for(self, error: Tensor) -> Tensor:
        checks.tensors(error=error)
        return error.clamp_min(MIN_VARIANCE).log()


class Computed(_FromData):
    """A gamma that follows a running mean m of the squared error.

    With avg = (1 - rate) m + rate mse, every step does

        rule "running_min"   m <- min(m, avg),   gamma² <- m                 the paper's repository
        rule "capped_ema"    m <- avg,           gamma² <- min(gamma², m)    the authors' later code
        rule "ema"           m <- avg,           gamma² <- m                 the plain running mean

    "running_min" is a ratchet: every batch that happens to be easy lowers m, and nothing raises it.
    "capped_ema" is one to a lesser degree. It waits at first: errors of an untrained network exceed
    the variance of the data, so gamma stays until m is below it (some 150 steps on small MNIST).

    Args:
        start: First gamma; None is the standard deviation of the data. The repository has 1.
        rate: Weight of the last batch in the running mean, in (0, 1].
        rule: One of the three.

    Raises:
        InvalidValue: For another rule, or, when training begins, data that are all equal.

    Example:
        >>> gamma = Computed(start=1.0, rate=0.5)
        >>> gamma.update(torch.tensor(0.5), torch.zeros(1))
        >>> round(gamma.gamma.item() ** 2, 4)
        0.75

    References:
        Asperti & Trentin (2020), doi:10.1109/ACCESS.2020.3034828, with the code
        https://github.com/asperti/BalancingVAE (running_min) and
        https://github.com/asperti/Split-VAE (capped_ema).
    """

    running: Tensor

    def __init__(self, start: float | None = None, rate: float = 0.01, rule: Rule = "capped_ema") -> None:
        super().__init__()
        start = None if start is None else checks.positive("start", start)
        variance = 1.0 if start is None else start * start
        self.rate, self.rule = checks.rate(rate), rule
        checks.one_of("rule", rule, get_args(Rule))
        for name, value in (("logvar", math.log(variance)), ("running", variance)):
            if start is None:
                self.register_buffer(name, torch.tensor(value))
            else:
                self.register_scalar(name, value)
        self.register_buffer("started", torch.tensor(start is not None))

    @torch.no_grad()
    def update(self, mse: Tensor, divergence: Tensor) -> None:
        checks.step_terms(mse, divergence)
        average = torch.lerp(self.running, mse.to(self.running), self.rate).clamp_min(MIN_VARIANCE)
        self.running.copy_(torch.minimum(self.running, average) if self.rule == "running_min" else average)
        now = self.running.log()
        self.logvar.copy_(torch.minimum(self.logvar, now) if self.rule == "capped_ema" else now)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, rule={self.rule!r}, rate={self.rate:g}"


class Geco(_FromData):
    """A multiplier of the squared error, for the least divergence with mse <= kappa².

    lambda * SE + divergence is a Gaussian decoder with gamma² = 1 / (2 lambda), up to a constant,
    so the multiplier is a policy: ln lambda <- ln lambda + step_size * clip(m / kappa² - 1, -1, 1),
    m the running mean of the squared error per pixel. In equilibrium m = kappa²; gamma need not be
    kappa. The units of the step and the start at the data variance differ from the paper's.

    Args:
        kappa: Tolerated root of the squared error per pixel.
        step_size: Largest change of ln lambda in one step.
        rate: Weight of the last batch in the running mean, in (0, 1].

    Raises:
        InvalidValue: When training begins, for data that are all equal.

    Example:
        >>> Geco(0.1)
        Geco(gamma=1, kappa=0.1)

    References:
        Rezende & Viola (2018), https://arxiv.org/abs/1810.00597.
    """

    kappa: Tensor
    running: Tensor

    def __init__(self, kappa: float, step_size: float = 0.003, rate: float = 0.01) -> None:
        super().__init__()
        self.step_size, self.rate = checks.positive("step_size", step_size), checks.rate(rate)
        self.register_scalar("kappa", checks.positive("kappa", kappa))
        self.register_buffer("logvar", torch.zeros(()))
        self.register_buffer("running", torch.ones(()))
        self.register_buffer("started", torch.tensor(False))

    @torch.no_grad()
    def update(self, mse: Tensor, divergence: Tensor) -> None:
        checks.step_terms(mse, divergence)
        self.running.copy_(torch.lerp(self.running, mse.to(self.running), self.rate).clamp_min(MIN_VARIANCE))
        self.logvar.sub_(self.step_size * (self.running / self.kappa**2 - 1).clamp(-1, 1))

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, kappa={self.kappa.item():g}"


NAMED = {"learned": Learned, "computed": Computed, "optimal": Optimal, "per-image": PerImage}


def policy(gamma: float | str | GammaPolicy) -> GammaPolicy:
    """Return the policy that a recipe's `gamma` stands for.

    Args:
        gamma: A number for `Fixed`; "learned", "computed", "optimal" or "per-image"; or a policy.

    Returns:
        The policy; of one that is given a copy, so that no two experiments move one gamma.

    Raises:
        InvalidType: For anything else.

    Example:
        >>> policy("computed")
        Computed(gamma=1, rule='capped_ema', rate=0.01)
    """
    if isinstance(gamma, GammaPolicy):
        return copy.deepcopy(gamma)
    if isinstance(gamma, Real):
        return Fixed(gamma)
    if isinstance(gamma, str) and gamma in NAMED:
        return NAMED[gamma]()
    known = suggest(str(gamma), NAMED)
    raise InvalidType(f"gamma must be a number, a name or a policy of vaelab.gamma, got {checks.shown(gamma)}; {known}")
