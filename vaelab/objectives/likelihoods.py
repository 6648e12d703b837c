"""Negative log-likelihoods per sample, in nats, summed over pixels.

`out` is the raw output of the decoder: squashing to [0, 1] belongs to the likelihood, so a logit is
never turned into a probability and back. `nll(out, x)` is pure; `score(out, x)` serves the training
step, which needs the squared error too and gamma for this batch. The `domain` of the data is
"unit", bytes or floats in [0, 1], "levels", bytes or multiples of 1/255, or "real", any finite floats.
What is no density of the data says so in `not_a_density`, and is refused where a likelihood is needed.
"""

import math
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from vaelab._utils import checks
from vaelab._utils.domain import Domain
from vaelab._utils.images import sum_pixels
from vaelab._utils.precision import without_autocast
from vaelab.divergences.gaussian import LOG_2PI
from vaelab.objectives.chamfer_loss import Chamfer
from vaelab.objectives.gamma import GammaPolicy, policy
from vaelab.objectives.logistic_mixture import LogisticMixture, dequantized
from vaelab.objectives.pixel_likelihood import PixelLikelihood, check_pair

__all__ = ["Bernoulli", "Chamfer", "Laplace", "LogisticMixture", "Normal"]
Dequantize = Literal["uniform"]


class Bernoulli(PixelLikelihood):
    """Bernoulli: -ln p(x|z) = -Σ [x ln π + (1-x) ln(1-π)] with π = sigmoid(out).

    It is a density only for x in {0, 1}.

    Args:
        out, x: Of the methods: raw output of the decoder and data, [b, ...].

    Example:
        >>> round(Bernoulli().nll(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)).item(), 4)
        2.7726
    """

    gamma: GammaPolicy | None = None
    domain: Domain = "unit"

    @without_autocast
    def nll(self, out: Tensor, x: Tensor) -> Tensor:
        """Return -ln p(x|z) [b] in nats for out and x [b, ...]."""
        check_pair(out, x)
        return sum_pixels(F.binary_cross_entropy_with_logits(out, x, reduction="none"))

    @without_autocast
    def nll_and_mse(self, out: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the nll [b] and the squared error per pixel [b], which carries no gradient."""
        check_pair(out, x)
        with torch.no_grad():
            error = sum_pixels((x - torch.sigmoid(out)).square()) / x[0].numel()
        return self.nll(out, x), error

    def mean(self, out: Tensor) -> Tensor:
        """Return the mean image."""
        return torch.sigmoid(checks.tensor("out", out))

    def sample(self, out: Tensor) -> Tensor:
        """Return images of 0 and 1."""
        return torch.bernoulli(self.mean(checks.float_tensor("out", out)))


class _Scaled(PixelLikelihood):
    gamma: GammaPolicy

    def __init__(
        self, gamma: float | str | GammaPolicy = 1.0, *, squash: bool = True, dequantize: Dequantize | None = None
    ) -> None:
        super().__init__()
        self.gamma, self.squash = policy(gamma), checks.flag("squash", squash)
        if dequantize is not None:
            checks.one_of("dequantize", dequantize, get_args(Dequantize))
        self.dequantize = dequantize

    @property
    def domain(self) -> Domain:
        """The domain of the data: "levels" with dequantize, else "unit" with squash, else "real"."""
        if self.dequantize is not None:
            return "levels"
        return "unit" if self.squash else "real"

    def _continuous(self, out: Tensor, x: Tensor) -> tuple[Tensor, float]:
        """Return x, with noise if it is dequantized, and what its density then lacks to a probability."""
        check_pair(out, x)
        return (x, 0.0) if self.dequantize is None else dequantized(x)

    def mean(self, out: Tensor) -> Tensor:
        """Return the mean image."""
        checks.tensor("out", out)
        return torch.sigmoid(out) if self.squash else out

    @without_autocast
    def nll(self, out: Tensor, x: Tensor) -> Tensor:
        """Return -ln p(x|z) [b] in nats for out and x [b, ...], with the gamma of this moment."""
        raise NotImplementedError

    @without_autocast
    def nll_and_mse(self, out: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the nll [b] and the squared error per pixel [b], which carries no gradient.

        gamma is the one that its policy has for this batch.
        """
        raise NotImplementedError


class Normal(_Scaled):
    """Normal: -ln p(x|z) = Σ [(x - mean)² / (2 gamma²) + ln gamma + ½ ln 2π].

    gamma = 1/sqrt(2) makes it the sum of squared errors, up to a constant (Deasy et al. 2020).

    Args:
        gamma: Standard deviation, its policy, or the name of one; see `vaelab.gamma.policy`.
        squash: Whether data lie in [0, 1] and the mean is sigmoid(out); else it is `out`.
        dequantize: "uniform" adds noise to images of 256 levels, and the nll is in the mean an upper
            bound of -ln P of the levels; None takes the density of the data as they are.

    Example:
        >>> likelihood = Normal(0.5**0.5, squash=False)
        >>> zero, one = torch.zeros(1, 4), torch.ones(1, 4)
        >>> round((likelihood.nll(zero, one) - likelihood.nll(zero, zero)).item(), 4)
        4.0
    """

    @without_autocast
    def nll(self, out: Tensor, x: Tensor) -> Tensor:
        x, extra = self._continuous(out, x)
        return self._of(sum_pixels((x - self.mean(out)) ** 2), self.gamma.logvar, x[0].numel()) + extra

    @without_autocast
    def nll_and_mse(self, out: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        x, extra = self._continuous(out, x)
        squares, pixels = sum_pixels((x - self.mean(out)) ** 2), x[0].numel()
        error = squares.detach() / pixels
        return self._of(squares, self.gamma.logvar_for(error), pixels) + extra, error

    @staticmethod
    def _of(squares: Tensor, logvar: Tensor, pixels: int) -> Tensor:
        return 0.5 * (squares * torch.exp(-logvar) + pixels * (logvar + LOG_2PI))

    def sample(self, out: Tensor) -> Tensor:
        """Return images with the noise of the pixels."""
        checks.float_tensor("out", out)
        return self.mean(out) + self.gamma.gamma * torch.randn_like(out)


class Laplace(_Scaled):
    """Laplace: -ln p(x|z) = Σ [|x - mean| / s + ln 2s] with s = gamma/sqrt(2).

    Args:
        gamma: As for `Normal`.
        squash, dequantize: As for `Normal`.
    """

    @without_autocast
    def nll(self, out: Tensor, x: Tensor) -> Tensor:
        x, extra = self._continuous(out, x)
        return self._of(x - self.mean(out), self.gamma.logvar) + extra

    @without_autocast
    def nll_and_mse(self, out: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        x, extra = self._continuous(out, x)
        residual = x - self.mean(out)
        error = sum_pixels(residual.detach().square()) / x[0].numel()
        return self._of(residual, self.gamma.logvar_for(error)) + extra, error

    @staticmethod
    def _of(residual: Tensor, logvar: Tensor) -> Tensor:
        log_scale, pixels = 0.5 * (logvar - math.log(2)), residual[0].numel()
        return sum_pixels(residual.abs()) * torch.exp(-log_scale) + pixels * (log_scale + math.log(2))

    def sample(self, out: Tensor) -> Tensor:
        """Return images with the noise of the pixels."""
        checks.float_tensor("out", out)
        uniform = torch.rand_like(out) - 0.5
        scale = self.gamma.gamma / math.sqrt(2)
        # A draw of exactly 0 would be an infinite pixel.
        tail = (1 - 2 * uniform.abs()).clamp_min(torch.finfo(out.dtype).eps / 2)
        return self.mean(out) - scale * uniform.sign() * tail.log()


Likelihood = Bernoulli | Normal | Laplace | LogisticMixture | Chamfer
