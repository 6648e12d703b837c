"""Which variance of the aggregate posterior a divergence leads to: 1 under KL(q‖p), something else under most others.

One latent with means N(0, R s) over the data and posteriors of variance s: the signal-to-noise ratio R is what the
decoder cares for, the common scale is free, since the decoder's first layer can undo it.  So the divergence alone sets
the scale, and with it V = Var(mean) + E[s] = (R + 1) s.

In general, for a latent that is scaled by c, d/d ln c of the average divergence is E[mean ∂D/∂mean + 2 s ∂D/∂s]; where
training has come to rest it is 0.  For KL(q‖p) that reads E[mean²] + E[s] = 1, for KL(p‖q) E[1/s] = 1.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.divergences.gaussian import Gaussian
from vaelab.divergences.validation import pair

Divergence = Callable[[Gaussian, Gaussian], Tensor]
ROUNDING = 1e-12  # nats; a valley that is no deeper is none
REACH = 16.0  # how far ln s is sought beyond where V = 1 and where s = 1


def predicted_variance(divergence: Divergence, ratio: float) -> float:
    """V = Var(mean) + E[s] of a latent at the scale that minimizes the average divergence, at fixed R = `ratio`.

    divergence: any function of two Gaussians, [b, 1] and the prior, that returns [b]: `vaelab.kl`, a module, your own.
    KL(q‖p) gives 1 (the variance law), KL(p‖q) gives 1 + R.

    Raises InvalidType or InvalidValue for a ratio that is no number above 0, InvalidType for a divergence that returns
    something else, InvalidValue for one without a minimum at any scale.
    Derived here: scaling a latent leaves R as it is, so one number is left to minimize over.
    """
    ratio = checks.positive("ratio", ratio)
    widest = math.log1p(ratio)  # V = 1 lies at ln s = -ln(1 + R)
    center, reach = -widest / 2, REACH + widest / 2
    for _ in range(2):
        log_s = torch.linspace(center - reach, center + reach, 401, dtype=torch.float64)
        values = average(divergence, ratio, log_s)
        lowest = int(values.argmin())
        depth = float(torch.minimum(values[0], values[-1]) - values[lowest])
        if not depth > ROUNDING or not math.isfinite(depth):
            raise InvalidValue(
                f"this divergence has no minimum over the latent scale at R = {ratio:g}; its value ends at "
                f"{float(values[lowest]):g}, so no variance is preferred."
            )
        center, reach = float(log_s[lowest]), float(2 * (log_s[1] - log_s[0]))
    before, at, after = values[lowest - 1 : lowest + 2].tolist()
    vertex = 0.5 * (before - after) / (before - 2 * at + after)  # of the parabola through the three, in steps
    return (1 + ratio) * math.exp(center + vertex * reach / 2)


def average(divergence: Divergence, ratio: float, log_s: Tensor) -> Tensor:
    """The divergence from N(0, 1), averaged over means N(0, R s), at every scale: ln s [k] -> [k], nats.

    By Gauss-Hermite quadrature, exact for all that is a polynomial in the mean, as every divergence here is.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    s = log_s.exp()
    mean = torch.outer((ratio * s).sqrt(), torch.from_numpy(nodes))
    q = Gaussian(mean.reshape(-1, 1), log_s[:, None].expand_as(mean).reshape(-1, 1))
    values = _values(divergence, q).reshape(mean.shape)
    return values @ torch.from_numpy(weights / weights.sum())


def scale_gradient(divergence: Divergence, mean: Tensor, logvar: Tensor) -> Tensor:
    """E[mean ∂D/∂mean + 2 s ∂D/∂s] over the images, per latent: mean, logvar [n, d] -> [d], nats, by autograd.

    divergence: any differentiable function of two Gaussians, [n, d] and the prior, to [n]: `vaelab.kl`, a module, your
    own; a statistic of the batch such as MMD counts by its mean.  0 is the law of that divergence; above 0 the latent
    is wider than it wants.

    Raises InvalidType or InvalidValue for posteriors that are not finite tensors of one shape [n, d].
    Derived here: it is the slope of E[D] in the logarithm of a factor on the latent.
    """
    _check(mean, logvar)
    with torch.enable_grad():
        q = Gaussian(mean.detach().requires_grad_(), logvar.detach().requires_grad_())
        slopes = torch.autograd.grad(_values(divergence, q, whole=True).mean(), q, allow_unused=True)
    by_mean, by_logvar = (torch.zeros_like(mean) if slope is None else slope for slope in slopes)
    return (mean * by_mean + 2 * by_logvar).sum(0)


def optimal_scale(divergence: Divergence, mean: Tensor, logvar: Tensor) -> Tensor:
    """The factor on each latent, means and standard deviations alike, at which its law holds: [n, d] -> [d].

    Where the average of the divergence, a sum over latents, is smallest: a coarse search, then bisection of
    `scale_gradient`.  For KL(q‖p) it is 1/sqrt(E[mean²] + E[s]); factor² times the variance of Q(z) is the V that the
    divergence leads to.

    Raises InvalidValue for a divergence without a minimum at any scale, and as `scale_gradient` does.
    """
    _check(mean, logvar)
    steps = torch.linspace(-REACH / 2, REACH / 2, 65, dtype=mean.dtype, device=mean.device)
    lowest = torch.stack([_per_latent(divergence, mean * t.exp(), logvar + 2 * t) for t in steps]).argmin(0)
    if bool(((lowest == 0) | (lowest == len(steps) - 1)).any()):
        raise InvalidValue("this divergence has no minimum over the scale of some latent; no variance is preferred.")
    low, high = steps[lowest - 1], steps[lowest + 1]
    for _ in range(50):
        middle = (low + high) / 2
        wide = scale_gradient(divergence, mean * middle.exp(), logvar + 2 * middle) > 0
        low, high = torch.where(wide, low, middle), torch.where(wide, middle, high)
    return ((low + high) / 2).exp()


@torch.no_grad()
def _per_latent(divergence: Divergence, mean: Tensor, logvar: Tensor) -> Tensor:
    """The average of a divergence that is a sum over latents, in each of them: [n, d] -> [d]."""
    q = Gaussian(mean.reshape(-1, 1), logvar.reshape(-1, 1))
    return _values(divergence, q).reshape(mean.shape).mean(0)


def _values(divergence: Divergence, q: Gaussian, *, whole: bool = False) -> Tensor:
    """The divergence of posteriors [b, d] from the prior, if it is [b]; or [], where a statistic of all is welcome."""
    if not callable(divergence):
        raise InvalidType(f"a divergence must be a function of q and p, got {divergence!r:.60}; `vaelab.kl` is one.")
    values = divergence(q, Gaussian.standard(q.mean))
    if values.shape != q.mean.shape[:1] and not (whole and values.dim() == 0):
        raise InvalidType(
            f"a divergence of posteriors {tuple(q.mean.shape)} must have the shape ({len(q.mean)},), got "
            f"{tuple(values.shape)}; sum it over the latents with .sum(-1)."
        )
    return values


def _check(mean: Tensor, logvar: Tensor) -> None:
    pair(Gaussian(mean, logvar), Gaussian(mean, logvar))
    if mean.dim() != 2 or not len(mean):
        raise InvalidValue(f"posteriors must be [n, d] of at least one image, got {tuple(mean.shape)}; flatten them.")


class VarianceLaw(NamedTuple):
    """Per latent [d]: Var of the means + mean of the variances = total, the variance of Q(z); 1 at a stationary
    point of KL.

    active: whose means vary by more than `threshold`; collapsed latents satisfy the law trivially (0 + 1).
    of_squares: E[mean²] in the place of Var of the means; about_zero: of_squares + of_noise, the second moment.  It is
    what KL asks to be 1, along with E[mean] = 0; where it exceeds `total`, by E[mean]², the means are shifted.
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

    @property
    def mean_inactive(self) -> float:
        """The mean of `total` over the others, about 1 whatever the training; nan if there are none."""
        return float(self.total[~self.active].mean())


def variance_law(mean: Tensor, logvar: Tensor, threshold: float) -> VarianceLaw:
    """The law of total variance for the components N(mean_i, exp(logvar_i)), [n, d]."""
    of_means, of_noise, of_squares = mean.var(0, correction=0), logvar.exp().mean(0), (mean**2).mean(0)
    total, about_zero = of_means + of_noise, of_squares + of_noise
    return VarianceLaw(of_means, of_noise, total, of_means > threshold, of_squares, about_zero, threshold)
