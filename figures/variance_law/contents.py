"""The figures of the variance law, in the order in which they tell it."""

from figures.figure import Figure
from figures.variance_law import (
    digits_plane,
    encoder_sketch,
    kurtosis,
    law_bars,
    law_through_training,
    marginals,
    other_laws,
    point_vs_average,
    prior_vs_mixture,
    rho,
    sampling_off,
    trajectories,
)

MODULES = (
    *(encoder_sketch, rho, digits_plane, trajectories, sampling_off, law_bars),
    *(law_through_training, point_vs_average, kurtosis, marginals, prior_vs_mixture, other_laws),
)
FIGURES: tuple[Figure, ...] = tuple(module.FIGURE for module in MODULES)
