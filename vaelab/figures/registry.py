"""Every figure by its id, and the tour: the main ones of each paper, which `make figures` draws within minutes."""

from vaelab.errors import InvalidValue, near
from vaelab.figures.balancing import contents as balancing
from vaelab.figures.consistency import contents as consistency
from vaelab.figures.figure import Figure
from vaelab.figures.geometric_js import contents as geometric_js
from vaelab.figures.two_stages import contents as two_stages
from vaelab.figures.variance_law import contents as variance_law

CHAPTERS = (geometric_js, variance_law, balancing, two_stages, consistency)

FIGURES: dict[str, Figure] = {item.id: item for chapter in CHAPTERS for item in chapter.FIGURES}
TOUR = ("gjs-1d", "gjs-mixture-fit", "gjs-recon-vs-alpha", "var-law-bars", "gam-gamma", "cr-latent-clouds")


def figure(id: str) -> Figure:
    """The figure of that id.  Raises InvalidValue with near names for an unknown one."""
    if id not in FIGURES:
        raise InvalidValue(f"there is no figure {id!r}; {near(id, FIGURES)}")
    return FIGURES[id]
