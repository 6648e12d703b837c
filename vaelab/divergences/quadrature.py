"""Divergences of arbitrary densities by quadrature on a grid, the reference for the closed forms.

A density is a function from points [m] (1-D) or [m, 2] (2-D) to its log values [m]. Results are
scalars in nats, and differentiable, so that one density can be fitted to another.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import typed
from vaelab.divergences.gaussian import Gaussian
from vaelab.divergences.validation import check_pair

LogDensity = Callable[[Tensor], Tensor]
MAX_POINTS = 10_000_000


class Grid(NamedTuple):
    """A quadrature rule.

    Args:
        points, weights: [m] or [m, 2], and [m].
    """

    points: Tensor
    weights: Tensor

    def integrate(self, values: Tensor) -> Tensor:
        """Integrate a function given by its values [m] on the points: []; InvalidValue for another shape."""
        if checks.tensor("values", values).shape != self.weights.shape:
            raise InvalidValue(
                f"values must have the shape {tuple(self.weights.shape)} of the grid, got {tuple(values.shape)}."
            )
        return (self.weights * values).sum()


class Estimate(NamedTuple):
    """A Monte Carlo estimate.

    Args:
        value, standard_error: Both in nats unless stated otherwise.
    """

    value: float
    standard_error: float


@typed
def line(low: float, high: float, n: int = 2001) -> Grid:
    """Return Simpson's rule on n equidistant points of [low, high], in float64.

    Args:
        low, high: Ends of the line.
        n: Number of points, odd and at least 3.

    Returns:
        A grid with points [n].

    Raises:
        InvalidValue: Unless low < high and n is odd and at least 3.

    Example:
        >>> grid = line(0.0, 1.0, 3)
        >>> round(grid.integrate(grid.points**2).item(), 6)
        0.333333
    """
    if not low < high:
        raise InvalidValue(f"a grid must have low < high, got [{low}, {high}].")
    if not 3 <= n <= MAX_POINTS or n % 2 == 0:
        raise InvalidValue(f"n must be odd and from 3 to {MAX_POINTS:,} for Simpson's rule, got {n}.")
    low, high = float(low), float(high)
    weights = torch.full((n,), 2.0, dtype=torch.float64)
    weights[1::2], weights[0], weights[-1] = 4.0, 1.0, 1.0
    return Grid(torch.linspace(low, high, n, dtype=torch.float64), weights * (high - low) / (3 * (n - 1)))


@typed
def plane(low: float, high: float, n: int = 301) -> Grid:
    """Return Simpson's rule on the square [low, high]².

    Args:
        low, high, n: As in `line`.

    Returns:
        A grid with points [n², 2].
    """
    if n * n > MAX_POINTS:
        raise InvalidValue(f"n must be at most {math.isqrt(MAX_POINTS):,} for a square, got {n}.")
    axis = line(low, high, n)
    points = torch.cartesian_prod(axis.points, axis.points)
    return Grid(points, torch.outer(axis.weights, axis.weights).flatten())


@typed
def covering(*gaussians: Gaussian, widths: float = 12.0, per_sigma: int = 8) -> Grid:
    """Return a line that covers every given 1-D Gaussian.

    Args:
        gaussians: The Gaussians to cover.
        widths: Standard deviations to include on each side of every mean.
        per_sigma: Steps per smallest standard deviation.

    Returns:
        A grid as from `line`.

    Raises:
        InvalidValue: If it would need more than 10 million points.
    """
    if not gaussians:
        raise InvalidValue("covering needs at least one Gaussian, got none.")
    widths = checks.positive("widths", widths)
    checks.positive_int("per_sigma", per_sigma)
    for g in gaussians:
        check_pair(g, g)
    means = [g.mean.detach().cpu().double() for g in gaussians]
    sigmas = [g.logvar.detach().cpu().double().mul(0.5).exp() for g in gaussians]
    low = min(float((m - widths * s).min()) for m, s in zip(means, sigmas, strict=True))
    high = max(float((m + widths * s).max()) for m, s in zip(means, sigmas, strict=True))
    steps = (high - low) / min(float(s.min()) for s in sigmas) * per_sigma
    if not steps < MAX_POINTS:
        raise InvalidValue(
            f"a uniform grid must have at most 1e+07 points, got {checks.shortest(steps)} for these widths."
        )
    return line(low, high, int(steps) // 2 * 2 + 3)


@typed
def kl(log_q: LogDensity, log_p: LogDensity, grid: Grid) -> Tensor:
    """Compute KL(q‖p) = ∫ q (ln q - ln p).

    Args:
        log_q, log_p: Log densities.
        grid: Grid that contains the mass of both.

    Returns:
        [], nats.

    Raises:
        InvalidValue: If a density does not integrate to 1 on the grid.

    Example:
        >>> q = Gaussian(torch.ones(1).double(), torch.zeros(1).double())
        >>> round(kl(q.log_prob, Gaussian.standard().log_prob, line(-10.0, 10.0)).item(), 6)
        0.5
    """
    return _kl(_on("q", log_q, grid), _on("p", log_p, grid), grid)


@typed
def jensen_shannon(log_q: LogDensity, log_p: LogDensity, grid: Grid) -> Tensor:
    """Compute the Jensen-Shannon divergence ½ KL(q‖m) + ½ KL(p‖m), m = (q + p)/2, at most ln 2.

    Args:
        log_q, log_p, grid: As in `kl`.

    Returns:
        [], nats.

    Example:
        >>> from torch.distributions import Normal
        >>> q, p = Normal(-8.0, 1.0), Normal(8.0, 1.0)
        >>> round(jensen_shannon(q.log_prob, p.log_prob, line(-20.0, 20.0)).item(), 4)  # ln 2
        0.6931
    """
    lq, lp = _on("q", log_q, grid), _on("p", log_p, grid)
    return 0.5 * _kl(lq, _log_half(lq, lp), grid) + 0.5 * _kl(lp, _log_half(lq, lp), grid)


@typed
def geometric_mean(log_q: LogDensity, log_p: LogDensity, alpha: float | Tensor, grid: Grid) -> Tensor:
    """Compute the log density of G_α ∝ q^(1-α) p^α, normalized on the grid.

    Args:
        log_q, log_p, grid: As in `kl`.
        alpha: Skew in [0, 1].

    Returns:
        ln G_α on the points of the grid, [m].
    """
    return _log_mean(_on("q", log_q, grid), _on("p", log_p, grid), checks.one_skew(alpha), grid)


@typed
def geometric_js(
    log_q: LogDensity, log_p: LogDensity, alpha: float | Tensor, grid: Grid, *, dual: bool = False, primed: bool = True
) -> Tensor:
    """Compute `vaelab.geometric_js` for any two densities from its definition.

    Args:
        log_q, log_p, grid: As in `kl`.
        alpha, dual, primed: As in `vaelab.geometric_js`.

    Returns:
        [], nats.

    Raises:
        InvalidValue: As in `kl`, or if alpha is not in [0, 1].
    """
    lq, lp, a = _on("q", log_q, grid), _on("p", log_p, grid), checks.one_skew(alpha)
    mean = _log_mean(lq, lp, 1 - a if primed else a, grid)
    if dual:
        return (1 - a) * _kl(mean, lq, grid) + a * _kl(mean, lp, grid)
    return (1 - a) * _kl(lq, mean, grid) + a * _kl(lp, mean, grid)


def _on(name: str, log_density: LogDensity, grid: Grid) -> Tensor:
    """Return the checked log density on the grid."""
    for part, content in grid._asdict().items():
        checks.float_tensor(f"grid.{part}", content)
    if not 1 <= grid.points.dim() <= 2 or grid.weights.shape != grid.points.shape[:1]:
        shapes = f"{tuple(grid.points.shape)} and {tuple(grid.weights.shape)}"
        raise InvalidValue(f"grid must have points [m] or [m, 2] and weights [m], got {shapes}.")
    values, shape = checks.tensor(f"ln {name}", log_density(grid.points)), tuple(grid.weights.shape)
    if values.shape != shape:
        raise InvalidValue(f"ln {name} must have the shape {shape} of the grid, got {tuple(values.shape)}.")
    mass = float(grid.integrate(values.detach().exp()))
    if not abs(mass - 1) < 1e-4:
        raise InvalidValue(f"{name} must integrate to 1, got {mass:.6g}; widen or refine the grid.")
    return values


def _kl(lq: Tensor, lp: Tensor, grid: Grid) -> Tensor:
    """Compute ∫ q (ln q - ln p), with 0 ln 0 = 0 where q has underflowed."""
    return grid.integrate(torch.where(lq > -700, lq.exp() * (lq - lp), 0.0))


def _log_half(lq: Tensor, lp: Tensor) -> Tensor:
    return torch.logaddexp(lq, lp) - torch.log(torch.tensor(2.0, dtype=lq.dtype))


def _log_mean(lq: Tensor, lp: Tensor, a: float | Tensor, grid: Grid) -> Tensor:
    log_g = (1 - a) * lq + a * lp
    return log_g - torch.logsumexp(log_g + grid.weights.log(), 0)
