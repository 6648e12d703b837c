"""ln Q(z) by the plain formula in float32, fused into one kernel by torch.compile: for large work in few latents.

It forms the differences z - mean, uncentered, which are exact where they count, so that float32 suffices (1e-5 to 1e-4
nats, sigma down to 1e-3) where ln Q is not far below 0.  Against the float64 products it takes two thirds of the time
in 2 latents, five sixths in 16, and as long in 64.  The first call with a number of latents compiles for seconds; any n
and m then reuse the kernel, since all blocks are of one size.
"""

import functools
import math
import os
import shutil
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from vaelab.divergences.gaussian import LOG_2PI

COMPONENTS, POINTS = 4096, 50
ABSENT = -1e30  # the log density of a component that only fills the last block
WORTH = 1e10  # pairs of a point and a component, in at most FEW latents, that repay compiling within one call
FEW = 16
TRUSTED = -100.0  # nats; below it, and where sigma is beyond float32, the products are right and this is not


def has_compiler() -> bool:
    """Whether torch.compile can use a C++ compiler for the CPU: it cannot where its own path has a space in it."""
    return shutil.which(os.environ.get("CXX", "g++")) is not None and " " not in torch.__file__


def possible(z: Tensor, mean: Tensor) -> bool:
    """Whether this path can be taken: on the CPU, for float32 points and means, with a compiler, without gradients."""
    suited = all(x.dtype == torch.float32 and x.device.type == "cpu" for x in (z, mean))
    return suited and not (z.requires_grad and torch.is_grad_enabled()) and has_compiler()


def worth_it(n: int, m: int, d: int) -> bool:
    """Whether one call with n components, m points and d latents saves more than compiling costs."""
    return n * m >= WORTH and d <= FEW


@torch.no_grad()
def log_density(z: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    """ln 1/n Σ_i N(z; mean_i, exp(logvar_i)) at z [m, d], mean and logvar [n, d]: [m], nats, in float64."""
    n, m = len(mean), len(z)
    constant = F.pad(-0.5 * (LOG_2PI + logvar).sum(1), (0, -n % COMPONENTS), value=ABSENT)
    fill = (0, 0, 0, -n % COMPONENTS)
    parts = list(
        zip(
            F.pad(mean, fill).split(COMPONENTS),
            F.pad(torch.exp(-logvar), fill).split(COMPONENTS),
            constant.split(COMPONENTS),
            strict=True,
        )
    )
    points = F.pad(z, (0, 0, 0, -m % POINTS)).split(POINTS)
    sums = [torch.stack([_fused()(some, *part) for part in parts]).double().logsumexp(0) for some in points]
    return torch.cat(sums)[:m] - math.log(n)


@functools.cache
def _fused() -> Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]:
    return torch.compile(_log_sum, dynamic=False)


def _log_sum(z: Tensor, mean: Tensor, precision: Tensor, constant: Tensor) -> Tensor:
    """ln Σ_i N(z; mean_i, 1/precision_i): z [k, d], components [c, d] -> [k]."""
    squares = ((z[:, None] - mean) ** 2 * precision).sum(-1)
    return (constant - 0.5 * squares).logsumexp(1)
