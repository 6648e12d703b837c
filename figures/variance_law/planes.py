"""What the figures of a latent plane have in common: the prior behind, and posteriors as circles of one sigma."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection
from matplotlib.patches import Circle
from matplotlib.patheffects import withStroke

from figures.variance_law.measures import (
    REACH,
)
from vaelab import plots


def prior(axes: Axes, reach: float = REACH) -> None:
    """The circles of 1, 2 and 3 sigma of N(0, I), gray and dashed, on a square of ±reach."""
    for radius in (1, 2, 3):
        axes.add_patch(Circle((0, 0), radius, fill=False, edgecolor="0.6", linewidth=0.6, linestyle="--", zorder=0))
    ticks = range(-int(reach), int(reach) + 1, 2 if reach > 2.5 else 1)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=ticks, yticks=ticks)


def ellipses(axes: Axes, mean: np.ndarray, logvar: np.ndarray, colors: Sequence[str], **look: Any) -> None:
    """The ellipse of one sigma of every posterior, mean and logvar [n, 2]."""
    widths, heights = 2 * np.exp(0.5 * logvar).T
    place: dict[str, Any] = {"offsets": mean, "offset_transform": axes.transData, "units": "xy"}
    style: dict[str, Any] = {"facecolors": "none", "edgecolors": colors, "linewidths": 0.7, **look}
    axes.add_collection(EllipseCollection(widths, heights, 0 * widths, **place, **style))


def digits(axes: Axes, mean: np.ndarray, labels: np.ndarray, size: float = 6) -> None:
    """Every mean [n, 2] as its label, in the color of the class."""
    halo = [withStroke(linewidth=1.2, foreground="white")]
    look: dict[str, Any] = {"ha": "center", "va": "center", "weight": "bold", "path_effects": halo, "clip_on": True}
    for (x, y), k in zip(mean, labels, strict=True):
        axes.text(x, y, str(k), color=color(k), fontsize=size, **look)


def color(label: int) -> str:
    return plots.CLASSES[int(label) % 10]
