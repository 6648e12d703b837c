"""The geometric Jensen-Shannon family of diagonal Gaussians, unchecked, as a training step runs it.

All formulas use the log-variance ratio r = ln σq²/σp², so that values and gradients stay finite for
logvar in [-30, 30] and alpha at 0 or 1. Alpha is 0-d, or shaped to broadcast against [b, ...].
"""

import torch
from torch import Tensor

from vaelab.divergences.gaussian import Gaussian, sum_latents


def geometric_mean(q: Gaussian, p: Gaussian, a: Tensor) -> Gaussian:
    """Compute the normalized q^(1-a) p^a as `vaelab.geometric_mean` does, without checks."""
    r, logmix = q.logvar - p.logvar, _log_mix(q.logvar - p.logvar, a) + p.logvar
    share_p = a * torch.exp(r - _log_mix(r, a))
    return Gaussian(q.mean + share_p * (p.mean - q.mean), q.logvar + p.logvar - logmix)


def geometric_js(q: Gaussian, p: Gaussian, alpha: Tensor, *, dual: bool, primed: bool) -> Tensor:
    """Compute `vaelab.geometric_js` without checks: [b], nats."""
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
    # Shares of p and q in the mean of G. They sum to 1, but a subtraction would lose their digits.
    share_p, share_q = a * torch.exp(r - logmix), (1 - a) * torch.exp(-logmix)
    kl_gq = 0.5 * (torch.expm1(-logmix) + logmix + share_p**2 * squares * torch.exp(-q.logvar))
    kl_gp = 0.5 * (torch.expm1(r - logmix) + logmix - r + share_q**2 * squares * torch.exp(-p.logvar))
    return sum_latents((1 - alpha) * kl_gq + alpha * kl_gp)


def _log_mix(r: Tensor, a: Tensor) -> Tensor:
    """Compute ln(1-a + a e^r), finite with its gradients for a at 0 and 1 and |r| beyond 60."""
    # Two branches keep the argument of log1p away from -1; the unused one gets r = 0.
    # Not clamp: its gradient at r = 0 is 1 up to torch 2.13, as it must be here, and 0 from 2.14.
    up, down = torch.where(r > 0, r, 0), torch.where(r > 0, 0, -r)
    rising = torch.log1p(a * torch.expm1(up))
    falling = r + torch.log1p((1 - a) * torch.expm1(down))
    return torch.where(r > 0, rising, falling)
