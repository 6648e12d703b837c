"""The aggregate posterior Q(z), the mixture of the posteriors of all images.

In order: `mixture` (its density), `moments`, `variance_law`, `information`, `marginal`
(`MarginalPosterior`, which offers all of these), `rescaling`, `renormalization`, `samplers`,
`two_stage`.
"""

from vaelab.posterior.marginal import MarginalPosterior
from vaelab.posterior.moments import Moments
from vaelab.posterior.rescaling import rescale
from vaelab.posterior.variance_law import VarianceLaw

__all__ = [
    "MarginalPosterior",
    "Moments",
    "VarianceLaw",
    "rescale",
]
