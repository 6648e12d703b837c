"""The figures of the geometric Jensen-Shannon paper, in the order in which they tell it."""

from figures.figure import Figure
from figures.gjs import (
    beta_grid,
    integrands,
    limits,
    mixture_fit,
    model_evidence,
    noise,
    one_dimension,
    plain_vs_primed,
    rate_distortion,
    recon_vs_alpha,
    reconstructions,
    reproduction,
    small_sigma,
    trainable_alpha,
    traversals,
    variance,
)

MODULES = (
    *(one_dimension, integrands, limits, small_sigma, mixture_fit),  # nothing is trained
    *(recon_vs_alpha, plain_vs_primed, beta_grid, reconstructions, traversals, model_evidence),
    *(rate_distortion, variance, trainable_alpha, noise, reproduction),
)
OTHER_DATA = (recon_vs_alpha.FASHION, recon_vs_alpha.DSPRITES, recon_vs_alpha.CHAIRS, trainable_alpha.MNIST)
FIGURES: tuple[Figure, ...] = (*(module.FIGURE for module in MODULES), *OTHER_DATA)
