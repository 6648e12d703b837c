"""Gaussians, and the divergences and distances between them.

In order: `gaussian` (with KL), `validation`; `diagonal` and `full_covariance` (formulas without
checks), `closed_form` (the functions, checked), `modules` (the same for an objective), `kernel_mmd`;
`quadrature` (the same divergences by numerical integration), `fitting` (the Gaussian that is nearest
to a mixture).
"""

from vaelab.divergences.closed_form import extended_geometric_js, geometric_js, geometric_mean, kl
from vaelab.divergences.full_covariance import FullGaussian
from vaelab.divergences.gaussian import KL, Gaussian, ReverseKL
from vaelab.divergences.kernel_mmd import MMD, PublishedMMD, mmd
from vaelab.divergences.modules import FreeBits, GeometricJS

__all__ = [
    "KL",
    "MMD",
    "FreeBits",
    "FullGaussian",
    "Gaussian",
    "GeometricJS",
    "PublishedMMD",
    "ReverseKL",
    "extended_geometric_js",
    "geometric_js",
    "geometric_mean",
    "kl",
    "mmd",
]
