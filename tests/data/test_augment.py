"""Random transformations: against kornia and scipy, their laws, compiled and under vmap."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from vaelab import TrainConfig, fit, recipes
from vaelab._utils import rng
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.data.augment import Affine, Augment, Flip, Jitter, affine, large, resample, simple
from vaelab.data.augment.color import blend, brightness, rotate_hue

ALL = (Flip(0.5, 0.5), Affine(40, 0.1, (0.8, 1.2), 10), Jitter(0.2, 0.5, 0.3, 0.2))


def smooth(n=3, c=1, height=24, width=30, seed=0):
    """Images with a dark rim, on whose edge scipy and torch need not agree."""
    noise = np.random.default_rng(seed).random((n, c, height, width))
    inside = ndimage.gaussian_filter(noise, (0, 0, 2, 2))
    inside[..., :4, :] = inside[..., -4:, :] = inside[..., :, :4] = inside[..., :, -4:] = 0
    return torch.from_numpy(inside)


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)


TURN, SHIFT, SCALE, LEAN = (
    numbers(20, -75, 160),
    numbers([1.5, -2.0], [0.0, 3.0], [-1.0, 0.25]),
    numbers(0.9, 1.3, 1.0),
    numbers(0, 12, -20),
)


@pytest.mark.parametrize("mode", ["zeros", "border"])
def test_warps_are_those_of_kornia(mode):
    transform = pytest.importorskip("kornia.geometry.transform")
    x = torch.rand(3, 2, 24, 30, dtype=torch.float64)
    middle = numbers([15 - 0.5, 12 - 0.5]).expand(3, 2)
    scale = SCALE[:, None].expand(3, 2)
    matrix = transform.get_affine_matrix2d(SHIFT, middle, scale, -TURN)  # kornia turns clockwise
    # with align_corners=False kornia reads its matrix in other units
    theirs = transform.warp_affine(x, matrix[:, :2], (24, 30), padding_mode=mode, align_corners=True)
    none = torch.zeros(3, dtype=torch.float64)
    ours = resample(x, affine(TURN, SHIFT, SCALE, none), fill={"zeros": 0.0, "border": "edge"}[mode])
    assert float((ours - theirs).abs().max()) < 1e-6


def test_colors_are_those_of_kornia():
    enhance = pytest.importorskip("kornia.enhance")
    x = torch.rand(5, 3, 6, 7, dtype=torch.float64)
    turn = numbers(-0.5, -0.2, 0.0, 0.1, 0.4)
    torch.testing.assert_close(rotate_hue(x, turn), enhance.adjust_hue(x, 2 * math.pi * turn), atol=1e-6, rtol=0)
    theirs = enhance.adjust_contrast_with_mean_subtraction(x, 1.4)
    ours = blend(x, brightness(x).mean((-2, -1), keepdim=True), numbers(1.4))
    torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=0)


def test_warps_are_those_of_scipy():
    """An independent interpolation, given the inverse map in (row, column) by hand."""
    x = smooth()
    ours = resample(x, affine(TURN, SHIFT, SCALE, LEAN), fill=0.0)
    for image, moved, turn, shift, scale, lean in zip(x, ours, TURN, SHIFT, SCALE, LEAN, strict=True):
        a, s = math.radians(turn), float(scale)
        right, down = s * np.array([math.cos(a), -math.sin(a)]), s * np.array([math.sin(a), math.cos(a)])
        down = down - math.tan(math.radians(lean)) * right  # a step down leans left
        forward = np.array([right, down]).T[::-1, ::-1]  # scipy counts (row, column)
        back, middle = np.linalg.inv(forward), np.array([11.5, 14.5])
        offset = middle - back @ (middle + shift.numpy()[::-1])
        expected = ndimage.affine_transform(image[0].numpy(), back, offset, order=1)
        assert np.abs(moved[0].numpy() - expected).max() < 1e-6


def test_quarter_turns_and_mirrors_are_exact():
    x = torch.rand(1, 1, 9, 9, dtype=torch.float64)
    none = torch.zeros(1, dtype=torch.float64)
    turned = resample(x, affine(none + 90, torch.zeros(1, 2, dtype=torch.float64), none + 1, none))
    torch.testing.assert_close(turned, x.rot90(1, (2, 3)))  # counter-clockwise
    torch.testing.assert_close(Augment((Flip(1.0),))(x), x.flip(3))
    torch.testing.assert_close(Augment((Flip(0.0, 1.0),))(x), x.flip(2))


@pytest.mark.parametrize("side", [14, 28, 300])
@pytest.mark.parametrize("fill", ["edge", "reflect", 0.0, 0.1, 0.3, 0.7])
def test_the_identity_and_mirrors_are_exact_and_a_flip_leaves_the_others_alone(side, fill):
    x = torch.rand(6, 1, side, side)
    assert torch.equal(Augment((Affine(),), fill)(x), x)
    assert torch.equal(Augment((Flip(1.0), Affine(), Flip(1.0)), fill)(x), x)
    assert torch.equal(Augment((Flip(1.0, 1.0),), fill)(x), x.flip(2, 3))
    for image, moved in zip(x, Augment((Flip(0.5),), fill)(x), strict=True):
        assert torch.equal(moved, image) or torch.equal(moved, image.flip(2))


@pytest.mark.parametrize("fill", ["edge", "reflect", 0.0, 0.1, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_no_value_leaves_the_range_of_an_image_and_the_fill(fill, dtype):
    x = torch.cat([torch.ones(300, 1, 14, 14), torch.zeros(300, 1, 14, 14), torch.full((300, 1, 14, 14), 0.3)])
    x = torch.cat([x, torch.rand(300, 1, 14, 14).round()]).to(dtype)
    for views in (simple(fill=fill), large(fill=fill), Augment(ALL, fill)):
        y = views(x, torch.Generator().manual_seed(0))
        assert float(y.min()) >= 0
        assert float(y.max()) <= 1


def test_a_training_on_views_with_a_gray_fill_takes_every_pixel_as_a_probability():
    x = torch.ones(64, 1, 14, 14)
    experiment = recipes.cr_vae((1, 14, 14), 2, hidden=(8,), likelihood="bernoulli", views=simple(fill=0.3))
    history = fit(experiment, x, TrainConfig(steps=20, batch_size=64, binarize="dynamic", progress=False))
    assert math.isfinite(history.rows[-1]["loss"])


def test_parts_in_a_row_are_one_warp_and_undo_each_other():
    x = smooth()
    first = affine(TURN, SHIFT, SCALE, LEAN)
    torch.testing.assert_close(resample(x, first.inverse().after(first)), x)
    one = affine(numbers(10), numbers([1, 0]), numbers(1.0), numbers(0))
    two = affine(numbers(20), numbers([0, 2]), numbers(1.0), numbers(0))
    both = two.after(one)
    assert torch.allclose(both.shift, (two.linear @ one.shift[..., None])[..., 0] + two.shift)
    assert torch.allclose(both.linear, affine(numbers(30), numbers([0, 0]), numbers(1.0), numbers(0)).linear)


def test_parts_are_taken_in_order():
    """A shift to the right, then a mirror, is not the mirror first."""
    x = torch.rand(6, 1, 8, 8, dtype=torch.float64)
    move, mirror = Affine(translation=0.4), Flip(1.0)
    seed = torch.Generator().manual_seed(0)
    both = Augment((move, mirror), fill=0.0)(x, torch.Generator().manual_seed(0))
    one_by_one = Augment((mirror,), fill=0.0)(Augment((move,), fill=0.0)(x, seed), seed)
    torch.testing.assert_close(both, one_by_one)


def test_every_draw_lies_in_its_range_and_fills_it():
    def draw():
        return torch.rand(4000, dtype=torch.float64)

    warp = Affine(30, 0.1, (0.5, 2.0), 0).warp(draw, (20, 40))
    scale = torch.linalg.det(warp.linear).sqrt()
    angle = torch.rad2deg(torch.atan2(warp.linear[:, 0, 1], warp.linear[:, 0, 0]))
    for values, low, high in (
        (scale, 0.5, 2.0),
        (angle, -30, 30),
        (warp.shift[:, 0], -4, 4),
        (warp.shift[:, 1], -2, 2),
    ):
        span = high - low
        assert low - 1e-9 <= values.min() < low + 0.01 * span
        assert high + 1e-9 >= values.max() > high - 0.01 * span


def test_a_generator_makes_it_reproducible_and_images_differ_from_each_other():
    x = torch.rand(1, 3, 16, 16).expand(8, -1, -1, -1)
    views = Augment(ALL)
    first, again, other = (views(x, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first[0], first[1])
    with rng.use_generator(torch.Generator().manual_seed(1)):
        assert torch.equal(views(x), first)
    assert first.min() >= 0
    assert first.max() <= 1


def test_it_traces_whole_and_runs_under_vmap():
    x = torch.rand(2, 5, 3, 12, 14)
    views = Augment(ALL)
    stacked = torch.func.vmap(views, randomness="different")(x)
    assert stacked.shape == x.shape
    same = x[:1].expand(2, -1, -1, -1, -1)
    seen = torch.func.vmap(views, randomness="different")(same)
    assert not torch.equal(seen[0], seen[1])
    traced = torch.compile(views, fullgraph=True, backend="aot_eager")(x[0])
    assert traced.shape == x[0].shape
    assert not torch.equal(traced, x[0])


def test_the_named_ones_are_those_of_the_published_code():
    assert simple().parts == (Affine(15, 0.05, (0.9, 1.1)),)
    assert large(flip=True, jitter=True).parts == (
        Flip(0, 0.5),
        Affine(30, 0.1, (0.75, 1.25)),
        Jitter(0.2, 0.5, 0, 0.2),
    )


def test_gray_has_no_hue_in_any_precision():
    x = torch.full((2, 3, 4, 4), 0.4, dtype=torch.float16)
    torch.testing.assert_close(rotate_hue(x, torch.tensor([0.1, 0.3], dtype=torch.float16)), x)


def test_fill_is_what_lies_outside():
    x = torch.full((1, 1, 8, 8), 0.5)
    far = affine(torch.zeros(1), torch.tensor([[100.0, 0.0]]), torch.ones(1), torch.zeros(1))
    assert resample(x, far, fill=0.25).unique().tolist() == [0.25]
    assert resample(x, far, fill="edge").unique().tolist() == [0.5]
    half = affine(torch.zeros(1), torch.tensor([[4.0, 0.0]]), torch.ones(1), torch.zeros(1))
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    assert resample(ramp, half, fill="reflect")[0, 0, 0].tolist() == [3, 2, 1, 0, 0, 1, 2, 3]


@pytest.mark.parametrize(
    ("wrong", "error", "word"),
    [
        (lambda: Affine(rotation=200), InvalidValue, "rotation"),
        (lambda: Affine(scale=(1.1, 0.9)), InvalidValue, "scale"),
        (lambda: Affine(translation=-0.1), InvalidValue, "translation"),
        (lambda: Flip(1.5), InvalidValue, "horizontal"),
        (lambda: Jitter(hue=0.7), InvalidValue, "hue"),
        (lambda: Augment((lambda x: x,)), InvalidType, "Affine"),
        (lambda: Augment((), fill="black"), InvalidValue, "black"),
        (lambda: Affine(scale=1.1), InvalidType, r"scale.*\(0\.9, 1\.1\).*1\.1"),
        (lambda: Affine(scale=(1.1,)), InvalidType, "two factors"),
        (lambda: Affine(scale=("a", "b")), InvalidType, "scale.*'a'"),
        (lambda: Affine("a"), InvalidType, "rotation.*'a'"),
        (lambda: Jitter("a"), InvalidType, "brightness.*'a'"),
        (lambda: Augment(Affine(1)), InvalidType, r"tuple.*Affine.*\(part,\)"),
        (lambda: Augment((), fill=math.nan), InvalidValue, "fill.*nan"),
        (lambda: Augment((), fill=None), InvalidType, "fill.*None"),
        (lambda: Augment((), fill=7.0), InvalidValue, "fill.*7"),
        (lambda: simple()(torch.zeros(3, 8, 8)), InvalidType, "b, c, h, w"),
        (lambda: simple()(np.zeros((1, 1, 8, 8))), InvalidType, "tensor.*ndarray"),
    ],
)
def test_what_cannot_be_is_said(wrong, error, word):
    with pytest.raises(error, match=word):
        wrong()
