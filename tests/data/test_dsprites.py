"""The dSprites renderer against real frames, if present, and against a checksum."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.data import dsprites, load

ORACLE = Path(__file__).resolve().parents[3] / "shared" / "data" / "dsprites_official_gif_frames.npz"

# The sum of the drawings, taken when they equaled the 254 real frames pixel for pixel.
LISTED = [
    *(shape * 245_760 + scale * 40_960 for shape in range(3) for scale in range(6)),
    *(shape * 245_760 + 204_800 + turn * 1_024 for shape in range(3) for turn in range(40)),
    *(491_520 + 204_800 + place for place in (0, 31, 992, 1_023)),
]
FROZEN = "5c2ffa00d10dfb48f23d7876a77e72d44a5f88d7f80861bcd9e994db85ab1582"


def indices(classes):
    """The inverse of `latents`."""
    return np.ravel_multi_index(tuple(np.transpose(classes)), dsprites.SIZES)


def test_the_real_frames_or_the_frozen_drawings_are_reproduced_exactly():
    """233 of 254 would do; all of them agree."""
    if ORACLE.is_file():
        with np.load(ORACLE, allow_pickle=False) as file:
            frames = np.unpackbits(file["imgs"], axis=2)
            drawn = dsprites.render(indices(file["latents_classes"].astype(int)))
        assert (drawn == frames).all(axis=(1, 2)).sum() == 254
    assert hashlib.sha256(dsprites.render(LISTED).tobytes()).hexdigest() == FROZEN


def test_the_full_turn_ends_where_it_began():
    classes = np.array([[0, s, k, 0, 7, 9] for s in range(3) for k in range(6)])
    turned = classes.copy()
    turned[:, 3] = 39
    assert (dsprites.render(indices(classes)) == dsprites.render(indices(turned))).all()


def test_the_mean_pixel_is_that_of_the_real_set():
    sample = np.random.default_rng(0).choice(dsprites.COUNT, 5_000, replace=False)
    assert dsprites.render(sample).mean() == pytest.approx(0.0425, abs=5e-4)


@pytest.mark.parametrize("shape", [0, 1, 2])
def test_a_larger_scale_covers_the_smaller_one(shape):
    drawn = dsprites.render(indices([[0, shape, k, 0, 16, 16] for k in range(6)]))
    assert (np.diff(drawn.astype(int), axis=0) >= 0).all()
    area = drawn.sum(axis=(1, 2))
    assert area[0] / area[-1] == pytest.approx(0.25, abs=0.06)


def test_the_place_moves_the_shape_and_the_shape_only():
    corners = dsprites.render(indices([[0, 0, 5, 0, x, y] for x in (0, 31) for y in (0, 31)]))
    for image, (x, y) in zip(corners, [(16, 16), (16, 48), (48, 16), (48, 48)], strict=True):
        rows, columns = np.nonzero(image)
        assert (rows.mean() + 0.5, columns.mean() + 0.5) == (y, x)


@given(st.lists(st.integers(0, dsprites.COUNT - 1), max_size=20))
def test_index_and_latents_are_inverse(chosen):
    classes = dsprites.latents(np.array(chosen, np.int64))
    assert indices(classes).tolist() == chosen
    assert (classes < dsprites.SIZES).all()


def test_the_last_latent_runs_fastest():
    assert dsprites.latents([0, 1, 32, 1_024, 40_960, 245_760]).tolist() == [
        [0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 1, 0],
        [0, 0, 0, 1, 0, 0],
        [0, 0, 1, 0, 0, 0],
        [0, 1, 0, 0, 0, 0],
    ]


def test_images_do_not_depend_on_their_company():
    chosen = np.random.default_rng(1).choice(dsprites.COUNT, 300)
    alone = np.concatenate([dsprites.render([i]) for i in chosen[:20]])
    assert (dsprites.render(chosen)[:20] == alone).all()


@pytest.mark.parametrize("wrong", [[-1], [737_280]])
def test_an_index_outside_the_set_is_named(wrong):
    with pytest.raises(InvalidValue, match=str(wrong[0])):
        dsprites.render(wrong)


def test_indices_that_are_no_whole_numbers_are_refused():
    for wrong in ([0.5], [[0, 1]]):
        with pytest.raises(InvalidType, match=r"integers \[n\]"):
            dsprites.render(wrong)


def test_a_limited_load_draws_the_same_few_every_time():
    few = load("dsprites-rendered", limit=500)
    assert few.name == "dsprites-rendered"
    assert few.images.shape == (500, 1, 64, 64)
    assert set(few.images.unique().tolist()) == {0, 255}
    assert few.labels.unique().tolist() == [0, 1, 2]
    assert few.sha256 == load("dsprites-rendered", limit=500).sha256


def test_train_and_test_share_no_image():
    from vaelab.data.dataset import split_indices

    train, test = (split_indices(dsprites.COUNT, split) for split in ("train", "test"))
    assert len(train) + len(test) == dsprites.COUNT
    assert not np.intersect1d(train, test).size
