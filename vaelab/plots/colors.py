"""The colors of a picture: one for each role, readable on a light and on a dark page."""

from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.colors import LinearSegmentedColormap, to_rgb

# Ten classes, distinct for all readers: Petroff (2021), https://arxiv.org/abs/2107.02270.
CLASSES = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd")


class Palette(NamedTuple):
    """The colors of a style, by role; those of the light styles are also `plots.Q`, `plots.P`, ...

    Args:
        Q: The encoder's distribution.
        P: The prior, and reconstruction.
        MEAN: The geometric mean, and noise.
        JS: The geometric JS, and the present point.
        DUAL: Its dual.
        REFERENCE: What the rest is compared with.
        CLASSES: Ten classes.
        faint: Many points in the background.
        ink: Text, axes and lines without a role.
        paper: The background.
        shades: Colormap of a density, from the background on.

    Example:
        >>> from vaelab import plots
        >>> with plots.style("notebook", dark=True):
        ...     print(plots.palette().paper)
        #111111
    """

    Q: str
    P: str
    MEAN: str
    JS: str
    DUAL: str
    REFERENCE: str
    CLASSES: tuple[str, ...] = CLASSES
    faint: str = "0.85"
    ink: str = "black"
    paper: str = "white"
    shades: Any = "Grays"

    @property
    def level(self) -> float:
        """Brightness of the background, from 0 to 1."""
        return max(to_rgb(self.paper))


LIGHT = Palette("#1845fb", "#c91f16", "#0a8a5f", "#ff5e02", "#c849a9", "#656364")
# The same hues, of which three classes are lighter: every color has a contrast above 4 with the background.
DARK = Palette(
    *("#7c9bff", "#ff6b5e", "#2fc48d", "#ff8a3d", "#e77fce", "#a5a3a4"),
    CLASSES=(*CLASSES[:2], "#e2412a", CLASSES[3], "#a45ad6", *CLASSES[5:]),
    faint="0.3",
)


def palette() -> Palette:
    """Return the colors that are readable on the background of the present style.

    Returns:
        The palette; `ink` and `paper` are those of the style.
    """
    paper, ink = mpl.rcParams["axes.facecolor"], mpl.rcParams["text.color"]
    if max(to_rgb(paper)) > 0.5:
        return LIGHT._replace(ink=ink, paper=paper)
    shades = LinearSegmentedColormap.from_list("shades", [paper, "0.45"])
    return DARK._replace(ink=ink, paper=paper, shades=shades)
