"""GECO: gamma is moved until the error meets a given tolerance."""

import torch
from torch import Tensor

from vaelab import checks
from vaelab.gamma.base import LEAST, Policy, start_at_data


class Geco(Policy):
    """Minimise the divergence under the constraint mse <= kappa², with a multiplier lambda for the squared error.

    lambda * SE + divergence is a Gaussian decoder with gamma² = 1/(2 lambda), up to a constant, so the multiplier is a
    policy: ln lambda <- ln lambda + pace * clip(m/kappa² - 1, -1, 1), m the running mean of the squared error per
    pixel.  At rest m = kappa²; gamma itself is then wherever it had to go, and need not be kappa.
    kappa: the tolerated root of the squared error per pixel.  rate: of the running mean.

    The step is ours in its units (ln lambda per step, m relative to kappa²); it starts at the data variance.
    Raises InvalidType or InvalidValue for anything but numbers above 0, for a rate above 1, and, begun at the data, for
    training images that are all alike.
    Source: Rezende & Viola 2018; balancing sheet, section 4.6.
    """

    running: Tensor
    started: Tensor

    def __init__(self, kappa: float, pace: float = 0.003, rate: float = 0.01) -> None:
        super().__init__()
        self.pace, self.rate = checks.positive("pace", pace), checks.rate(rate)
        self.register_buffer("kappa", torch.tensor(checks.positive("kappa", kappa)))
        self.register_buffer("logvar", torch.zeros(()))
        self.register_buffer("running", torch.ones(()))
        self.register_buffer("started", torch.tensor(False))

    kappa: Tensor

    def begin(self, images: Tensor) -> None:
        start_at_data(images, self.started, self.logvar, self.running)

    def update(self, mse: Tensor, divergence: Tensor) -> None:
        with torch.no_grad():
            self.running.lerp_(mse.to(self.running), self.rate).clamp_min_(LEAST)
            self.logvar.sub_(self.pace * (self.running / self.kappa**2 - 1).clamp(-1, 1))

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, kappa={self.kappa.item():g}"
