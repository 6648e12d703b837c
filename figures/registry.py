"""Every figure by its id, and the tour: the main ones of each paper, which `make figures` draws within minutes."""

from figures.balancing import contents as balancing
from figures.consistency import contents as consistency
from figures.figure import Figure
from figures.gjs import contents as gjs
from figures.two_stage import contents as two_stage
from figures.variance_law import contents as variance_law
from vaelab.errors import InvalidValue, near

CHAPTERS = (gjs, variance_law, balancing, two_stage, consistency)

FIGURES: dict[str, Figure] = {item.id: item for chapter in CHAPTERS for item in chapter.FIGURES}
TOUR = ("gjs-1d", "gjs-mixture-fit", "gjs-recon-vs-alpha", "var-law-bars", "gam-gamma", "cr-latent-clouds")


def figure(id: str) -> Figure:
    """The figure of that id.  Raises InvalidValue with near names for an unknown one."""
    if id not in FIGURES:
        raise InvalidValue(f"there is no figure {id!r}; {near(id, FIGURES)}")
    return FIGURES[id]
