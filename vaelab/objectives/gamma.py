"""Policies for the decoder's standard deviation gamma: fixed, learned, or computed.

A policy gives `logvar` (ln gamma², 0-d), and `logvar_for(error)`, what a training step uses for a batch
with this error; it may look at the data once before training (`init_from_data`) and moves once per optimizer
step (`update`). Its state is part of the `state_dict`. gamma is a standard deviation; code that
holds a variance says so.

All of them, and those of `vaelab.annealing`, choose one number, the weight of the divergence
against half the squared error: weight * gamma². Source: Asperti & Trentin 2020.
"""

import math
from numbers import Real
from typing import Literal

import torch
from torch import Tensor, nn

from vaelab._utils import checks
from vaelab._utils.errors import InvalidType, InvalidValue, suggest
from vaelab._utils.images import data_variance

LEAST = 1e-12  # of a variance, so that a perfect reconstruction has a logarithm


class GammaPolicy(nn.Module):
    """Base of the policies: ln gamma² as a 0-d tensor, and nothing that moves it."""

    logvar: Tensor

    @property
    def gamma(self) -> Tensor:
        """The standard deviation, 0-d."""
        return torch.exp(0.5 * self.logvar)

    def logvar_for(self, error: Tensor) -> Tensor:
        """ln gamma² for a batch with these squared errors per pixel [b], which carry no gradient: [] or [b]."""
        return self.logvar

    def init_from_data(self, x: Tensor) -> None:
        """Look at the training data [n, ...], uint8 or floats, once, before the first step."""

    def update(self, mse: Tensor, divergence: Tensor) -> None:
        """Move by the mean squared error [] and the divergences [b] of the last batch, once per optimizer step."""

    def extra_repr(self) -> str:
        return f"gamma={self.gamma.item():.4g}"


class Fixed(GammaPolicy):
    """gamma stays where it is put; a slider may move it."""

    def __init__(self, gamma: float) -> None:
        super().__init__()
        self.register_buffer("logvar", torch.tensor(2 * math.log(checks.positive("gamma", gamma))))


class Learned(GammaPolicy):
    """ln gamma is a parameter; the optimum of gamma is the root of the mean squared error (Dai & Wipf 2019).

    Under Adam ln gamma moves by about one learning rate per step, so a start far away takes long.  lr_scale: its own rate
    as a multiple of the network's.
    """

    log_gamma: nn.Parameter

    def __init__(self, gamma: float = 1.0, lr_scale: float = 1.0) -> None:
        super().__init__()
        self.lr_scale = checks.positive("lr_scale", lr_scale)
        self.log_gamma = nn.Parameter(torch.tensor(math.log(checks.positive("gamma", gamma))))

    @property
    def logvar(self) -> Tensor:  # type: ignore[override]
        return 2 * self.log_gamma


def start_at_data(
    x: Tensor,
    started: Tensor,
    logvar: Tensor,
    running: Tensor | None = None,
) -> None:
    """Unless it has started: put ln gamma² and a running mean to the variance of x [n, ...].

    It is the mean over pixels, and the error of the best constant.  Raises InvalidValue where a
    running mean would start at nothing.
    """
    if started:
        return
    variance = data_variance(x)
    if running is not None:
        if variance <= LEAST:
            raise InvalidValue(
                "the training data are all alike, so gamma cannot start at their variance; give "
                "more of them, or gamma=Computed(start=0.1)."
            )
        running.copy_(variance)
    logvar.copy_(variance.clamp_min(LEAST).log())
    started.fill_(True)


class Optimal(GammaPolicy):
    """gamma² = the mean squared error of the batch at hand, so that the nll is D/2 (1 + ln 2π mse): the optimum.

    The error enters without its gradient, which changes nothing: the derivative by gamma is 0 there (for `Normal`; a
    `Laplace` gets the standard deviation of the residuals, not its own optimum).  Between steps, for samples and
    evidence, `logvar` keeps that of the last batch; before the first, of the data.  A batch in pieces (`TrainConfig.micro_batches`)
    has a gamma for every piece, and so is another step.
    Source: sigma-VAE, Rybkin et al. 2021 (ICML).
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("logvar", torch.zeros(()))
        self.register_buffer("started", torch.tensor(False))

    started: Tensor

    def logvar_for(self, error: Tensor) -> Tensor:
        return error.mean().clamp_min(LEAST).log()

    def init_from_data(self, x: Tensor) -> None:
        start_at_data(x, self.started, self.logvar)

    def update(self, mse: Tensor, divergence: Tensor) -> None:
        with torch.no_grad():
            self.logvar.copy_(mse.clamp_min(LEAST).log())


class PerImage(Optimal):
    """gamma² = the squared error of each image: the nll of an image is D/2 (1 + ln 2π mse(x))."""

    def logvar_for(self, error: Tensor) -> Tensor:
        return error.clamp_min(LEAST).log()


class Computed(GammaPolicy):
    """gamma² follows the running mean m of the squared error.  With avg = (1-rate) m + rate mse, at every step

        rule "running_min" m <- min(m, avg),   gamma² <- m                 the official repository
        rule "capped_ema"  m <- avg,           gamma² <- min(gamma², m)    the authors' later code, the default
        rule "ema"         m <- avg,           gamma² <- m                 the plain running mean

    A is a ratchet: each batch that happens to be easy pushes m down, and nothing lifts it again.  B does so much less.
    start: the first gamma; the repository's is 1, the default the standard deviation of the data (root of the mean over
    pixels of the variance over images).  Rule B then waits: the errors of the first steps are larger than the variance
    and lift m, and gamma stays where it began until m is below it again, some 150 steps on small MNIST.

    Begun at the data it raises InvalidValue for training images that are all alike.

    Raises InvalidType or InvalidValue for a start or rate that is no number above 0, a rate above 1, another rule.
    Source: Asperti & Trentin 2020 (arXiv 2002.07514); A as in asperti/BalancingVAE, B as in
    devangelista2/GreenVAE and asperti/Split-VAE.  That A is a ratchet is derived here.
    """

    running: Tensor
    started: Tensor

    def __init__(
        self,
        start: float | None = None,
        rate: float = 0.01,
        rule: Literal["running_min", "capped_ema", "ema"] = "capped_ema",
    ) -> None:
        super().__init__()
        variance = 1.0 if start is None else checks.positive("start", start) ** 2
        self.rate, self.rule = checks.rate(rate), rule
        if rule not in ("running_min", "capped_ema", "ema"):
            raise InvalidValue(f"rule must be 'running_min', 'capped_ema' or 'ema', got {rule!r}.")
        self.register_buffer("logvar", torch.tensor(math.log(variance)))
        self.register_buffer("running", torch.tensor(variance))
        self.register_buffer("started", torch.tensor(start is not None))

    def init_from_data(self, x: Tensor) -> None:
        start_at_data(x, self.started, self.logvar, self.running)

    def update(self, mse: Tensor, divergence: Tensor) -> None:
        with torch.no_grad():
            average = torch.lerp(self.running, mse.to(self.running), self.rate).clamp_min(LEAST)
            self.running.copy_(torch.minimum(self.running, average) if self.rule == "running_min" else average)
            now = self.running.log()
            self.logvar.copy_(torch.minimum(self.logvar, now) if self.rule == "capped_ema" else now)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, rule={self.rule!r}, rate={self.rate:g}"


class Geco(GammaPolicy):
    """Minimize the divergence under the constraint mse <= kappa², with a multiplier lambda for the squared error.

    lambda * SE + divergence is a Gaussian decoder with gamma² = 1/(2 lambda), up to a constant, so the multiplier is a
    policy: ln lambda <- ln lambda + step_size * clip(m/kappa² - 1, -1, 1), m the running mean of the squared error per
    pixel.  At rest m = kappa²; gamma itself is then wherever it had to go, and need not be kappa.
    kappa: the tolerated root of the squared error per pixel.  rate: of the running mean.

    The step is ours in its units (ln lambda per step, m relative to kappa²); it starts at the data variance.
    Raises InvalidType or InvalidValue for anything but numbers above 0, for a rate above 1, and, begun at the data, for
    training images that are all alike.
    Source: Rezende & Viola 2018 (arXiv 1810.00597).
    """

    running: Tensor
    started: Tensor

    def __init__(self, kappa: float, step_size: float = 0.003, rate: float = 0.01) -> None:
        super().__init__()
        self.step_size, self.rate = checks.positive("step_size", step_size), checks.rate(rate)
        self.register_buffer("kappa", torch.tensor(checks.positive("kappa", kappa)))
        self.register_buffer("logvar", torch.zeros(()))
        self.register_buffer("running", torch.ones(()))
        self.register_buffer("started", torch.tensor(False))

    kappa: Tensor

    def init_from_data(self, x: Tensor) -> None:
        start_at_data(x, self.started, self.logvar, self.running)

    def update(self, mse: Tensor, divergence: Tensor) -> None:
        with torch.no_grad():
            self.running.copy_(torch.lerp(self.running, mse.to(self.running), self.rate).clamp_min(LEAST))
            self.logvar.sub_(self.step_size * (self.running / self.kappa**2 - 1).clamp(-1, 1))

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, kappa={self.kappa.item():g}"


__all__ = ["Computed", "Fixed", "GammaPolicy", "Geco", "Learned", "Optimal", "PerImage", "policy"]

NAMED = {"learned": Learned, "computed": Computed, "optimal": Optimal, "per-image": PerImage}


def policy(gamma: float | str | GammaPolicy) -> GammaPolicy:
    """A number means `Fixed`; "learned", "computed", "optimal" and "per-image" name others; a policy stays as it is."""
    if isinstance(gamma, GammaPolicy):
        return gamma
    if isinstance(gamma, Real):
        return Fixed(gamma)
    if gamma in NAMED:
        return NAMED[gamma]()
    known = suggest(str(gamma), NAMED)
    raise InvalidType(f"gamma must be a number, a name or a policy of vaelab.gamma, got {gamma!r}; {known}")
