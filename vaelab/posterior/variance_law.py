"""The variance law: KL(q‖p) sets the variance of every latent of Q(z) to 1.

Other divergences set other values. Take one latent with means N(0, R s) over the data and
posteriors of variance s. The signal-to-noise ratio R matters to the decoder; the common scale does
not, since its first layer can undo it. So the divergence alone sets the scale, and with it
V = Var(mean) + E[s] = (R + 1) s.

In general the average divergence of a latent scaled by c has the derivative
E[mean ∂D/∂mean + 2 s ∂D/∂s] with respect to ln c, which is 0 at the end of training. For KL(q‖p)
that reads E[mean²] + E[s] = 1, for KL(p‖q) E[1/s] = 1.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab._utils.typed import typed
from vaelab.divergences.gaussian import Gaussian
from vaelab.divergences.validation import check_pair

Divergence = Callable[[Gaussian, Gaussian], Tensor]
ROUNDING = 1e-12  # nats; a minimum that is not deeper is rounding
REACH = 16.0  # of the search over ln s, beyond where V = 1 and where s = 1


@typed
def predicted_variance(divergence: Divergence, ratio: float) -> float:
    """Compute the variance V of a latent at the scale that minimizes the average divergence.

    KL(q‖p) gives 1, KL(p‖q) gives 1 + R. Scaling a latent leaves R unchanged, so this is a
    minimization over one number.

    Args:
        divergence: Function of two Gaussians, [b, 1] and the prior, to [b]: `vaelab.kl`, a module,
            or your own.
        ratio: R = Var(mean) / E[s].

    Returns:
        V = Var(mean) + E[s].

    Raises:
        InvalidType: If the divergence is not a function to [b].
        InvalidValue: If the ratio is not positive, or no scale minimizes the divergence.

    Example:
        >>> from vaelab import kl
        >>> reverse = lambda q, p: kl(p, q)
        >>> round(predicted_variance(kl, 5.7), 4), round(predicted_variance(reverse, 5.7), 4)
        (1.0, 6.7)
    """
    ratio = checks.positive("ratio", ratio)
    widest = math.log1p(ratio)  # V = 1 is at ln s = -ln(1 + R)
    center, reach = -widest / 2, REACH + widest / 2
    for _ in range(2):
        log_s = torch.linspace(center - reach, center + reach, 401, dtype=torch.float64)
        values = _average_divergence(divergence, ratio, log_s)
        lowest = int(values.argmin())
        depth = float(torch.minimum(values[0], values[-1]) - values[lowest])
        if not depth > ROUNDING or not math.isfinite(depth):
            raise InvalidValue(
                f"divergence must have a minimum over the latent scale, got none at R = {ratio:g}, where it ends "
                f"at {float(values[lowest]):g}."
            )
        center, reach = float(log_s[lowest]), float(2 * (log_s[1] - log_s[0]))
    before, at, after = values[lowest - 1 : lowest + 2].tolist()
    vertex = 0.5 * (before - after) / (before - 2 * at + after)  # of a parabola, in steps
    return (1 + ratio) * math.exp(center + vertex * reach / 2)


def _average_divergence(divergence: Divergence, ratio: float, log_s: Tensor) -> Tensor:
    """Average the divergence from N(0, 1) over means N(0, R s), at every ln s [k]: [k], nats."""
    # Gauss-Hermite quadrature is exact, since the divergences are polynomials in the mean.
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    s = log_s.exp()
    mean = torch.outer((ratio * s).sqrt(), torch.from_numpy(nodes))
    q = Gaussian(mean.reshape(-1, 1), log_s[:, None].expand_as(mean).reshape(-1, 1))
    values = _values(divergence, q).reshape(mean.shape)
    return values @ torch.from_numpy(weights / weights.sum())


@typed
def scale_gradient(divergence: Divergence, mean: Tensor, logvar: Tensor) -> Tensor:
    """Compute E[mean ∂D/∂mean + 2 s ∂D/∂s] over the images, per latent, by autograd.

    It is the derivative of E[D] in the logarithm of a factor on the latent: 0 where the law of the
    divergence holds, positive where the latent is too wide.

    Args:
        divergence: Differentiable function of two Gaussians, [n, d] and the prior, to [n], or to []
            for a statistic of the batch.
        mean, logvar: Posteriors [n, d].

    Returns:
        [d], nats.

    Raises:
        InvalidType, InvalidValue: If the posteriors are not finite tensors [n, d] of one shape.

    Example:
        >>> from vaelab import kl
        >>> mean, logvar = torch.tensor([[-1.0], [1.0]]), torch.zeros(2, 1)
        >>> scale_gradient(kl, mean, logvar)  # E[mean²] + E[s] - 1
        tensor([1.])
    """
    _check(mean, logvar)
    with torch.enable_grad():
        q = Gaussian(mean.detach().requires_grad_(), logvar.detach().requires_grad_())
        slopes = torch.autograd.grad(_values(divergence, q, scalar=True).mean(), q, allow_unused=True)
    by_mean, by_logvar = (torch.zeros_like(mean) if slope is None else slope for slope in slopes)
    return (mean * by_mean + 2 * by_logvar).sum(0)


@typed
def optimal_scale(divergence: Divergence, mean: Tensor, logvar: Tensor) -> Tensor:
    """Compute the factor on each latent that minimizes the average divergence.

    Means and standard deviations are scaled alike. For KL(q‖p) it is 1/sqrt(E[mean²] + E[s]). The
    squared factor times the variance of Q(z) is the V that the divergence leads to. A coarse search
    is followed by bisection of `scale_gradient`.

    Args:
        divergence: As in `scale_gradient`, but to [n] and a sum over latents.
        mean, logvar: Posteriors [n, d].

    Returns:
        [d].

    Raises:
        InvalidType, InvalidValue: As in `scale_gradient`, or if no scale minimizes the divergence.
    """
    _check(mean, logvar)
    steps = torch.linspace(-REACH / 2, REACH / 2, 65, dtype=mean.dtype, device=mean.device)
    lowest = torch.stack([_per_latent(divergence, mean * t.exp(), logvar + 2 * t) for t in steps]).argmin(0)
    if bool(((lowest == 0) | (lowest == len(steps) - 1)).any()):
        raise InvalidValue("divergence must have a minimum over the scale of every latent, got one without.")
    low, high = steps[lowest - 1], steps[lowest + 1]
    for _ in range(50):
        middle = (low + high) / 2
        wide = scale_gradient(divergence, mean * middle.exp(), logvar + 2 * middle) > 0
        low, high = torch.where(wide, low, middle), torch.where(wide, middle, high)
    return ((low + high) / 2).exp()


@torch.no_grad()
def _per_latent(divergence: Divergence, mean: Tensor, logvar: Tensor) -> Tensor:
    """Average a divergence that is a sum over latents over the images: [n, d] -> [d]."""
    q = Gaussian(mean.reshape(-1, 1), logvar.reshape(-1, 1))
    return _values(divergence, q).reshape(mean.shape).mean(0)


def _values(divergence: Divergence, q: Gaussian, *, scalar: bool = False) -> Tensor:
    """Compute the divergence of posteriors [b, d], checked to be [b] (or [] if `scalar`)."""
    values = checks.tensor("the result of divergence", divergence(q, Gaussian.standard(q.mean)))
    if values.shape != q.mean.shape[:1] and not (scalar and values.dim() == 0):
        raise InvalidType(
            f"divergence must return the shape ({len(q.mean)},) for posteriors {tuple(q.mean.shape)}, got "
            f"{tuple(values.shape)}; sum it over the latents with .sum(-1)."
        )
    return values


def _check(mean: Tensor, logvar: Tensor) -> None:
    check_pair(Gaussian(mean, logvar), Gaussian(mean, logvar))
    if mean.dim() != 2 or not len(mean):
        raise InvalidValue(f"posteriors must be [n, d] of at least one image, got {tuple(mean.shape)}.")


class VarianceLaw(NamedTuple):
    """The law of total variance of Q(z), per latent.

    Args:
        of_means, of_noise: Variance of the means, and mean of the variances, [d].
        total: Their sum, the variance of Q(z), [d]; 1 at a stationary point of KL(q‖p).
        active: Whether of_means exceeds the threshold, [d]; inactive latents satisfy the law
            trivially, 0 + 1.
        of_squares: Mean of the squared means, [d].
        about_zero: of_squares + of_noise, [d], which KL(q‖p) sets to 1; it exceeds `total` by the
            squared mean of the means.
        threshold: That of `active`.
    """

    of_means: Tensor
    of_noise: Tensor
    total: Tensor
    active: Tensor
    of_squares: Tensor
    about_zero: Tensor
    threshold: float

    @property
    def mean_active(self) -> float:
        """The mean of `total` over the active latents; nan if there are none."""
        return float(self.total[self.active].mean())


@typed
def variance_law(mean: Tensor, logvar: Tensor, threshold: float) -> VarianceLaw:
    """Compute the law of total variance of a mixture of diagonal Gaussians [n, d].

    Args:
        mean, logvar: The components [n, d].
        threshold: Variance of the means above which a latent is active.

    Returns:
        Variances (not standard deviations) per latent [d].

    Example:
        >>> variance_law(torch.tensor([[-1.0], [1.0]]), torch.zeros(2, 1), 0.05).total
        tensor([2.])

    References:
        Asperti (2019), doi:10.1007/978-3-030-37599-7_7.
    """
    _check(mean, logvar)
    threshold = checks.not_negative("threshold", threshold)
    of_means, of_noise, of_squares = mean.var(0, correction=0), logvar.exp().mean(0), (mean**2).mean(0)
    total, about_zero = of_means + of_noise, of_squares + of_noise
    return VarianceLaw(of_means, of_noise, total, of_means > threshold, of_squares, about_zero, threshold)
