"""Divergences of *any* densities, by quadrature on a grid and by Monte Carlo: the truth that closed forms are held
against.

Densities come as functions: log density of points [m] (1-D) or [m, 2] (2-D) -> [m].  All results are scalars in nats.
Integrals over a grid are differentiable, so that a density may be fitted to another one under any of these divergences.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab.divergences.gaussian import Gaussian

LogDensity = Callable[[Tensor], Tensor]


class Grid(NamedTuple):
    """Points [m] or [m, 2] and their quadrature weights [m]."""

    points: Tensor
    weights: Tensor

    def integrate(self, values: Tensor) -> Tensor:
        """∫ f dz from the values f [m] on the points."""
        return (self.weights * values).sum()


class Estimate(NamedTuple):
    """A Monte Carlo value with its standard error, both in nats."""

    value: float
    standard_error: float


def line(low: float, high: float, n: int = 2001) -> Grid:
    """Simpson's rule on n (odd) equidistant points of [low, high], in float64.

    Raises InvalidValue unless low < high and n is odd and at least 3.
    """
    if not low < high:
        raise InvalidValue(f"the grid needs low < high, got [{low}, {high}]; swap or widen them.")
    if n < 3 or n % 2 == 0:
        raise InvalidValue(
            f"Simpson's rule needs an odd number of points, at least 3, got {n}; take {n // 2 * 2 + 1 if n > 2 else 3}."
        )
    weights = torch.full((n,), 2.0, dtype=torch.float64)
    weights[1::2], weights[0], weights[-1] = 4.0, 1.0, 1.0
    return Grid(torch.linspace(low, high, n, dtype=torch.float64), weights * (high - low) / (3 * (n - 1)))


def plane(low: float, high: float, n: int = 301) -> Grid:
    """The square [low, high]² with Simpson's rule in both directions: n² points [n², 2]."""
    axis = line(low, high, n)
    points = torch.cartesian_prod(axis.points, axis.points)
    return Grid(points, torch.outer(axis.weights, axis.weights).flatten())


def covering(*gaussians: Gaussian, widths: float = 12.0, per_sigma: int = 8) -> Grid:
    """A line that reaches `widths` standard deviations around every 1-D Gaussian, with steps of the smallest sigma
    / per_sigma.

    Raises InvalidValue when the widths differ so much that more than 10 million points would be needed.
    """
    means, sigmas = (
        [g.mean.detach().double() for g in gaussians],
        [g.logvar.detach().double().mul(0.5).exp() for g in gaussians],
    )
    low = min(float((m - widths * s).min()) for m, s in zip(means, sigmas, strict=True))
    high = max(float((m + widths * s).max()) for m, s in zip(means, sigmas, strict=True))
    steps = (high - low) / min(float(s.min()) for s in sigmas) * per_sigma
    if steps > 1e7:
        raise InvalidValue(
            f"a uniform grid would need {steps:.0e} points for these Gaussians; use Monte Carlo instead."
        )
    return line(low, high, int(steps) // 2 * 2 + 3)


def kl(log_q: LogDensity, log_p: LogDensity, grid: Grid) -> Tensor:
    """KL(q‖p) = ∫ q (ln q - ln p).  Raises InvalidValue when the grid does not hold the whole mass of q or p."""
    return _kl(_on("q", log_q, grid), _on("p", log_p, grid), grid)


def jensen_shannon(log_q: LogDensity, log_p: LogDensity, grid: Grid) -> Tensor:
    """The ordinary Jensen-Shannon divergence, ½ KL(q‖m) + ½ KL(p‖m) with m = (q + p)/2; at most ln 2."""
    lq, lp = _on("q", log_q, grid), _on("p", log_p, grid)
    return 0.5 * _kl(lq, _log_half(lq, lp), grid) + 0.5 * _kl(lp, _log_half(lq, lp), grid)


def geometric_mean(log_q: LogDensity, log_p: LogDensity, alpha: float, grid: Grid) -> Tensor:
    """ln G_α on the grid's points [m], with G_α ∝ q^(1-α) p^α normalized on the grid."""
    return _log_mean(_on("q", log_q, grid), _on("p", log_p, grid), checks.skew(alpha), grid)


def geometric_js(
    log_q: LogDensity, log_p: LogDensity, alpha: float, grid: Grid, *, dual: bool = False, primed: bool = True
) -> Tensor:
    """`vaelab.geometric_js` for any two densities, straight from its definition."""
    lq, lp, a = _on("q", log_q, grid), _on("p", log_p, grid), checks.skew(alpha)
    mean = _log_mean(lq, lp, 1 - a if primed else a, grid)
    if dual:
        return (1 - a) * _kl(mean, lq, grid) + a * _kl(mean, lp, grid)
    return (1 - a) * _kl(lq, mean, grid) + a * _kl(lp, mean, grid)


def monte_carlo_kl(q: Distribution, p: Distribution, n: int = 100_000) -> Estimate:
    """KL(q‖p) from n draws of q, with its standard error.  q, p: torch distributions with scalar log densities."""
    z = q.sample((n,))
    ratio = q.log_prob(z) - p.log_prob(z)
    return Estimate(float(ratio.mean()), float(ratio.std() / n**0.5))


def monte_carlo_geometric_js(
    q: Distribution,
    p: Distribution,
    alpha: float,
    n: int = 100_000,
    *,
    dual: bool = False,
    primed: bool = True,
) -> Estimate:
    """`geometric_js` from n draws of q and n of p, with its standard error (delta method).

    Z_a and averages under G_a use all 2n draws, weighted against (q+p)/2; that ratio is bounded, so its variance
    is small.
    """
    a = checks.skew(alpha)
    mean_weight = 1 - a if primed else a
    zq, zp = q.sample((n,)), p.sample((n,))
    lq, lp = (
        torch.stack([q.log_prob(zq), q.log_prob(zp)]),
        torch.stack([p.log_prob(zq), p.log_prob(zp)]),
    )  # [2, n]
    ratio = ((1 - mean_weight) * lq + mean_weight * lp - _log_half(lq, lp)).exp()
    z, difference = ratio.mean(), lq - lp
    if dual:
        # E_G[(1-α)(ln G - ln q) + α(ln G - ln p)], where ln G = (1-a) ln q + a ln p - ln Z
        slope = a - mean_weight
        tilt = (ratio * difference).mean() / z
        value = slope * tilt - z.log()
        influence = (slope * ratio * (difference - tilt) - ratio) / z / 2
    else:
        kl_weights = ((1 - a) ** 2, a**2) if primed else (a * (1 - a),) * 2
        own = torch.stack([kl_weights[0] * difference[0], -kl_weights[1] * difference[1]])
        value = own.mean(1).sum() + z.log()
        influence = own + ratio / z / 2
    return Estimate(float(value), float((influence.var(1).sum() / n).sqrt()))


def _on(name: str, log_density: LogDensity, grid: Grid) -> Tensor:
    values = log_density(grid.points)
    if values.shape != grid.weights.shape:
        raise InvalidValue(
            f"ln {name} has shape {tuple(values.shape)} on a grid of {tuple(grid.weights.shape)}; it must map "
            f"[m] points to [m] values."
        )
    mass = float(grid.integrate(values.detach().exp()))
    if not abs(mass - 1) < 1e-4:
        raise InvalidValue(
            f"{name} integrates to {mass:.6g} on this grid instead of 1; widen or refine the grid, or normalize {name}."
        )
    return values


def _kl(lq: Tensor, lp: Tensor, grid: Grid) -> Tensor:
    """∫ q (ln q - ln p), with 0 ln 0 = 0 where q has underflowed."""
    return grid.integrate(torch.where(lq > -700, lq.exp() * (lq - lp), 0.0))


def _log_half(lq: Tensor, lp: Tensor) -> Tensor:
    return torch.logaddexp(lq, lp) - torch.log(torch.tensor(2.0, dtype=lq.dtype))


def _log_mean(lq: Tensor, lp: Tensor, a: float | Tensor, grid: Grid) -> Tensor:
    log_g = (1 - a) * lq + a * lp
    return log_g - torch.logsumexp(log_g + grid.weights.log(), 0)
