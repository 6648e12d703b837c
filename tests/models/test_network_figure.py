"""The picture of a hierarchy is read from the model."""

import pytest
import torch
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Annotation

from vaelab import plots, recipes
from vaelab._utils.errors import InvalidType
from vaelab.models.hierarchical import Hierarchy
from vaelab.models.network_figure import describe_network, network_figure

CASES = [((1, 28, 28), ((1, 1), (4, 2), (8, 3))), ((3, 8, 8), ((2, 1),)), ((1, 8, 8), ((2, 2), (8, 1)))]


@pytest.mark.parametrize(("shape", "groups"), CASES)
def test_boxes_arrows_and_numbers_are_those_of_the_model(shape, groups):
    model = Hierarchy(shape, groups=groups, latent=3, width=8)
    (ax,) = network_figure(model).axes
    n, scales = model.groups, len(groups)
    assert sum(isinstance(patch, FancyBboxPatch) for patch in ax.patches) == 2 + scales + n
    # one arrow up to every scale, one across and one down for every group
    assert sum(isinstance(text, Annotation) for text in ax.texts) == scales + 2 * n
    words = [text.get_text() for text in ax.texts]
    sides = [side for side, count in groups for _ in range(count)]
    for k, (z, side) in enumerate(zip(model(torch.zeros(2, *shape)).z, sides, strict=True), 1):
        assert f"group {k}: {z.shape[1]} latents\n3 × {side} × {side}" in words
    assert f"image x\n{' × '.join(map(str, shape))}" in words
    assert f"{n} groups with {model.latent} latents in all" in describe_network(model)


@pytest.mark.parametrize("style", ["notebook", "paper", "talk"])
def test_every_style_draws_without_overlap(style):
    figure = network_figure(Hierarchy((1, 8, 8), groups=((2, 2), (4, 3)), latent=8, width=32), style=style)
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    (ax,) = figure.axes
    boxes = [p.get_window_extent(renderer) for p in ax.patches if isinstance(p, FancyBboxPatch)]
    texts = [t.get_window_extent(renderer) for t in ax.texts if "\n" in t.get_text()]
    for box, text in zip(boxes, texts, strict=True):
        assert box.x0 <= text.x0
        assert text.x1 <= box.x1
        assert box.y0 <= text.y0
        assert text.y1 <= box.y1


def test_another_model_is_refused_and_dark_colors_are_taken():
    with pytest.raises(InvalidType, match="model must be a Hierarchy"):
        network_figure(recipes.vae((1, 8, 8), 2).model)
    with plots.style("notebook", dark=True):
        dark = plots.palette().Q
    figure = network_figure(Hierarchy((1, 8, 8), groups=((2, 1),)), dark=True)
    assert dark in {text.get_color() for text in figure.axes[0].texts}
