"""Negative log-likelihoods per sample, in nats, summed over pixels.

`out` is the raw output of the decoder: squashing to [0, 1] belongs to the likelihood, so a logit is
never turned into a probability and back. `nll(out, x)` is pure; `score(out, x)` serves the training
step, which needs the squared error too and gamma for this batch. The `domain` of the data is
"unit", bytes or floats in [0, 1], or "real", any finite floats. What is no density of the data says
so in `not_a_density`, and is refused where a likelihood is needed.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vaelab._utils import checks
from vaelab._utils.domain import Domain
from vaelab._utils.errors import InvalidValue
from vaelab._utils.images import sum_pixels
from vaelab._utils.precision import without_autocast
from vaelab._utils.scalars import ScalarModule
from vaelab._utils.typed import typed
from vaelab.divergences.chamfer_distance import Reduction, chamfer_of
from vaelab.divergences.gaussian import LOG_2PI
from vaelab.objectives.gamma import GammaPolicy, policy


def _check(out: object, x: object) -> None:
    """Check types and shapes of a decoder's output and of data; a training step does not read their values."""
    checks.tensors(out=out, x=x)
    assert isinstance(out, Tensor)
    assert isinstance(x, Tensor)
    if out.shape != x.shape or x.dim() < 2 or not len(x):
        raise InvalidValue(f"out must be [b, ...] of the shape {tuple(x.shape)} of x, got {tuple(out.shape)}.")


class Bernoulli(nn.Module):
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
    not_a_density = ""

    def squares(self, decoded: Tensor, x: Tensor) -> Tensor:
        """Return the squared error of mean images [b, ...], summed over pixels: [b]."""
        _check(decoded, x)
        return sum_pixels((x - decoded).square())

    @without_autocast
    def nll(self, out: Tensor, x: Tensor) -> Tensor:
        """Return -ln p(x|z) [b] in nats for out and x [b, ...]."""
        _check(out, x)
        return sum_pixels(F.binary_cross_entropy_with_logits(out, x, reduction="none"))

    @without_autocast
    def nll_and_mse(self, out: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the nll [b] and the squared error per pixel [b], which carries no gradient."""
        _check(out, x)
        with torch.no_grad():
            error = sum_pixels((x - torch.sigmoid(out)).square()) / x[0].numel()
        return self.nll(out, x), error

    def mean(self, out: Tensor) -> Tensor:
        """Return the mean image."""
        return torch.sigmoid(checks.tensor("out", out))

    def sample(self, out: Tensor) -> Tensor:
        """Return images of 0 and 1."""
        return torch.bernoulli(self.mean(checks.float_tensor("out", out)))


class _Scaled(nn.Module):
    gamma: GammaPolicy
    not_a_density = ""

    def __init__(self, gamma: float | str | GammaPolicy = 1.0, *, squash: bool = True) -> None:
        super().__init__()
        self.gamma, self.squash = policy(gamma), checks.flag("squash", squash)

    @property
    def domain(self) -> Domain:
        """The domain of the data: "unit" with squash, else "real"."""
        return "unit" if self.squash else "real"

    def mean(self, out: Tensor) -> Tensor:
        """Return the mean image."""
        checks.tensor("out", out)
        return torch.sigmoid(out) if self.squash else out

    def squares(self, decoded: Tensor, x: Tensor) -> Tensor:
        """Return the squared error of mean images [b, ...], summed over pixels: [b]."""
        _check(decoded, x)
        return sum_pixels((x - decoded).square())

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

    Example:
        >>> likelihood = Normal(0.5**0.5, squash=False)
        >>> zero, one = torch.zeros(1, 4), torch.ones(1, 4)
        >>> round((likelihood.nll(zero, one) - likelihood.nll(zero, zero)).item(), 4)
        4.0
    """

    @without_autocast
    def nll(self, out: Tensor, x: Tensor) -> Tensor:
        _check(out, x)
        return self._of(sum_pixels((x - self.mean(out)) ** 2), self.gamma.logvar, x[0].numel())

    @without_autocast
    def nll_and_mse(self, out: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        _check(out, x)
        squares, pixels = sum_pixels((x - self.mean(out)) ** 2), x[0].numel()
        error = squares.detach() / pixels
        return self._of(squares, self.gamma.logvar_for(error), pixels), error

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
        squash: As for `Normal`.
    """

    @without_autocast
    def nll(self, out: Tensor, x: Tensor) -> Tensor:
        _check(out, x)
        return self._of(x - self.mean(out), self.gamma.logvar)

    @without_autocast
    def nll_and_mse(self, out: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        _check(out, x)
        residual = x - self.mean(out)
        error = sum_pixels(residual.detach().square()) / x[0].numel()
        return self._of(residual, self.gamma.logvar_for(error)), error

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


class Chamfer(ScalarModule):
    """The Chamfer distance C as a loss: D C / (2 gamma²) + D ln gamma, the place of -ln p(x|z).

    C is a mean over points, so D says for how many independent squared errors of that size it
    stands: the weight of C against the divergence is D / (2 gamma²). At the optimum gamma² = C, and
    the loss is D/2 (1 + ln C). With D = 3, the usual mean, few nats are at stake and the code is
    soon worth less than its rate; D = 3 points is the sum over all coordinates.

    It is not a density: it does not integrate to 1 over clouds, for any gamma, and its value has no
    unit that other models share. Rates are in nats and can be compared; there is no likelihood, and no
    distribution to draw from, hence no `sample`.

    Args:
        dimension: D.
        gamma: As for `Normal`, a length.
        reduce: How to join the mean squared distances from data to decoded points and back, as for
            `vaelab.metrics.chamfer`.

    Example:
        >>> x = torch.zeros(1, 2, 3)
        >>> round(Chamfer(6, gamma=1.0).nll(x + 1, x).item(), 4)
        9.0
    """

    not_a_density = (
        "the Chamfer distance is no density of point clouds, because it does not integrate to 1; compare rates, "
        "Chamfer distances or probes instead"
    )
    domain: Domain = "real"
    dimension: Tensor

    @typed
    def __init__(
        self, dimension: float, gamma: float | str | GammaPolicy = "computed", reduce: Reduction = "mean"
    ) -> None:
        super().__init__()
        self.register_scalar("dimension", checks.positive("dimension", dimension))
        self.gamma, self.reduce = policy(gamma), reduce

    def mean(self, out: Tensor) -> Tensor:
        """Return the decoded cloud as it is."""
        return checks.tensor("out", out)

    @without_autocast
    def nll(self, out: Tensor, x: Tensor) -> Tensor:
        """Return the loss [b] for out and x [b, points, 3], with the gamma of this moment; no nats of a density."""
        _check_clouds(out, x)
        return self._of(chamfer_of(x, out, True, self.reduce), self.gamma.logvar)

    @without_autocast
    def nll_and_mse(self, out: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss [b] and C [b], which carries no gradient; gamma is that of this batch."""
        _check_clouds(out, x)
        distance = chamfer_of(x, out, True, self.reduce)
        error = distance.detach()
        return self._of(distance, self.gamma.logvar_for(error)), error

    def squares(self, decoded: Tensor, x: Tensor) -> Tensor:
        """Return D C of decoded clouds, [b]."""
        _check_clouds(decoded, x)
        return self.dimension * chamfer_of(x, decoded, True, self.reduce)

    def _of(self, distance: Tensor, logvar: Tensor) -> Tensor:
        return 0.5 * self.dimension * (distance * torch.exp(-logvar) + logvar)

    def extra_repr(self) -> str:
        return f"dimension={self.dimension.item():g}, reduce={self.reduce!r}"


def _check_clouds(out: object, x: object) -> None:
    _check(out, x)
    assert isinstance(x, Tensor)
    if x.dim() != 3:
        raise InvalidValue(f"x must be clouds [b, points, d], got {tuple(x.shape)}.")


Likelihood = Bernoulli | Normal | Laplace | Chamfer
