"""gamma² set by the batch itself: the optimum of the likelihood, with no memory and nothing to wait for."""

import torch
from torch import Tensor

from vaelab.gamma.base import LEAST, Policy, start_at_data


class Optimal(Policy):
    """gamma² = the mean squared error of the batch at hand, so that the nll is D/2 (1 + ln 2π mse): the optimum.

    The error enters without its gradient, which changes nothing: the derivative by gamma is 0 there (for `Normal`; a
    `Laplace` gets the standard deviation of the residuals, not its own optimum).  Between steps, for samples and
    evidence, `logvar` keeps that of the last batch; before the first, of the data.  A batch in pieces (`Train.pieces`)
    has a gamma for every piece, and so is another step.
    Source: sigma-VAE, Rybkin et al. 2021; balancing sheet, I1 and I3.
    """

    whole_batch = True

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("logvar", torch.zeros(()))
        self.register_buffer("started", torch.tensor(False))

    started: Tensor

    def at(self, error: Tensor) -> Tensor:
        return error.mean().clamp_min(LEAST).log()

    def begin(self, images: Tensor) -> None:
        start_at_data(images, self.started, self.logvar)

    def update(self, mse: Tensor, divergence: Tensor) -> None:
        with torch.no_grad():
            self.logvar.copy_(mse.clamp_min(LEAST).log())


class PerImage(Optimal):
    """gamma² = the squared error of each image: the nll of an image is D/2 (1 + ln 2π mse(x))."""

    whole_batch = False

    def at(self, error: Tensor) -> Tensor:
        return error.clamp_min(LEAST).log()
