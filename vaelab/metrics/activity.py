"""Active units: latents whose posterior mean varies over the data.

The count at one threshold jumps between equal trainings, because many latents are close to it; so
there are two thresholds and a histogram.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue

THRESHOLDS = (0.01, 0.1)
LOWEST, HIGHEST, PER_DECADE = -6, 1, 4  # of the histogram, powers of ten


def _checked(variances: Tensor) -> Tensor:
    if checks.float_tensor("variances", variances).dim() != 1 or bool((variances < 0).any()):
        lowest = f"{float(variances.min()):g}" if variances.numel() else "none"
        raise InvalidValue(f"variances must be [latent], at least 0, got {list(variances.shape)} from {lowest} on.")
    return variances


class Histogram(NamedTuple):
    """Numbers of latents by log10 of their variance; the outer bins hold what lies beyond them.

    Args:
        edges: Edges of the bins [k + 1].
        counts: Numbers of latents [k].
    """

    edges: Tensor
    counts: Tensor


def active_units(variances: Tensor, threshold: float = 0.01) -> int:
    """Count the active latents.

    Args:
        variances: Var_x E_q[z_j], variances of the posterior means over the data [latent].
        threshold: Variance above which a latent is active.

    Returns:
        Their number.

    Example:
        >>> active_units(torch.tensor([0.9, 0.02, 0.001]))
        2

    References:
        Burda et al. (2016), https://arxiv.org/abs/1509.00519, section 5.2.
    """
    threshold = checks.not_negative("threshold", threshold)
    return int((_checked(variances) > threshold).sum())


def activity_histogram(variances: Tensor) -> Histogram:
    """Count latents by log10 of the variance of their means.

    Args:
        variances: As for `active_units`; 0 counts in the first bin.

    Returns:
        The histogram, from 1e-6 to 10.
    """
    edges = torch.linspace(LOWEST, HIGHEST, (HIGHEST - LOWEST) * PER_DECADE + 1, dtype=torch.float64)
    half = 1 / PER_DECADE / 2
    logs = _checked(variances).cpu().double().clamp_min(math.exp(-600)).log10().clamp(LOWEST + half, HIGHEST - half)
    return Histogram(edges, torch.histogram(logs, edges).hist)
