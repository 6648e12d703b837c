"""The latent plane as panels draw it: its limits, and the prior."""

from typing import Any

import numpy as np
from matplotlib.patches import Circle

from vaelab import plots
from vaelab.live.figure import rounded_limit


def plane_limit(codes: np.ndarray, least: float = 3.5) -> float:
    """Return the limit of the axes for codes [n, 2]: all of them, but for outliers beyond twice the 0.95 quantile."""
    if not codes.size:
        return least
    reach = np.abs(codes).max(1)
    return rounded_limit(1.05 * min(float(reach.max()), 2 * float(np.quantile(reach, 0.95))), least=least)


def draw_prior(axes: Any) -> None:
    """Draw circles at one, two and three standard deviations of the prior."""
    for radius in (1, 2, 3):
        line: Any = {"edgecolor": plots.palette().REFERENCE, "linewidth": 0.6, "linestyle": ":"}
        axes.add_patch(Circle((0, 0), radius, fill=False, **line))
