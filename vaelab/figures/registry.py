"""Every figure by its id, and the tour: the main ones of each paper, which `make figures` draws within minutes."""

from vaelab.errors import InvalidValue, near
from vaelab.figures.figure import Figure
from vaelab.figures.geometric_js import (
    integrands,
    limits,
    mixture_fit,
    model_evidence,
    one_dimension,
    recon_vs_alpha,
    reproduction,
    small_sigma,
)
from vaelab.figures.variance_law import bars

FIGURES: dict[str, Figure] = {
    module.FIGURE.id: module.FIGURE
    for module in (
        one_dimension,
        integrands,
        limits,
        small_sigma,
        mixture_fit,
        recon_vs_alpha,
        model_evidence,
        reproduction,
        bars,
    )
}
TOUR = ("gjs-1d", "gjs-mixture-fit", "gjs-recon-vs-alpha", "variance-law-bars")


def figure(id: str) -> Figure:
    """The figure of that id.  Raises InvalidValue with near names for an unknown one."""
    if id not in FIGURES:
        raise InvalidValue(f"there is no figure {id!r}; {near(id, FIGURES)}")
    return FIGURES[id]
