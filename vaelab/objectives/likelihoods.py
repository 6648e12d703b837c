"""What the decoder's output says about an image: negative log-likelihoods per sample, in nats, *summed* over the
pixels.

Every likelihood is pure: `nll(out, x)` [b], `mean(out)`, `sample(out)`, and `score(out, x)` for the training step,
which needs the squared error too, forms the residual once, and asks the gamma policy about this very batch.  `out` is
the raw output of the decoder; the squashing to [0, 1] belongs to the likelihood, so that a logit is
never turned into a probability and back.

`domain` says which data a likelihood is of: "unit", bytes or floats in [0, 1], or "real", any
finite floats.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vaelab._utils.domain import Domain
from vaelab._utils.images import sum_pixels
from vaelab.divergences.gaussian import LOG_2PI
from vaelab.objectives.gamma import GammaPolicy, policy


class Bernoulli(nn.Module):
    """-ln p(x|z) = -Σ [x ln π + (1-x) ln(1-π)] with π = sigmoid(out); a density only for x in {0, 1}."""

    gamma: GammaPolicy | None = None
    domain: Domain = "unit"

    def nll(self, out: Tensor, x: Tensor) -> Tensor:
        """out, x: [b, ...] -> [b], nats."""
        return sum_pixels(F.binary_cross_entropy_with_logits(out, x, reduction="none"))

    def nll_and_mse(self, out: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """nll [b] in nats, and the squared error per pixel [b], which carries no gradient."""
        with torch.no_grad():
            error = sum_pixels((x - torch.sigmoid(out)).square()) / x[0].numel()
        return self.nll(out, x), error

    def mean(self, out: Tensor) -> Tensor:
        return torch.sigmoid(out)

    def sample(self, out: Tensor) -> Tensor:
        return torch.bernoulli(torch.sigmoid(out))


class _Scaled(nn.Module):
    """A location family around sigmoid(out), or out itself, with one scale for all pixels.

    squash: whether the data lie in [0, 1] and the mean is sigmoid(out); else they are any numbers.
    """

    gamma: GammaPolicy

    def __init__(self, gamma: "float | str | GammaPolicy" = 1.0, *, squash: bool = True) -> None:
        super().__init__()
        self.gamma = policy(gamma)
        self.squash = squash

    @property
    def domain(self) -> Domain:
        """Where the data lie: "unit" with squash, "real" without."""
        return "unit" if self.squash else "real"

    def mean(self, out: Tensor) -> Tensor:
        return torch.sigmoid(out) if self.squash else out

    def nll(self, out: Tensor, x: Tensor) -> Tensor:
        """out, x: [b, ...] -> [b], nats; with gamma as it stands, whatever batch this is."""
        return self._nll(x - self.mean(out), self.gamma.logvar)

    def nll_and_mse(self, out: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """nll [b] in nats under the gamma that the policy has for this batch, and the squared error per pixel [b],
        which carries no gradient."""
        raise NotImplementedError

    def _nll(self, residual: Tensor, logvar: Tensor) -> Tensor:
        raise NotImplementedError


class Normal(_Scaled):
    """-ln N(x; mean, gamma²) = Σ [(x - mean)² / (2 gamma²) + ln gamma + ½ ln 2π].

    gamma = 1/sqrt(2) makes it the sum of squared errors of Deasy et al. 2020, up to a constant.
    """

    def nll_and_mse(self, out: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        squares, pixels = sum_pixels((x - self.mean(out)) ** 2), x[0].numel()
        error = squares.detach() / pixels
        return self._of(squares, self.gamma.logvar_for(error), pixels), error

    def _nll(self, residual: Tensor, logvar: Tensor) -> Tensor:
        return self._of(sum_pixels(residual**2), logvar, residual[0].numel())

    @staticmethod
    def _of(squares: Tensor, logvar: Tensor, pixels: int) -> Tensor:
        return 0.5 * (squares * torch.exp(-logvar) + pixels * (logvar + LOG_2PI))

    def sample(self, out: Tensor) -> Tensor:
        return self.mean(out) + self.gamma.gamma * torch.randn_like(out)


class Laplace(_Scaled):
    """-ln p(x|z) = Σ [|x - mean| / s + ln 2s]; s = gamma/sqrt(2), so that gamma is the standard deviation."""

    def nll_and_mse(self, out: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        residual = x - self.mean(out)
        error = sum_pixels(residual.detach().square()) / x[0].numel()
        return self._nll(residual, self.gamma.logvar_for(error)), error

    def _nll(self, residual: Tensor, logvar: Tensor) -> Tensor:
        log_scale, pixels = 0.5 * (logvar - math.log(2)), residual[0].numel()
        return sum_pixels(residual.abs()) * torch.exp(-log_scale) + pixels * (log_scale + math.log(2))

    def sample(self, out: Tensor) -> Tensor:
        uniform = torch.rand_like(out) - 0.5
        scale = self.gamma.gamma / math.sqrt(2)
        return self.mean(out) - scale * uniform.sign() * torch.log1p(-2 * uniform.abs())


Likelihood = Bernoulli | Normal | Laplace
