"""The law of MMD: it sees Q(z) as a whole, so what it settles is a common scale of all latents.

Latent by latent it is nearly blind: too wide in one can be paid for by too narrow in another.
"""

import torch
from torch import Tensor

IMAGES = 400  # of the mixture that take part: the work grows with their square


def population_mmd(mean: Tensor, logvar: Tensor) -> Tensor:
    """MMD²(Q, N(0, I)) without drawing, for posteriors [n, d] of different images: [], no unit.

    Under k(x, y) = exp(-‖x-y‖²/(2h²)) with h² = d, E k of x ~ N(a, s) and y ~ N(b, t) is per latent
    h/sqrt(h² + s + t) exp(-(a - b)²/(2 (h² + s + t))).  Source: our derivation, a product of Gaussian integrals.
    """
    n, d = mean.shape
    s = logvar.exp()
    within = _kernel(mean[:, None] - mean, s[:, None] + s, d)
    within = (within.sum() - within.diagonal().sum()) / (n * (n - 1))
    across = _kernel(mean, s + 1, d).mean()
    prior = (d / (d + 2)) ** (d / 2)
    return within + prior - 2 * across


def best_common_scale(mean: Tensor, logvar: Tensor) -> Tensor:
    """The factor [] on all latents, means and standard deviations alike, at which `population_mmd` of the first
    `IMAGES` posteriors [n, d] is least: on a grid in steps of 2 %, from half to twice."""
    mean, logvar = mean[:IMAGES], logvar[:IMAGES]
    log_t = torch.arange(-35, 36, dtype=mean.dtype) / 50
    values = torch.stack([population_mmd(mean * t.exp(), logvar + 2 * t) for t in log_t])
    return log_t[values.argmin()].exp()


def _kernel(apart: Tensor, variance: Tensor, d: int) -> Tensor:
    """E k, from differences of means and summed variances [..., d] -> [...]."""
    wide = d + variance
    log = 0.5 * torch.log(d / wide) - apart**2 / (2 * wide)
    return log.sum(-1).exp()
