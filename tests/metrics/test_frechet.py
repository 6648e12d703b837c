"""The Fréchet distance against its definition, and the classifier whose features it is taken on."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from vaelab import load
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.data import Dataset
from vaelab.metrics import classifier as module
from vaelab.metrics.classifier import classifier
from vaelab.metrics.frechet import frechet_distance


def draws(n, f, seed, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(f, f, generator=generator, dtype=torch.float64)
    return scale * torch.randn(n, f, generator=generator, dtype=torch.float64) @ mixing


@settings(deadline=None, max_examples=25)
@given(f=st.integers(1, 12), seed=st.integers(0, 999), shift=st.floats(-3, 3), scale=st.floats(0.1, 5))
def test_it_is_the_published_formula(f, seed, shift, scale):
    a, b = draws(40, f, seed), draws(60, f, seed + 1, scale) + shift
    A, B = (np.atleast_2d(np.cov(x.numpy().T)) for x in (a, b))
    squares = float((a.mean(0) - b.mean(0)).square().sum())
    expected = squares + np.trace(A + B - 2 * sqrtm(A @ B).real)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-7, abs=1e-9)
    assert frechet_distance(b, a) == pytest.approx(frechet_distance(a, b), rel=1e-9, abs=1e-9)


def test_known_distances():
    a = draws(500, 8, 0)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, a.flip(0)) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, a + 0.5) == pytest.approx(8 * 0.25)
    spread = float(a.var(0).sum())
    assert frechet_distance(a, 3 * a - 2 * a.mean(0)) == pytest.approx(4 * spread)  # (3 - 1)² tr A, one mean
    float32 = a.float() * 100
    assert frechet_distance(float32, float32) < 1e-3


def test_features_that_never_vary_do_no_harm():
    a = draws(300, 6, 0)
    wide = torch.cat([a, torch.zeros(300, 20, dtype=torch.float64)], 1)
    shifted = torch.cat([a + 1, torch.full((300, 20), 2.0, dtype=torch.float64)], 1)
    assert frechet_distance(wide, shifted) == pytest.approx(6 + 20 * 4)
    assert frechet_distance(wide, wide) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("a", "b", "error", "words"),
    [
        (torch.zeros(8, 8), torch.zeros(9, 8), InvalidValue, "a must hold more than 8 images.*got 8"),
        (torch.zeros(9, 8), torch.zeros(1, 8), InvalidValue, "b must hold more than"),
        (torch.zeros(9, 8), torch.zeros(9, 7), InvalidValue, r"\(9, 7\)"),
        (torch.zeros(9), torch.zeros(9), InvalidValue, r"\(9,\)"),
        (torch.full((9, 2), torch.nan), torch.zeros(9, 2), InvalidValue, "nan"),
        (np.zeros((9, 2)), torch.zeros(9, 2), InvalidType, "tensor"),
    ],
)
def test_bad_features_get_one_sentence(a, b, error, words):
    with pytest.raises(error, match=words):
        frechet_distance(a, b)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("VAELAB_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="module")
def digits(cache):
    return classifier(load("digits"))


def test_the_classifier_knows_its_data_and_is_kept(cache, digits):
    assert digits.accuracy(load("digits", "test")) > 0.95
    (file,) = (cache / "classifiers").iterdir()
    images = load("digits", "test").images
    whole = digits.features(images)
    state = torch.get_rng_state()
    file.write_bytes(b"damaged")
    again = classifier(load("digits"))
    assert torch.equal(torch.get_rng_state(), state)
    torch.testing.assert_close(again.features(images, chunk=50), whole, rtol=1e-4, atol=1e-4)
    written = file.stat().st_mtime_ns
    torch.testing.assert_close(classifier(load("digits")).features(images), whole, rtol=1e-4, atol=1e-4)
    assert file.stat().st_mtime_ns == written


def test_worse_pictures_are_farther_away(digits):
    train, test = (load("digits", split).images / 255 for split in ("train", "test"))
    noise = torch.randn(test.shape, generator=torch.Generator().manual_seed(0))
    known = digits.features(train)
    worse = [(test + level * noise).clamp(0, 1) for level in (0, 0.2, 0.5, 2)]
    distances = [frechet_distance(known, digits.features(pictures)) for pictures in worse]
    assert distances == sorted(distances)
    assert distances[-1] > 10 * distances[0]


def test_the_classifier_is_asked_about_its_own_kind_of_images_only(digits):
    other = Dataset(torch.zeros(9, 1, 28, 28, dtype=torch.uint8), torch.zeros(9, dtype=torch.int64), "big", *4 * ["x"])
    with pytest.raises(InvalidValue, match=r"\(1, 8, 8\).*got \(1, 28, 28\)"):
        digits.accuracy(other)


def test_without_labels_there_is_no_classifier(cache):
    plain = Dataset(torch.zeros(9, 1, 8, 8, dtype=torch.uint8), torch.zeros(9, dtype=torch.int64), "mine", *4 * ["x"])
    with pytest.raises(InvalidValue, match="mine must have labels"):
        classifier(plain)


def test_the_classifier_trains_on_random_numbers_of_its_own(cache, monkeypatch):
    seen, train = [], module._train

    def spy(*arguments):
        seen.append(torch.get_rng_state())
        train(*arguments)
        seen.append(torch.get_rng_state())

    monkeypatch.setattr(module, "_train", spy)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    classifier(load("digits"), seed=77)
    assert len(seen) == 2
    assert all(torch.equal(state, before) for state in (*seen, torch.get_rng_state()))
