"""A mixture of n diagonal Gaussians with equal weights: ln Q(z), exact over all of them in bounded memory, and draws.

With precisions p = 1/var every ln N(z; mean, var) is [z², z, 1] times [-p/2, p mean, constant], so a block of the table
[m, n] is one matrix product, and a running maximum and sum take it up.  The products cancel: float32 would err by
whole nats at sigma = 1e-3.  In float64 only components that are narrow and far off can lose digits; of those the few
entries that count are computed anew from the differences z - mean.  Components that could lose a whole nat, at sigma
below about 1e-6, are computed from differences altogether.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from vaelab.divergences.gaussian import LOG_2PI

COMPONENTS, POINTS = 1024, 256  # in a block: 2 MB, which stay in the cache
ROUNDING = 1e-10  # nats a product may lose before its entry is computed anew
USELESS = 1.0  # nats; a product that may lose that many is not formed
COUNTS = 40.0  # an entry that far below the largest adds less than e^-40 of the sum
NOTHING = -1e300  # the logarithm of an empty sum; finite, so that differences of it are no nan


class Part(NamedTuple):
    """Some of the components, float64: mean and precision [c, d], constant [c]; table [2d+1, c] of centered means.

    first: the place of the first of them in the mixture; doubtful [c]: whose products may lose digits, and
    any_doubtful; useless [k]: the numbers of those whose products may be anything.
    """

    first: int
    mean: Tensor
    precision: Tensor
    constant: Tensor
    table: Tensor
    doubtful: Tensor
    any_doubtful: bool
    useless: Tensor


def log_density(z: Tensor, mean: Tensor, logvar: Tensor, chunk: int = COMPONENTS) -> Tensor:
    """ln 1/n Σ_i N(z; mean_i, exp(logvar_i)) at z [m, d], by products: [m], nats, float64; gradients reach z only.

    mean, logvar: [n, d].  Memory: chunk x 256 numbers, a few times over.
    """
    total: Tensor = _LogSum.apply(z, mean.detach(), logvar.detach(), chunk)
    return total - math.log(len(mean))


@torch.no_grad()
def log_density_of_others(z: Tensor, own: Tensor, mean: Tensor, logvar: Tensor, chunk: int = COMPONENTS) -> Tensor:
    """ln 1/(n-1) Σ N(z; mean_i, var_i) over all components but number own [m] of each point: [m], nats, float64."""
    return _log_sum(z, mean, logvar, chunk, own) - math.log(len(mean) - 1)


def draw(mean: Tensor, logvar: Tensor, n: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """n draws from the mixture [n, d], and the number of the component that each comes from [n]."""
    own = torch.randint(len(mean), (n,), device=mean.device, generator=generator)
    noise = torch.randn(n, mean.shape[1], dtype=mean.dtype, device=mean.device, generator=generator)
    return mean[own] + torch.exp(0.5 * logvar[own]) * noise, own


class _LogSum(torch.autograd.Function):
    """ln Σ_i N(z; mean_i, var_i); backward streams the table a second time instead of keeping it."""

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


def _log_sum(z: Tensor, mean: Tensor, logvar: Tensor, chunk: int, own: Tensor | None = None) -> Tensor:
    """[m]: ln of the summed densities, all components or all but the own ones [m]."""
    center, z = mean.double().mean(0), z.double()
    features = _features(z - center)
    top, total = z.new_full((len(z),), NOTHING), z.new_zeros(len(z))
    for part in _parts(z, center, mean, logvar, chunk):
        for rows in _slices(len(z)):
            logs = _logs(features[rows], z[rows], part)
            if own is not None:
                _leave_out(logs, own[rows] - part.first)
            highest = torch.maximum(top[rows], logs.amax(1))
            _mend(logs, highest, z[rows], part)
            shrunk = total[rows] * torch.exp(top[rows] - highest)
            total[rows] = shrunk + _exp(logs.sub_(highest[:, None])).sum(1)
            top[rows] = highest
    return top + total.log()


def _slope(z: Tensor, mean: Tensor, logvar: Tensor, total: Tensor, chunk: int) -> Tensor:
    """d ln Σ N / dz = Σ_i share_i p_i (mean_i - z), shares N_i / Σ N: [m, d]."""
    center, z = mean.double().mean(0), z.double()
    features, toward, stiffness = _features(z - center), torch.zeros_like(z), torch.zeros_like(z)
    for part in _parts(z, center, mean, logvar, chunk):
        pull = part.precision * (part.mean - center)
        for rows in _slices(len(z)):
            logs = _logs(features[rows], z[rows], part)
            _mend(logs, total[rows], z[rows], part)
            shares = _exp(logs.sub_(total[rows, None]))
            toward[rows] += shares @ pull
            stiffness[rows] += shares @ part.precision
    return toward - (z - center) * stiffness


def _features(z: Tensor) -> Tensor:
    return torch.cat([z * z, z, torch.ones_like(z[:, :1])], 1)


def _slices(m: int) -> Iterator[slice]:
    return (slice(start, start + POINTS) for start in range(0, m, POINTS))


def _parts(z: Tensor, center: Tensor, mean: Tensor, logvar: Tensor, chunk: int) -> Iterator[Part]:
    """The components in chunks, each with its table of coefficients."""
    reach = (z - center).abs().amax(0) if len(z) else torch.zeros_like(center)
    for first in range(0, len(mean), chunk):
        own, log_var = mean[first : first + chunk].double(), logvar[first : first + chunk].double()
        mu, precision = own - center, torch.exp(-log_var)
        constant = -0.5 * (LOG_2PI + log_var).sum(1)
        with_mean = constant - 0.5 * (precision * mu * mu).sum(1)
        table = torch.cat([-0.5 * precision, precision * mu, with_mean[:, None]], 1).T.contiguous()
        lost = 0.5 * (precision * (reach + mu.abs()) ** 2).sum(1) * torch.finfo(torch.float64).eps
        doubtful, useless = (lost > ROUNDING) & (lost <= USELESS), (lost > USELESS).nonzero()[:, 0]
        yield Part(first, own, precision, constant, table, doubtful, bool(doubtful.any()), useless)


def _logs(features: Tensor, z: Tensor, part: Part) -> Tensor:
    """ln N(z; mean_i, var_i) of every point and component, [m, c]: products, but where they are useless."""
    logs = features @ part.table
    if len(part.useless):
        squares = z.new_zeros(len(z), len(part.useless))
        for k in range(z.shape[1]):  # one latent at a time: [m, c, d] would not stay small
            squares += (z[:, k, None] - part.mean[part.useless, k]) ** 2 * part.precision[part.useless, k]
        logs[:, part.useless] = part.constant[part.useless] - 0.5 * squares
    return logs


def _exp(logs: Tensor) -> Tensor:
    """e^logs, in place, at least 1e-304: results that underflow take the processor 5 to 20 times as long."""
    return logs.clamp_min_(-700).exp_()


def _leave_out(logs: Tensor, own: Tensor) -> None:
    """Strike each row's own column, where this chunk holds it."""
    here = ((own >= 0) & (own < logs.shape[1])).nonzero()[:, 0]
    logs[here, own[here]] = -math.inf


def _mend(logs: Tensor, highest: Tensor, z: Tensor, part: Part, at_once: int = 1 << 14) -> None:
    """Compute the doubtful entries that count from differences, a bounded number at a time."""
    if not part.any_doubtful:
        return
    counts = (logs > highest[:, None] - COUNTS) & part.doubtful
    for entries in counts.nonzero().split(at_once):
        row, column = entries.unbind(1)
        squares = (z[row] - part.mean[column]) ** 2 * part.precision[column]
        logs[row, column] = part.constant[column] - 0.5 * squares.sum(1)
