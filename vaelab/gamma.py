"""Who sets the decoder's standard deviation gamma: one file, one interface.

A policy gives `logvar` (ln gamma², 0-d), may look at the data once before training (`begin`) and moves once per
optimiser step (`update`).  Its state lies in the `state_dict`.  gamma is a standard deviation; code that holds a
variance says so.
"""

import math
from numbers import Real

import torch
from torch import Tensor, nn

from vaelab import checks
from vaelab.errors import InvalidType
from vaelab.pixels import data_variance


class Policy(nn.Module):
    """Base of the policies: ln gamma² as a 0-d tensor, and nothing that moves it."""

    logvar: Tensor

    @property
    def gamma(self) -> Tensor:
        """The standard deviation, 0-d."""
        return torch.exp(0.5 * self.logvar)

    def begin(self, images: Tensor) -> None:
        """Look at the training data [n, ...], uint8 or in [0, 1], once, before the first step."""

    def update(self, mse: Tensor) -> None:
        """Move by the mean squared error of the last batch, once per optimiser step."""

    def extra_repr(self) -> str:
        return f"gamma={self.gamma.item():.4g}"


class Fixed(Policy):
    """gamma stays where it is put; a slider may move it."""

    def __init__(self, gamma: float) -> None:
        super().__init__()
        self.register_buffer("logvar", torch.tensor(2 * math.log(checks.positive("gamma", gamma))))


class Learned(Policy):
    """gamma is a parameter; its optimum is the root of the mean squared error (Dai & Wipf 2019)."""

    def __init__(self, gamma: float = 1.0) -> None:
        super().__init__()
        self.logvar = nn.Parameter(torch.tensor(2 * math.log(checks.positive("gamma", gamma))))


class Computed(Policy):
    """gamma² follows the running mean m of the squared error, and only falls: m <- (1-rate) m + rate mse; gamma²
    <- min(gamma², m).

    This is the authors' later rule; it starts at the variance of the data (mean over pixels of the variance over
    images), unless `start` (a standard deviation) is given.  Source: Asperti & Trentin 2020; balancing sheet, rule B.
    """

    running: Tensor
    started: Tensor

    def __init__(self, start: float | None = None, rate: float = 0.01) -> None:
        super().__init__()
        variance = 1.0 if start is None else checks.positive("start", start) ** 2
        self.rate = checks.positive("rate", rate)
        self.register_buffer("logvar", torch.tensor(math.log(variance)))
        self.register_buffer("running", torch.tensor(variance))
        self.register_buffer("started", torch.tensor(start is not None))

    def begin(self, images: Tensor) -> None:
        if not self.started:
            variance = data_variance(images).clamp_min(1e-12).to(self.running)
            self.running.copy_(variance)
            self.logvar.copy_(variance.log())
            self.started.fill_(True)

    def update(self, mse: Tensor) -> None:
        with torch.no_grad():
            self.running.lerp_(mse.detach().to(self.running), self.rate)
            self.logvar.copy_(torch.minimum(self.logvar, self.running.log()))


def policy(gamma: "float | str | Policy") -> Policy:
    """A number means `Fixed`; "learned" and "computed" name the other two; a policy is taken as it is."""
    if isinstance(gamma, Policy):
        return gamma
    if isinstance(gamma, Real):
        return Fixed(gamma)
    if gamma == "learned":
        return Learned()
    if gamma == "computed":
        return Computed()
    raise InvalidType(f"gamma must be a number, 'learned', 'computed' or a policy of vaelab.gamma, got {gamma!r}.")
