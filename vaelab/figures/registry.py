"""Every figure by its id, and the tour: the main ones of each paper, which `make figures` draws within minutes."""

from vaelab.errors import InvalidValue, near
from vaelab.figures.figure import Figure
from vaelab.figures.geometric_js import (
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
from vaelab.figures.variance_law import (
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
    *(one_dimension, integrands, limits, small_sigma, mixture_fit),  # nothing is trained
    *(recon_vs_alpha, plain_vs_primed, beta_grid, reconstructions, traversals, model_evidence),
    *(rate_distortion, variance, trainable_alpha, noise, reproduction),
    *(encoder_sketch, rho, digits_plane, trajectories, sampling_off, law_bars),
    *(law_through_training, point_vs_average, kurtosis, marginals, prior_vs_mixture, other_laws),
)
OTHER_DATA = (recon_vs_alpha.FASHION, recon_vs_alpha.DSPRITES, recon_vs_alpha.CHAIRS, trainable_alpha.MNIST)

FIGURES: dict[str, Figure] = {item.id: item for item in (*(module.FIGURE for module in MODULES), *OTHER_DATA)}
TOUR = ("gjs-1d", "gjs-mixture-fit", "gjs-recon-vs-alpha", "var-law-bars")


def figure(id: str) -> Figure:
    """The figure of that id.  Raises InvalidValue with near names for an unknown one."""
    if id not in FIGURES:
        raise InvalidValue(f"there is no figure {id!r}; {near(id, FIGURES)}")
    return FIGURES[id]
