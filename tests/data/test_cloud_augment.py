"""Random transformations of point clouds."""

import math

import pytest
import torch
from scipy.stats import kstest

from vaelab import metrics
from vaelab._utils.errors import InvalidValue
from vaelab.data.augment import CloudAugment
from vaelab.data.augment.clouds import any_rotation

STILL = {"rotation": "none", "scale": (1.0, 1.0), "jitter": 0.0, "dropout": 0.0}


def clouds(b=500, n=12):
    return torch.randn(b, n, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def seeded(seed=1):
    return torch.Generator().manual_seed(seed)


def test_nothing_is_the_identity():
    assert torch.equal(CloudAugment(**STILL)(clouds()), clouds())


def test_a_vertical_rotation_keeps_heights_and_distances_and_takes_any_angle():
    x = clouds()
    y = CloudAugment(**{**STILL, "rotation": "vertical"})(x, seeded())
    torch.testing.assert_close(y[..., 2], x[..., 2])
    torch.testing.assert_close(torch.cdist(y, y), torch.cdist(x, x))
    angle = (torch.atan2(y[:, 0, 1], y[:, 0, 0]) - torch.atan2(x[:, 0, 1], x[:, 0, 0])) % (2 * math.pi)
    each = (torch.atan2(y[..., 1], y[..., 0]) - torch.atan2(x[..., 1], x[..., 0]) - angle[:, None]) % (2 * math.pi)
    assert torch.minimum(each, 2 * math.pi - each).max() < 1e-9  # one angle for all points of a cloud
    assert kstest(angle.numpy() / (2 * math.pi), "uniform").pvalue > 1e-3


def test_full_rotations_are_proper_and_uniform():
    u = torch.rand(4000, 3, generator=seeded(), dtype=torch.float64)
    rotations = any_rotation(u)
    torch.testing.assert_close(rotations @ rotations.mT, torch.eye(3, dtype=torch.float64).expand_as(rotations))
    torch.testing.assert_close(torch.linalg.det(rotations), torch.ones(4000, dtype=torch.float64))
    # Each entry is a coordinate of a uniform point of the sphere, and so uniform in [-1, 1].
    for i in range(3):
        for j in range(3):
            assert kstest((rotations[:, i, j].numpy() + 1) / 2, "uniform").pvalue > 1e-4, (i, j)
    x = clouds()
    y = CloudAugment(**{**STILL, "rotation": "full"})(x, seeded())
    torch.testing.assert_close(torch.cdist(y, y), torch.cdist(x, x))
    assert (y[..., 2] - x[..., 2]).abs().mean() > 0.3


def test_scales_and_jitter_are_those_asked_for():
    x = clouds()
    factor = (CloudAugment(**{**STILL, "scale": (0.5, 2.0)})(x, seeded()) / x).flatten(1)
    assert factor.std(1).max() < 1e-9
    assert kstest((factor[:, 0].numpy() - 0.5) / 1.5, "uniform").pvalue > 1e-3
    noise = CloudAugment(**{**STILL, "jitter": 0.05})(x, seeded()) - x
    assert kstest(noise.flatten().numpy() / 0.05, "norm").pvalue > 1e-3


def test_dropout_leaves_a_random_subset_that_fills_the_cloud():
    x = clouds(400, 20)
    y = CloudAugment(**{**STILL, "dropout": 0.9})(x, seeded())
    assert y.shape == x.shape
    distance = torch.cdist(y, x).amin(2)
    assert distance.max() < 1e-6  # every point is one of the cloud
    left = torch.tensor([len(cloud.unique(dim=0)) for cloud in y])
    assert left.min() >= 2
    assert left.max() == 20
    assert left.double().mean() == pytest.approx(20 * 0.55, abs=0.8)
    assert metrics.chamfer(x, CloudAugment(**{**STILL, "dropout": 0.01})(x)).abs().max() < 1e-12


def test_each_cloud_has_its_own_draw_and_a_seed_repeats_it():
    x = clouds()[:1].expand(3, -1, -1)
    views = CloudAugment(rotation="full", dropout=0.5)
    first, again = views(x, seeded()), views(x, seeded())
    assert torch.equal(first, again)
    assert not torch.equal(first[0], first[1])


def test_it_traces_as_one_graph_and_runs_under_vmap():
    views, x = CloudAugment(rotation="full", dropout=0.5), clouds(3).float()
    compiled = torch.compile(views, fullgraph=True, backend="eager")
    torch.manual_seed(0)
    expected = views(x)
    torch.manual_seed(0)
    torch.testing.assert_close(compiled(x), expected)
    stacked = torch.vmap(views, randomness="different")(torch.stack([x, x]))
    assert stacked.shape == (2, *x.shape)
    assert not torch.equal(stacked[0], stacked[1])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rotation": "sideways"}, "rotation must be one of none, vertical, full, got 'sideways'"),
        ({"dropout": 1.0}, "dropout must be below 1"),
        ({"scale": (1.1, 0.9)}, "ascending"),
        ({"jitter": -0.1}, "jitter must be at least 0"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(InvalidValue, match=words):
        CloudAugment(**options)


def test_images_are_refused():
    with pytest.raises(InvalidValue, match=r"clouds must be \[b, n, 3\]"):
        CloudAugment()(torch.zeros(2, 1, 8, 8))
