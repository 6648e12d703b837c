"""The hierarchy panel: the groups above are the image's, those below are samples."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from vaelab import live, load, recipes
from vaelab._utils.errors import InvalidValue
from vaelab.live.panels.hierarchy import COLUMNS, ROWS


@pytest.fixture(scope="module")
def hierarchy():
    torch.manual_seed(0)
    experiment = recipes.hierarchical_vae((1, 8, 8), 2, groups=((2, 1), (4, 2)), width=8)
    with torch.no_grad():  # so that every group matters
        for group in experiment.model.levels:
            group.from_latent.weight.mul_(20)
    return experiment


@pytest.fixture
def panel(hierarchy):
    return live.hierarchy_panel(hierarchy, load("digits").images[:5])


def pixels(panel):
    assert panel.settle()
    return np.asarray(Image.open(io.BytesIO(panel.picture.value)).convert("L")).astype(float)


def spread(panel):
    assert panel.settle()
    return float(panel.readout.value.split("a pixel varies by <b>")[1].split("<")[0])


def test_fewer_sampled_groups_vary_less_and_none_is_the_reconstruction(panel):
    spreads = []
    for fixed in range(4):
        panel.set(fixed=fixed, temperature=1.0)
        spreads.append(spread(panel))
    assert spreads[0] > spreads[1] > spreads[2] > spreads[3] == 0
    assert "every sample is its reconstruction" in panel.readout.value
    picture = pixels(panel)
    side = picture.shape[0] // ROWS
    tiles = [picture[:side, -(k + 1) * side : -k * side or None] for k in range(COLUMNS)]
    assert all(np.array_equal(tile, tiles[0]) for tile in tiles)


def test_the_first_groups_are_those_of_the_selected_image(hierarchy, panel):
    panel.set(fixed=3, image=2)
    assert panel.settle()
    assert panel.alt != panel.spec.alt(panel.values)
    x = load("digits").images[2:3].float() / 255
    distance = (hierarchy.reconstruct(x) - x).square().mean().sqrt()
    assert f"distance from the image <b>{distance:.3f}" in panel.readout.value


def test_a_lower_temperature_varies_less_and_says_when_draws_are_equal(panel):
    panel.set(fixed=0, temperature=1.0)
    warm = spread(panel)
    panel.set(temperature=0.5)
    assert 0 < spread(panel) < warm
    panel.set(temperature=0.0)
    assert spread(panel) == 0
    assert panel.spec.unused(panel.values) == {"draw": "at temperature 0 all draws are equal"}


def test_one_image_needs_no_slider_and_color_is_drawn():
    experiment = recipes.hierarchical_vae((3, 8, 8), 1, groups=((4, 1),), width=4)
    panel = live.hierarchy_panel(experiment, torch.rand(1, 3, 8, 8))
    assert "image" not in panel.values
    panel.set(fixed=0)
    assert panel.settle()
    assert panel.message.layout.display == "none"


def test_a_model_without_groups_on_scales_and_no_images_are_refused(hierarchy):
    with pytest.raises(InvalidValue, match="groups on scales"):
        live.hierarchy_panel(recipes.vae((1, 8, 8), 2, hidden=(4,)), torch.rand(2, 1, 8, 8))
    with pytest.raises(InvalidValue, match="at least one image"):
        live.hierarchy_panel(hierarchy, torch.rand(0, 1, 8, 8))
