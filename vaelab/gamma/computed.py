"""gamma computed from a running mean of the squared error: the three rules that are about."""

import math
from typing import Literal

import torch
from torch import Tensor

from vaelab import checks
from vaelab.errors import InvalidValue
from vaelab.gamma.base import LEAST, Policy, start_at_data


class Computed(Policy):
    """gamma² follows the running mean m of the squared error.  With avg = (1-rate) m + rate mse, at every step

        rule "A"   m <- min(m, avg),   gamma² <- m                 the official repository
        rule "B"   m <- avg,           gamma² <- min(gamma², m)    the authors' later code, the default
        rule "C"   m <- avg,           gamma² <- m                 the plain running mean

    A is a ratchet: each batch that happens to be easy pushes m down, and nothing lifts it again.  B does so much less.
    start: the first gamma; the repository's is 1, the default the standard deviation of the data (root of the mean over
    pixels of the variance over images).  Rule B then waits: the errors of the first steps are larger than the variance
    and lift m, and gamma stays where it began until m is below it again, some 150 steps on small MNIST.

    Begun at the data it raises InvalidValue for training images that are all alike.

    Raises InvalidType or InvalidValue for a start or rate that is no number above 0, a rate above 1, another rule.
    Source: Asperti & Trentin 2020; balancing sheet, section 1.3 and identity I14.
    """

    running: Tensor
    started: Tensor

    def __init__(self, start: float | None = None, rate: float = 0.01, rule: Literal["A", "B", "C"] = "B") -> None:
        super().__init__()
        variance = 1.0 if start is None else checks.positive("start", start) ** 2
        self.rate, self.rule = checks.rate(rate), rule
        if rule not in ("A", "B", "C"):
            raise InvalidValue(f"rule must be 'A', 'B' or 'C', got {rule!r}; 'B' is the default.")
        self.register_buffer("logvar", torch.tensor(math.log(variance)))
        self.register_buffer("running", torch.tensor(variance))
        self.register_buffer("started", torch.tensor(start is not None))

    def begin(self, images: Tensor) -> None:
        start_at_data(images, self.started, self.logvar, self.running)

    def update(self, mse: Tensor, divergence: Tensor) -> None:
        with torch.no_grad():
            average = torch.lerp(self.running, mse.to(self.running), self.rate).clamp_min(LEAST)
            self.running.copy_(torch.minimum(self.running, average) if self.rule == "A" else average)
            now = self.running.log()
            self.logvar.copy_(torch.minimum(self.logvar, now) if self.rule == "B" else now)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, rule={self.rule!r}, rate={self.rate:g}"
