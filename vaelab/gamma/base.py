"""The interface of the policies, and the two that need no memory: a fixed gamma and a learned one."""

import math

import torch
from torch import Tensor, nn

from vaelab import checks
from vaelab.errors import InvalidValue
from vaelab.pixels import data_variance

LEAST = 1e-12  # of a variance, so that a perfect reconstruction has a logarithm


class Policy(nn.Module):
    """Base of the policies: ln gamma² as a 0-d tensor, and nothing that moves it.

    whole_batch: `at` mixes the samples of a batch, which a stacked step must know.
    """

    logvar: Tensor
    whole_batch = False

    @property
    def gamma(self) -> Tensor:
        """The standard deviation, 0-d."""
        return torch.exp(0.5 * self.logvar)

    def at(self, error: Tensor) -> Tensor:
        """ln gamma² for a batch with these squared errors per pixel [b], which carry no gradient: [] or [b]."""
        return self.logvar

    def begin(self, images: Tensor) -> None:
        """Look at the training data [n, ...], uint8 or in [0, 1], once, before the first step."""

    def update(self, mse: Tensor, divergence: Tensor) -> None:
        """Move by the mean squared error [] and the divergences [b] of the last batch, once per optimiser step."""

    def extra_repr(self) -> str:
        return f"gamma={self.gamma.item():.4g}"


class Fixed(Policy):
    """gamma stays where it is put; a slider may move it."""

    def __init__(self, gamma: float) -> None:
        super().__init__()
        self.register_buffer("logvar", torch.tensor(2 * math.log(checks.positive("gamma", gamma))))


class Learned(Policy):
    """ln gamma is a parameter; the optimum of gamma is the root of the mean squared error (Dai & Wipf 2019).

    Under Adam ln gamma moves by about one learning rate per step, so a start far away takes long.  pace: its own rate
    as a multiple of the network's.
    """

    log_gamma: nn.Parameter

    def __init__(self, gamma: float = 1.0, pace: float = 1.0) -> None:
        super().__init__()
        self.pace = checks.positive("pace", pace)
        self.log_gamma = nn.Parameter(torch.tensor(math.log(checks.positive("gamma", gamma))))

    @property
    def logvar(self) -> Tensor:  # type: ignore[override]
        return 2 * self.log_gamma


def start_at_data(images: Tensor, started: Tensor, logvar: Tensor, running: Tensor | None = None) -> None:
    """Unless it has started: put ln gamma² and a running mean to the variance of images [n, ...], mean over pixels.

    It is the error of the best constant image.  Raises InvalidValue where a running mean would start at nothing.
    """
    if started:
        return
    variance = data_variance(images)
    if running is not None:
        if variance <= LEAST:
            raise InvalidValue(
                "the training images are all alike, so gamma cannot start at their variance; give more images, or "
                "gamma=Computed(start=0.1)."
            )
        running.copy_(variance)
    logvar.copy_(variance.clamp_min(LEAST).log())
    started.fill_(True)
