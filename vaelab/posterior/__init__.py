"""The aggregate posterior Q(z), the mixture of the posteriors of all images.

In order: `mixture` (its density), `moments`, `variance_law`, `information`, `marginal`
(`MarginalPosterior`, which offers all of these), `rescaling`, `renormalization`, `samplers`,
`two_stage`. Beside them `linear_gaussian`, the VAE whose posteriors are known exactly.
"""

from vaelab.posterior.linear_gaussian import (
    ExactBound,
    LinearGaussian,
    active_latents,
    best_gamma,
    next_gamma,
    optimal_rate,
    principal_axes,
)
from vaelab.posterior.marginal import MarginalPosterior
from vaelab.posterior.moments import Moments
from vaelab.posterior.rescaling import rescale
from vaelab.posterior.variance_law import VarianceLaw

__all__ = [
    "ExactBound",
    "LinearGaussian",
    "MarginalPosterior",
    "Moments",
    "VarianceLaw",
    "active_latents",
    "best_gamma",
    "next_gamma",
    "optimal_rate",
    "principal_axes",
    "rescale",
]
