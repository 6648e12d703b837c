"""Images as one grid: the position of every pixel, channels, white lines and labels."""

import numpy as np
import pytest
import torch

from vaelab import plots
from vaelab._utils.errors import InvalidValue

IMAGES = np.random.default_rng(0).random((2, 3, 5, 4))


@pytest.fixture
def axes():
    return plots.new_figure(3, 2).subplots()


@pytest.mark.parametrize("gap", [0, 1, 3])
def test_every_image_is_at_its_row_and_column(gap):
    picture = plots.tile_images(IMAGES, gap)
    assert picture.shape == (2 * 5 + gap, 3 * 4 + 2 * gap)
    for i in range(2):
        for j in range(3):
            top, left = i * (5 + gap), j * (4 + gap)
            assert np.array_equal(picture[top : top + 5, left : left + 4], IMAGES[i, j])
    assert picture.sum() == pytest.approx(IMAGES.sum() + picture.size - IMAGES.size), "the lines are white"


def test_channels_come_first_or_last_as_arrays_tensors_or_lists_of_bytes():
    color = np.repeat(IMAGES[..., None], 3, -1)
    first = np.moveaxis(color, -1, 2)
    for images in (color, first, torch.from_numpy(first)):
        assert np.array_equal(plots.tile_images(images, 2)[..., 1], plots.tile_images(IMAGES, 2))
    assert np.array_equal(plots.tile_images(IMAGES[:, :, None]), plots.tile_images(IMAGES))
    rows = [[np.full((2, 2), 7, np.uint8)] * 2]
    assert plots.tile_images(rows, 1).tolist() == [[7, 7, 255, 7, 7]] * 2


@pytest.mark.parametrize("shape", [(3, 5, 4), (2, 3, 2, 5, 4)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(InvalidValue, match=r"images must be \[rows, columns, h, w\] or with channels, got shape"):
        plots.tile_images(np.zeros(shape))


def test_labels_are_at_the_middle_of_their_row_and_column(axes):
    artist = plots.image_grid(axes, IMAGES, ["a", "b"], ["1", "2", "3"], right=["left", "right"], gap=2)
    assert axes.get_yticks().tolist() == [2, 9]
    assert axes.get_xticks().tolist() == [1.5, 7.5, 13.5]
    assert axes.xaxis.get_ticks_position() == "top"
    (right,) = axes.child_axes
    assert [label.get_text() for label in right.get_yticklabels()] == ["left", "right"]
    assert right.get_yticks().tolist() == [2, 9]
    assert artist.get_clim() == (0, 1)
    assert not any(spine.get_visible() for spine in axes.spines.values())


def test_fewer_labels_than_rows_name_the_first_ones(axes):
    artist = plots.image_grid(axes, (255 * IMAGES).astype(np.uint8), ["a"])
    assert axes.get_yticks().tolist() == [2]
    assert artist.get_clim() == (0, 255)
