"""The law of MMD: it sees all latents of Q(z) at once, so their scales are sought together."""

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


def best_scales(mean: Tensor, logvar: Tensor) -> Tensor:
    """The factors [d] on the latents, means and standard deviations alike, at which `population_mmd` is least, from the
    first `IMAGES` posteriors [n, d]; by L-BFGS."""
    mean, logvar = mean[:IMAGES].detach(), logvar[:IMAGES].detach()
    log_t = torch.zeros(mean.shape[1], dtype=mean.dtype, requires_grad=True)
    optimiser = torch.optim.LBFGS([log_t], max_iter=200, tolerance_grad=1e-9, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = population_mmd(mean * log_t.exp(), logvar + 2 * log_t) * 1e3
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return log_t.detach().exp()


def _kernel(apart: Tensor, variance: Tensor, d: int) -> Tensor:
    """E k, summed variances and differences of means [..., d] -> [...]."""
    wide = d + variance
    log = 0.5 * torch.log(d / wide) - apart**2 / (2 * wide)
    return log.sum(-1).exp()
