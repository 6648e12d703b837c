"""Every figure by its id, and the tour: the main ones of each paper, which `make figures` draws within minutes."""

from figures.balancing import curves, endpoints, law, race, ratchet, variance_loss
from figures.balancing import image_grids as balancing_image_grids
from figures.consistency import lambdas, latent_clouds, learning_curve, rotations, tables, triplets
from figures.figure import Figure
from figures.gjs import (
    aggregate_variance,
    alpha_sweeps,
    denoising,
    evidence,
    image_grids,
    limits,
    mixture_fit,
    one_dimension,
    rate_distortion,
    reproduction,
    trainable_alpha,
)
from figures.two_stage import renormalized, samplers
from figures.variance_law import (
    latent_plane,
    law_bars,
    law_through_training,
    moments,
    other_laws,
    prior_samples,
    rho,
    sampling_off,
)
from vaelab._utils.errors import InvalidValue, suggest

GJS = (
    one_dimension.ONE_DIMENSION,
    one_dimension.INTEGRANDS,
    limits.LIMITS,
    limits.SMALL_SIGMA,
    mixture_fit.FIGURE,
    alpha_sweeps.RECON_VS_ALPHA,
    alpha_sweeps.PLAIN_VS_PRIMED,
    alpha_sweeps.BETA_GRID,
    image_grids.RECONSTRUCTIONS,
    image_grids.TRAVERSALS,
    evidence.FIGURE,
    rate_distortion.FIGURE,
    aggregate_variance.FIGURE,
    trainable_alpha.FIGURE,
    denoising.FIGURE,
    reproduction.FIGURE,
    alpha_sweeps.FASHION,
    alpha_sweeps.DSPRITES,
    alpha_sweeps.CHAIRS,
    trainable_alpha.MNIST,
)
VARIANCE_LAW = (
    latent_plane.ENCODER_SKETCH,
    rho.FIGURE,
    latent_plane.DIGITS_PLANE,
    latent_plane.TRAJECTORIES,
    sampling_off.FIGURE,
    law_bars.LAW_BARS,
    law_through_training.FIGURE,
    law_bars.POINT_VS_AVERAGE,
    moments.KURTOSIS,
    moments.MARGINALS,
    prior_samples.FIGURE,
    other_laws.FIGURE,
)
BALANCING = (
    ratchet.FIGURE,
    curves.GAMMA,
    curves.ERROR,
    curves.KL,
    curves.PARTS,
    endpoints.CROSSING,
    endpoints.SCORE,
    law.FIGURE,
    variance_loss.FIGURE,
    balancing_image_grids.FIGURE,
    endpoints.FAMILIES,
    race.FIGURE,
    race.FASHION,
    race.CIFAR,
)
TWO_STAGE = (samplers.FIGURE, renormalized.FIGURE, samplers.CIFAR_TABLE, samplers.CELEBA_TABLE)
CONSISTENCY = (
    latent_clouds.FIGURE,
    lambdas.FIGURE,
    tables.FIGURE,
    triplets.FIGURE,
    rotations.ROTATION_LIMIT,
    rotations.TANGENTS,
    learning_curve.FIGURE,
    learning_curve.MNIST,
    tables.OMNIGLOT,
    tables.CELEBA,
    tables.CIFAR,
)

FIGURES: dict[str, Figure] = {item.id: item for item in (*GJS, *VARIANCE_LAW, *BALANCING, *TWO_STAGE, *CONSISTENCY)}
MAIN_FIGURES = ("gjs-1d", "gjs-mixture-fit", "gjs-recon-vs-alpha", "var-law-bars", "gam-gamma", "cr-latent-clouds")


def figure(id: str) -> Figure:
    """The figure of that id.  Raises InvalidValue with near names for an unknown one."""
    if id not in FIGURES:
        raise InvalidValue(f"there is no figure {id!r}; {suggest(id, FIGURES)}")
    return FIGURES[id]
