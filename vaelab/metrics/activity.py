"""Active units: latents whose posterior mean varies from image to image.

    A_j = Var_x E_q[z_j]

The count at one threshold jumps between trainings that are alike, since many latents sit close to it; so there are two,
and the histogram.  Source: Burda et al. 2016, who take 0.01.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

THRESHOLDS = (0.01, 0.1)
LOWEST, HIGHEST, PER_DECADE = -6, 1, 4  # of the histogram, powers of ten


class Histogram(NamedTuple):
    """How many latents lie between one edge and the next: edges [k + 1], of log10 A; counts [k].

    The first and the last bin take what lies beyond them.
    """

    edges: Tensor
    counts: Tensor


def active_units(variances: Tensor, threshold: float = 0.01) -> int:
    """How many latents have means whose variance over the images, [latent], is above the threshold."""
    return int((variances > threshold).sum())


def activity_histogram(variances: Tensor) -> Histogram:
    """Latents by log10 of the variance of their means [latent]; one that never varies counts in the first bin."""
    edges = torch.linspace(LOWEST, HIGHEST, (HIGHEST - LOWEST) * PER_DECADE + 1, dtype=torch.float64)
    tiny = 1 / PER_DECADE / 2
    logs = variances.double().clamp_min(math.exp(-600)).log10().clamp(LOWEST + tiny, HIGHEST - tiny)
    return Histogram(edges, torch.histogram(logs, edges).hist)
