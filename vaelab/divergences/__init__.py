"""Gaussians, and the divergences and distances between them.

In order: `gaussian` (with KL), `diagonal` and `full_covariance` (formulas without checks),
`validation`, `closed_form` (the functions, checked), `modules` (the same for an objective),
`kernel_mmd`, `chamfer_distance` (public in `vaelab.metrics`), `quadrature` (any density, by numerical
integration), `fitting` (the Gaussian nearest to a mixture).
"""

from vaelab.divergences.closed_form import extended_geometric_js, geometric_js, geometric_mean, kl
from vaelab.divergences.full_covariance import FullGaussian
from vaelab.divergences.gaussian import KL, Gaussian, ReverseKL
from vaelab.divergences.kernel_mmd import MMD, mmd
from vaelab.divergences.modules import FreeBits, GeometricJS

__all__ = [
    "KL",
    "MMD",
    "FreeBits",
    "FullGaussian",
    "Gaussian",
    "GeometricJS",
    "ReverseKL",
    "extended_geometric_js",
    "geometric_js",
    "geometric_mean",
    "kl",
    "mmd",
]
