"""Precision, recall, nearest neighbors, variance loss: known answers."""

import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from vaelab import Gaussian, metrics
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.data.dataset import Dataset
from vaelab.metrics import sample_quality
from vaelab.metrics.sample_quality import memorization, nearest, precision_recall, variance_loss


def cloud(n, f=3, seed=0):
    return torch.randn(n, f, generator=torch.Generator().manual_seed(seed))


def test_precision_and_recall_tell_quality_from_variety(monkeypatch):
    real = cloud(400)
    assert precision_recall(real, real) == (1, 1)
    assert precision_recall(real, real + 100) == (0, 0)
    half = real[real[:, 0] > 0]  # good pictures, but only of one kind
    one_sided = precision_recall(real, half)
    assert one_sided.precision == 1
    assert one_sided.recall == pytest.approx(0.55, abs=0.1)
    wide = precision_recall(real, torch.cat([real, real + 100]))  # everything there is, and as much rubbish
    assert wide == (0.5, 1)
    swapped = precision_recall(half, real)
    assert (swapped.precision, swapped.recall) == (one_sided.recall, one_sided.precision)
    whole = precision_recall(real, cloud(300, seed=1))
    monkeypatch.setattr(sample_quality, "CHUNK", 7)
    assert precision_recall(real, cloud(300, seed=1)) == whole


def test_more_neighbors_cover_more():
    values = [precision_recall(cloud(300), 1.5 * cloud(300, seed=1), k) for k in (1, 3, 10)]
    assert values[0].precision < values[1].precision < values[2].precision
    assert values[0].recall < values[1].recall < values[2].recall


def test_nearest_is_scikit_learns_per_pixel(monkeypatch):
    monkeypatch.setattr(sample_quality, "CHUNK", 7)
    made, known = torch.rand(20, 1, 4, 4), torch.randint(0, 256, (50, 1, 4, 4), dtype=torch.uint8)
    found = nearest(made, known, 3)
    other = NearestNeighbors(n_neighbors=3).fit(known.flatten(1).numpy() / 255)
    distance, index = other.kneighbors(made.flatten(1).numpy())
    torch.testing.assert_close(found.distance, torch.from_numpy(distance).float() / 4, rtol=1e-4, atol=1e-5)
    assert found.which.tolist() == index.tolist()


def test_a_copyist_is_found_out():
    train, test = torch.rand(200, 1, 4, 4), torch.rand(100, 1, 4, 4)
    assert memorization(torch.rand(100, 1, 4, 4), test, train) == pytest.approx(1, abs=0.1)
    assert memorization(0.99 * train[:100] + 0.01 * torch.rand(100, 1, 4, 4), test, train) < 0.1
    assert memorization(train[:100], test, train) == 0
    with pytest.raises(InvalidValue, match="held out"):
        memorization(test, train[:100], train)


def test_an_exact_copy_is_at_distance_zero():
    known = torch.rand(500, 1, 28, 28)
    found = nearest(known[:40], known, 2)
    assert found.distance[:, 0].tolist() == [0] * 40
    assert found.which[:, 0].tolist() == list(range(40))
    assert (found.distance[:, 1] > 0.1).all()


@pytest.mark.parametrize(("offset", "width"), [(1000.0, 1.0), (10.0, 0.01)])
def test_precision_and_recall_do_not_depend_on_where_the_features_lie(offset, width):
    """Against every distance in float64, at an offset that swallows the digits of a product."""
    real, made = (offset + width * cloud(300, 16, seed) for seed in (0, 1))

    def covered(points, by):
        apart = (by.double()[:, None] - by.double()).norm(dim=2)
        radius = apart.sort(1).values[:, 3]
        return float(((points.double()[:, None] - by.double()).norm(dim=2) <= radius).any(1).double().mean())

    assert tuple(precision_recall(real, made)) == pytest.approx((covered(made, real), covered(real, made)), abs=0.011)


def test_the_variance_lost_is_the_error_of_a_conditional_mean():
    """x = x̂ + residual, uncorrelated, so Var(x) - Var(x̂) = MSE; per pixel over the batch."""
    deviations, noise = torch.tensor([0.01, 0.02, 0.03, 0.04]), 0.005
    kept, residual = 0.5 + deviations * cloud(50_000, 4), noise * cloud(50_000, 4, seed=1)
    assert variance_loss(kept + residual, kept) == pytest.approx(noise**2, rel=0.2)
    assert variance_loss(kept, kept) == 0
    assert variance_loss(kept, kept.mean(0).expand_as(kept)) == pytest.approx(7.5e-4, rel=0.02)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: precision_recall(cloud(9), cloud(9, 4)), InvalidValue, r"\(9, 4\)"),
        (lambda: precision_recall(cloud(9), cloud(3)), InvalidValue, "k must be between 1 and 2"),
        (lambda: precision_recall(cloud(9), None), InvalidType, "None"),
        (lambda: precision_recall(cloud(9), cloud(9), 1.5), InvalidType, r"k.*1\.5"),
        (lambda: nearest(torch.rand(3, 3), torch.rand(3, 4)), InvalidValue, r"\(4,\)"),
        (lambda: nearest(torch.rand(3, 3), torch.rand(3, 3), 4), InvalidValue, "got 4"),
        (lambda: nearest(torch.rand(0, 3), torch.rand(3, 3)), InvalidValue, "at least one image"),
        (lambda: nearest(torch.rand(3, 3), 255 * torch.ones(3, 3)), InvalidValue, r"\[0, 1\].*255"),
        (lambda: variance_loss(torch.rand(3, 3), torch.rand(4, 3)), InvalidValue, r"\(4, 3\)"),
        (lambda: variance_loss(*2 * [torch.rand(0, 3)]), InvalidValue, "at least one image"),
        (lambda: variance_loss(torch.rand(3, 3), torch.rand(3, 3) - 1), InvalidValue, r"\[0, 1\]"),
    ],
)
def test_bad_input_gets_one_sentence(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_too_few_images_for_a_distance_are_counted_by_name():
    data = Dataset(torch.zeros(64, 1, 8, 8), torch.arange(64) % 2, "zeros", "all", "memory", license="", credit="")
    model = metrics.bernoulli(lambda x: Gaussian(x.flatten(1)[:, :2], torch.zeros(len(x), 2)), torch.sigmoid)
    with pytest.raises(InvalidValue, match="train must have more than 64 images, got 64"):
        metrics.distances(model, data, data, torch.zeros(64, 2), {}, 0)
