"""The density of a mixture of n diagonal Gaussians with equal weights, and draws from it.

With precisions p = 1/var every ln N(z; mean, var) is [z², z, 1] times [-p/2, p mean, constant], so
a block of the table [m, n] is one matrix product in float64. The terms of that product cancel:
components that are narrow and far from the center would lose digits, and are computed from the
differences z - mean instead.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from vaelab.divergences.gaussian import LOG_2PI

COMPONENTS, POINTS = 1024, 256  # in a block: 2 MB, which stay in the cache
ROUNDING = 1e-10  # nats; differences, about six times slower, where a product may lose more
EMPTY = -1e300  # the logarithm of an empty sum; finite, so that differences of it are not nan


def log_density(z: Tensor, mean: Tensor, logvar: Tensor, chunk: int = COMPONENTS) -> Tensor:
    """Compute ln 1/n Σ_i N(z; mean_i, exp(logvar_i)) over all n components.

    Args:
        z: Points [m, d]; gradients reach these only.
        mean, logvar: Components [n, d].
        chunk: Components at a time; memory is a few times chunk x 256 numbers.

    Returns:
        [m], nats, float64.
    """
    total: Tensor = _LogSum.apply(z, mean.detach(), logvar.detach(), chunk)
    return total - math.log(len(mean))


@torch.no_grad()
def log_density_of_others(
    z: Tensor, component: Tensor, mean: Tensor, logvar: Tensor, chunk: int = COMPONENTS
) -> Tensor:
    """Compute `log_density` without `component` [m] of each point: [m], nats, float64."""
    return _log_sum(z, mean, logvar, chunk, component) - math.log(len(mean) - 1)


def draw(mean: Tensor, logvar: Tensor, n: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """Draw n points [n, d] from the mixture, and return the index of the component of each [n]."""
    component = torch.randint(len(mean), (n,), device=mean.device, generator=generator)
    noise = torch.randn(n, mean.shape[1], dtype=mean.dtype, device=mean.device, generator=generator)
    return mean[component] + torch.exp(0.5 * logvar[component]) * noise, component


class _LogSum(torch.autograd.Function):
    """ln Σ_i N(z; mean_i, var_i); backward computes the table again instead of storing it."""

    @staticmethod
    def forward(ctx: FunctionCtx, z: Tensor, mean: Tensor, logvar: Tensor, chunk: int) -> Tensor:
        total = _log_sum(z, mean, logvar, chunk)
        ctx.save_for_backward(z, mean, logvar, total)
        ctx.chunk = chunk  # type: ignore[attr-defined]
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, upstream: Tensor) -> tuple[Tensor, None, None, None]:
        z, mean, logvar, total = ctx.saved_tensors  # type: ignore[attr-defined]
        slope = _slope(z, mean, logvar, total, ctx.chunk)  # type: ignore[attr-defined]
        return (upstream[:, None] * slope).to(z.dtype), None, None, None


class _Components(NamedTuple):
    """Components from number `first`, float64; `table` is [2d+1, c], `narrow` needs differences."""

    first: int
    mean: Tensor
    precision: Tensor
    constant: Tensor
    table: Tensor
    narrow: Tensor


def _log_sum(z: Tensor, mean: Tensor, logvar: Tensor, chunk: int, component: Tensor | None = None) -> Tensor:
    """Compute ln of the summed densities of all components, or all but `component` [m]: [m]."""
    center, z = mean.double().mean(0), z.double()
    features = _features(z - center)
    top, total = z.new_full((len(z),), EMPTY), z.new_zeros(len(z))
    for part in _chunks(z, center, mean, logvar, chunk):
        for rows in _blocks(len(z)):
            logs = _logs(features[rows], z[rows], part)
            if component is not None:
                _leave_out(logs, component[rows] - part.first)
            highest = torch.maximum(top[rows], logs.amax(1))
            shrunk = total[rows] * torch.exp(top[rows] - highest)
            total[rows] = shrunk + _exp(logs.sub_(highest[:, None])).sum(1)
            top[rows] = highest
    return top + total.log()


def _slope(z: Tensor, mean: Tensor, logvar: Tensor, total: Tensor, chunk: int) -> Tensor:
    """Compute d ln Σ N / dz = Σ_i share_i p_i (mean_i - z), shares N_i / Σ N: [m, d]."""
    center, z = mean.double().mean(0), z.double()
    features, pull, stiffness = _features(z - center), torch.zeros_like(z), torch.zeros_like(z)
    for part in _chunks(z, center, mean, logvar, chunk):
        weighted = part.precision * (part.mean - center)
        for rows in _blocks(len(z)):
            shares = _exp(_logs(features[rows], z[rows], part).sub_(total[rows, None]))
            pull[rows] += shares @ weighted
            stiffness[rows] += shares @ part.precision
    return pull - (z - center) * stiffness


def _features(z: Tensor) -> Tensor:
    return torch.cat([z * z, z, torch.ones_like(z[:, :1])], 1)


def _blocks(m: int) -> Iterator[slice]:
    return (slice(start, start + POINTS) for start in range(0, m, POINTS))


def _chunks(z: Tensor, center: Tensor, mean: Tensor, logvar: Tensor, chunk: int) -> Iterator[_Components]:
    reach = (z - center).abs().amax(0) if len(z) else torch.zeros_like(center)
    for first in range(0, len(mean), chunk):
        means, log_var = mean[first : first + chunk].double(), logvar[first : first + chunk].double()
        mu, precision = means - center, torch.exp(-log_var)
        constant = -0.5 * (LOG_2PI + log_var).sum(1)
        with_mean = constant - 0.5 * (precision * mu * mu).sum(1)
        table = torch.cat([-0.5 * precision, precision * mu, with_mean[:, None]], 1).T.contiguous()
        lost = 0.5 * (precision * (reach + mu.abs()) ** 2).sum(1) * torch.finfo(torch.float64).eps
        yield _Components(first, means, precision, constant, table, (lost > ROUNDING).nonzero()[:, 0])


def _logs(features: Tensor, z: Tensor, part: _Components) -> Tensor:
    """Compute ln N(z; mean_i, var_i) of every point and component, [m, c]."""
    logs = features @ part.table
    if len(part.narrow):
        mean, precision = part.mean[part.narrow], part.precision[part.narrow]
        squares = z.new_zeros(len(z), len(mean))
        for k in range(z.shape[1]):  # one latent at a time, since [m, c, d] would be large
            squares.addcmul_((z[:, k, None] - mean[:, k]).square_(), precision[:, k])
        logs[:, part.narrow] = part.constant[part.narrow] - 0.5 * squares
    return logs


def _exp(logs: Tensor) -> Tensor:
    """Compute e^logs in place, at least 1e-304: underflow would take 5 to 20 times as long."""
    return logs.clamp_min_(-700).exp_()


def _leave_out(logs: Tensor, component: Tensor) -> None:
    """Set each row's column in `component` to -inf, if this chunk has it."""
    here = ((component >= 0) & (component < logs.shape[1])).nonzero()[:, 0]
    logs[here, component[here]] = -math.inf
