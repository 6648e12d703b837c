"""Divergences between Gaussians in closed form: per sample, in nats, summed over the latents.

Notation: q is the encoder's posterior, p the prior; names always carry their arguments.
The geometric Jensen-Shannon family (Nielsen 2019; Deasy et al. 2020) is built on the normalised geometric mean
G_a ∝ q^(1-a) p^a, where Z_a = ∫ q^(1-a) p^a dz:

    plain        (1-α) KL(q‖G_α)   + α KL(p‖G_α)    = α(1-α) [KL(q‖p) + KL(p‖q)] + ln Z_α
    primed       (1-α) KL(q‖G_1-α) + α KL(p‖G_1-α)  = (1-α)² KL(q‖p) + α² KL(p‖q) + ln Z_1-α
    plain dual   (1-α) KL(G_α‖q)   + α KL(G_α‖p)    = -ln Z_α
    primed dual  (1-α) KL(G_1-α‖q) + α KL(G_1-α‖p)

The primed one, the variant of the paper, runs from KL(q‖p) at α=0 to KL(p‖q) at α=1; its dual runs the other way.
Everything is written in the log-variance ratio r, so that logvar in [-30, 30] and α at 0 or 1 stay finite,
gradients too.
"""

from typing import TypeVar

import torch
from torch import Tensor, nn

from vaelab import checks, full_covariance
from vaelab.errors import InvalidValue
from vaelab.gaussian import FullGaussian, Gaussian, sum_latents

Skew = float | Tensor
Kind = TypeVar("Kind", Gaussian, FullGaussian)


def kl(q: Kind, p: Kind) -> Tensor:
    """KL(q‖p) = E_q[ln q - ln p].

    Per latent ½ [σq²/σp² - 1 - ln(σq²/σp²) + (μq-μp)²/σp²].  q, p: [b, ...] -> [b], nats, summed over the latents.

    Raises InvalidType or InvalidValue for anything but two finite Gaussians of one kind and shape.
    Source: Deasy et al. 2020, the limit α -> 0 of the primed divergence.
    """
    checks.pair(q, p)
    if isinstance(q, FullGaussian):
        return full_covariance.kl(q, p)
    return diagonal_kl(q, p)


def geometric_mean(q: Kind, p: Kind, alpha: Skew) -> Kind:
    """The normalised geometric mean G_α ∝ q^(1-α) p^α, again a Gaussian: q at α=0, p at α=1.

    Precisions are averaged, *not* standard deviations: 1/σ² = (1-α)/σq² + α/σp².
    alpha: a number or a tensor, 0-d or [b].  q, p: [b, ...] -> a Gaussian of that shape.

    Raises InvalidType or InvalidValue for alpha outside [0, 1] and as `kl` does.  Source: Nielsen 2019, eq. for
    exponential families.
    """
    checks.pair(q, p)
    a = _skew(alpha, q.mean)
    if isinstance(q, FullGaussian):
        return full_covariance.geometric_mean(q, p, a)
    return diagonal_geometric_mean(q, p, a)


def geometric_js(q: Kind, p: Kind, alpha: Skew, *, dual: bool = False, primed: bool = True) -> Tensor:
    """The skew geometric Jensen-Shannon divergence of q and p, in one of the four variants at the top of this file.

    alpha: a number or a tensor, 0-d or [b], in [0, 1].  q, p: [b, ...] -> [b], nats, summed over the latents.
    primed=True is the paper's variant: α=0 gives KL(q‖p), α=1 gives KL(p‖q), and with dual=True the other way round.

    Raises InvalidType or InvalidValue for alpha outside [0, 1] and as `kl` does.
    Source: Deasy et al. 2020 (JS^G and its dual); Nielsen 2019 (primed=False).
    """
    checks.pair(q, p)
    a = _skew(alpha, q.mean)
    if isinstance(q, FullGaussian):
        return full_covariance.geometric_js(q, p, a, dual=dual, primed=primed)
    return diagonal_geometric_js(q, p, a, dual=dual, primed=primed)


def mmd(x: Tensor, y: Tensor, bandwidth: float | None = None, *, unbiased: bool = True) -> Tensor:
    """Squared maximum mean discrepancy of two samples under the kernel k(x, y) = exp(-‖x-y‖² / (2 h²)).

    MMD² = E k(x, x') + E k(y, y') - 2 E k(x, y); unbiased leaves the pairs x = x' out,
    and may then be slightly negative.
    x: [n, d], y: [m, d] -> [], no unit.  bandwidth h: default sqrt(d), the scale of N(0, I).

    Raises InvalidType or InvalidValue for samples that are not finite [n, d] tensors of equal d with at least two rows.
    Source: Gretton et al. 2012, eq. 3 and 5.
    """
    for name, sample in (("x", x), ("y", y)):
        checks.float_tensor(name, sample)
        if sample.dim() != 2 or len(sample) < 2:
            raise InvalidValue(
                f"{name} must be [n, d] with at least two rows, got {tuple(sample.shape)}; flatten each sample "
                f"to one row."
            )
    if x.shape[1] != y.shape[1]:
        raise InvalidValue(f"x has {x.shape[1]} columns and y has {y.shape[1]}; both must live in one space.")
    h = x.shape[1] ** 0.5 if bandwidth is None else checks.positive("bandwidth", bandwidth)
    return _mmd(x, y, h, unbiased)


def _mmd(x: Tensor, y: Tensor, h: float, unbiased: bool) -> Tensor:
    def kernel(a: Tensor, b: Tensor) -> Tensor:
        squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
        return torch.exp(-squares.clamp_min(0) / (2 * h**2))

    def within(a: Tensor) -> Tensor:
        n, k = len(a), kernel(a, a)
        return (k.sum() - n) / (n * (n - 1)) if unbiased else k.mean()

    return within(x) + within(y) - 2 * kernel(x, y).mean()


def _skew(alpha: Skew, mean: Tensor) -> Tensor:
    """Check alpha and shape it to meet [b, ...]."""
    a = torch.as_tensor(checks.skew(alpha), dtype=mean.dtype, device=mean.device)
    if a.dim() > 1 or (a.dim() == 1 and mean.dim() > 0 and 1 not in (len(a), len(mean)) and len(a) != len(mean)):
        raise InvalidValue(
            f"alpha has shape {tuple(a.shape)} for a batch of {tuple(mean.shape)}; give one number, or one per sample."
        )
    return _per_sample(a, mean)


def _per_sample(alpha: Tensor, mean: Tensor) -> Tensor:
    return alpha.reshape(alpha.shape + (1,) * (mean.dim() - 1)) if alpha.dim() else alpha


# The maths of the diagonal case, unchecked: what the modules below run in every training step.


def diagonal_kl(q: Gaussian, p: Gaussian) -> Tensor:
    r = q.logvar - p.logvar
    return sum_latents(0.5 * (torch.expm1(r) - r + (q.mean - p.mean) ** 2 * torch.exp(-p.logvar)))


def diagonal_geometric_mean(q: Gaussian, p: Gaussian, a: Tensor) -> Gaussian:
    r, logmix = q.logvar - p.logvar, _log_mix(q.logvar - p.logvar, a) + p.logvar
    towards_p = a * torch.exp(r - _log_mix(r, a))
    return Gaussian(q.mean + towards_p * (p.mean - q.mean), q.logvar + p.logvar - logmix)


def diagonal_geometric_js(q: Gaussian, p: Gaussian, alpha: Tensor, *, dual: bool, primed: bool) -> Tensor:
    a = 1 - alpha if primed else alpha
    r, squares = q.logvar - p.logvar, (q.mean - p.mean) ** 2
    logmix = _log_mix(r, a)
    # -ln Z_a, the skew Bhattacharyya divergence, per latent
    minus_log_z = 0.5 * (logmix - a * r + a * (1 - a) * squares * torch.exp(-logmix - p.logvar))
    if not dual:
        weight_qp, weight_pq = ((1 - alpha) ** 2, alpha**2) if primed else (alpha * (1 - alpha),) * 2
        kl_qp = 0.5 * (torch.expm1(r) - r + squares * torch.exp(-p.logvar))
        kl_pq = 0.5 * (torch.expm1(-r) + r + squares * torch.exp(-q.logvar))
        return sum_latents(weight_qp * kl_qp + weight_pq * kl_pq - minus_log_z)
    if not primed:
        return sum_latents(minus_log_z)
    # the shares of p and q in the mean of G; they sum to 1, but neither is found by subtraction
    share_p, share_q = a * torch.exp(r - logmix), (1 - a) * torch.exp(-logmix)
    kl_gq = 0.5 * (torch.expm1(-logmix) + logmix + share_p**2 * squares * torch.exp(-q.logvar))
    kl_gp = 0.5 * (torch.expm1(r - logmix) + logmix - r + share_q**2 * squares * torch.exp(-p.logvar))
    return sum_latents((1 - alpha) * kl_gq + alpha * kl_gp)


def _log_mix(r: Tensor, a: Tensor) -> Tensor:
    """ln(1-a + a e^r), finite with its gradients for a at 0 and 1 and r beyond ±60.

    Two branches, so that the argument of log1p never comes near -1; the unused one is fed r = 0.
    """
    up, down = r.clamp_min(0), (-r).clamp_min(0)
    rising = torch.log1p(a * torch.expm1(up))
    falling = r + torch.log1p((1 - a) * torch.expm1(down))
    return torch.where(r > 0, rising, falling)


class KL(nn.Module):
    """KL(q‖p), the divergence of the ordinary VAE: [b], nats."""

    def forward(self, q: Gaussian, p: Gaussian) -> Tensor:
        return diagonal_kl(q, p)


class ReverseKL(nn.Module):
    """KL(p‖q): [b], nats."""

    def forward(self, q: Gaussian, p: Gaussian) -> Tensor:
        return diagonal_kl(p, q)


class GeometricJS(nn.Module):
    """`geometric_js` with its skew alpha as a 0-d buffer, which may be moved while training runs: [b], nats."""

    alpha: Tensor

    def __init__(self, alpha: float, *, dual: bool = False, primed: bool = True) -> None:
        super().__init__()
        self.dual, self.primed = dual, primed
        self.register_buffer("alpha", torch.as_tensor(checks.skew(alpha), dtype=torch.get_default_dtype()))

    def forward(self, q: Gaussian, p: Gaussian) -> Tensor:
        return diagonal_geometric_js(q, p, self.alpha, dual=self.dual, primed=self.primed)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha.item():g}, dual={self.dual}, primed={self.primed}"
