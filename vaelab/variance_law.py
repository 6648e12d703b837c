"""Which variance of the aggregate posterior a divergence leads to: 1 under KL(q‖p), something else under most others.

One latent with means N(0, R s) over the data and posteriors of variance s: the signal-to-noise ratio R is what the
decoder cares for, the common scale is free, since the decoder's first layer can undo it.  So the divergence alone sets
the scale, and with it V = Var(mean) + E[s] = (R + 1) s.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from vaelab import checks
from vaelab.errors import InvalidValue
from vaelab.gaussian import Gaussian

Divergence = Callable[[Gaussian, Gaussian], Tensor]
REACH = 16.0  # ln s is sought within ± this


def predicted_variance(divergence: Divergence, ratio: float) -> float:
    """V = Var(mean) + E[s] of a latent at the scale that minimises the average divergence, at fixed R = `ratio`.

    divergence: any function of two Gaussians, [b] and the prior, that returns [b]: `vaelab.kl`, a module, your own.
    KL(q‖p) gives 1 (the variance law), KL(p‖q) gives 1 + R.

    Raises InvalidType or InvalidValue for a ratio that is no number above 0, InvalidValue for a divergence without a
    minimum at any scale.  Source: our derivation; sheet 1, section 1.7.
    """
    ratio = checks.positive("ratio", ratio)
    centre, reach = 0.0, REACH
    for _ in range(2):
        log_s = torch.linspace(centre - reach, centre + reach, 401, dtype=torch.float64)
        values = average(divergence, ratio, log_s)
        lowest = int(values.argmin())
        if lowest in (0, len(log_s) - 1) or not bool(torch.isfinite(values[lowest])):
            raise InvalidValue(
                f"this divergence has no minimum over the latent scale at R = {ratio:g}; its value ends at "
                f"{float(values[lowest]):g}, so no variance is preferred."
            )
        centre, reach = float(log_s[lowest]), float(2 * (log_s[1] - log_s[0]))
    before, at, after = values[lowest - 1 : lowest + 2].tolist()
    vertex = 0.5 * (before - after) / (before - 2 * at + after)  # of the parabola through the three, in steps
    return (1 + ratio) * math.exp(centre + vertex * reach / 2)


def average(divergence: Divergence, ratio: float, log_s: Tensor) -> Tensor:
    """The divergence from N(0, 1), averaged over means N(0, R s), at every scale: ln s [k] -> [k], nats.

    By Gauss-Hermite quadrature, exact for all that is a polynomial in the mean, as every divergence here is.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    s = log_s.exp()
    mean = torch.outer((ratio * s).sqrt(), torch.from_numpy(nodes))
    q = Gaussian(mean.flatten(), log_s[:, None].expand_as(mean).flatten())
    values = divergence(q, Gaussian.standard(q.mean)).reshape(mean.shape)
    return values @ torch.from_numpy(weights / weights.sum())
