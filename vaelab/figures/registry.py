"""Every figure by its id, and the tour: the main ones of each paper, which `make figures` draws within minutes."""

from vaelab.errors import InvalidValue, near
from vaelab.figures.balancing import (
    crossing,
    error_path,
    families,
    gamma_path,
    kl_path,
    law,
    loss_parts,
    race,
    ratchet,
    score,
    strip,
    variance_loss,
)
from vaelab.figures.consistency import (
    lambdas,
    latent_clouds,
    learning_curve,
    rotation_limit,
    tables,
    tangents,
    triplets,
)
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
from vaelab.figures.two_stages import renormalised, samplers
from vaelab.figures.variance_law import bars

MODULES = (
    *(one_dimension, integrands, limits, small_sigma, mixture_fit),  # nothing is trained
    *(recon_vs_alpha, plain_vs_primed, beta_grid, reconstructions, traversals, model_evidence),
    *(rate_distortion, variance, trainable_alpha, noise, reproduction, bars),
    *(ratchet, gamma_path, error_path, kl_path, loss_parts, crossing, score, law),
    *(variance_loss, strip, families, race),
    *(latent_clouds, lambdas, tables, triplets, rotation_limit, tangents, learning_curve),
    *(samplers, renormalised),
)
OTHER_DATA = (
    *(recon_vs_alpha.FASHION, recon_vs_alpha.DSPRITES, recon_vs_alpha.CHAIRS),
    *(race.FASHION, race.CIFAR),
    *(tables.OMNIGLOT, tables.CELEBA, tables.CIFAR),
    *(samplers.CIFAR_TABLE, samplers.CELEBA_TABLE),
)

FIGURES: dict[str, Figure] = {item.id: item for item in (*(module.FIGURE for module in MODULES), *OTHER_DATA)}
TOUR = ("gjs-1d", "gjs-mixture-fit", "gjs-recon-vs-alpha", "variance-law-bars")


def figure(id: str) -> Figure:
    """The figure of that id.  Raises InvalidValue with near names for an unknown one."""
    if id not in FIGURES:
        raise InvalidValue(f"there is no figure {id!r}; {near(id, FIGURES)}")
    return FIGURES[id]
