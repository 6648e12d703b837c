"""Dark styles: the background is dark, and every color of a role is readable on it."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from vaelab import plots


def luminance(color):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("style", ["paper", "notebook", "talk"])
def test_every_color_is_readable_on_its_background(style):
    for dark in (False, True):
        with plots.style(style, dark=dark):
            palette = plots.palette()
            assert luminance(palette.paper) < 0.02 if dark else palette.paper == "white"
            roles = [*palette[:6], *(palette.CLASSES if dark else ())]
            assert min(contrast(color, palette.paper) for color in roles) >= (4 if dark else 2.7)
            for key in ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"):
                assert contrast(mpl.rcParams[key], palette.paper) > 7, key
            assert len(set(roles)) == len(roles)


def test_the_light_palette_is_that_of_the_figures_and_the_size_does_not_depend_on_the_page():
    roles = (plots.Q, plots.P, plots.MEAN, plots.JS, plots.DUAL, plots.REFERENCE)
    with plots.style("talk"):
        light, size = plots.palette(), mpl.rcParams["font.size"]
    assert light[:6] == roles
    with plots.style("talk", dark=True):
        assert mpl.rcParams["font.size"] == size
        figure = plots.new_figure(2, 1)
        plots.latent_plane(figure.subplots(), np.zeros((3, 2)), np.arange(3))
    figure.canvas.draw()
    assert (np.asarray(figure.canvas.buffer_rgba())[0, 0, :3] == 0x11).all()
    assert figure.axes[0].texts[0].get_bbox_patch().get_facecolor()[:3] == to_rgb("#111111")
