"""The folding network: neighbors and covariances of scikit-learn, invariance, grids, traces."""

import numpy as np
import pytest
import torch
from sklearn.covariance import empirical_covariance
from sklearn.neighbors import NearestNeighbors

from vaelab._utils.errors import InvalidValue
from vaelab.divergences.chamfer_distance import k_nearest
from vaelab.models.networks import folding
from vaelab.models.networks._folding import local_covariance, neighbor_max, plane, sphere

SMALL = {"hidden": (8, 8, 12, 16), "fold": 8, "neighbors": 6}


def clouds(b=3, n=60, dtype=torch.float64):
    return torch.randn(b, n, 3, generator=torch.Generator().manual_seed(0), dtype=dtype)


def networks(points=60, latent=4, **options):
    torch.manual_seed(0)
    return folding((points, 3), latent, **{**SMALL, **options})


def test_neighbors_and_covariances_are_those_of_scikit_learn():
    x, k = clouds(), 7
    index = k_nearest(x, x, k)
    covariance = local_covariance(x, index)
    for cloud, ours, entries in zip(x.numpy(), index.numpy(), covariance.numpy(), strict=True):
        expected = NearestNeighbors(n_neighbors=k).fit(cloud).kneighbors(cloud, return_distance=False)
        assert (np.sort(ours) == np.sort(expected)).all()
        assert (ours[:, 0] == np.arange(len(cloud))).all()  # a point is its own nearest one
        theirs = np.stack([empirical_covariance(cloud[near]).ravel() for near in expected])
        np.testing.assert_allclose(entries, theirs, atol=1e-12)


def test_the_maximum_over_neighbors_is_that_of_all_their_features_with_its_gradient():
    x, index = clouds().requires_grad_(), k_nearest(clouds(), clouds(), 5)
    features = torch.cat([x, x.square()], -1)
    table = features[torch.arange(3)[:, None, None], index]
    weights = torch.randn(3, 60, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    results = []
    for value in (neighbor_max(features, index), table.amax(2)):
        (gradient,) = torch.autograd.grad((weights * value).sum(), x, retain_graph=True)
        results.append((value.detach(), gradient))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=0)


def test_the_code_does_not_depend_on_the_order_of_the_points():
    encoder, _ = networks()
    x = clouds(dtype=torch.float32)
    shuffled = x[:, torch.randperm(60, generator=torch.Generator().manual_seed(1))]
    encoder.eval()
    torch.testing.assert_close(encoder(shuffled), encoder(x))
    assert (encoder(x)[0] - encoder(x)[1]).abs().max() > 1e-4


@pytest.mark.parametrize("grid", ["plane", "sphere"])
@pytest.mark.parametrize("points", [60, 61])  # a prime has no rows of equal length
def test_shapes_and_steps_of_the_decoder(grid, points):
    encoder, decoder = networks(points, grid=grid)
    z = torch.randn(5, 4)
    assert encoder(torch.randn(5, 33, 3)).shape == (5, 8)  # of another number of points
    start, first, second = decoder.steps(z)
    assert start.shape == (5, points, 2 if grid == "plane" else 3)
    assert first.shape == second.shape == (5, points, 3)
    torch.testing.assert_close(decoder(z), second)


@pytest.mark.parametrize("make", [plane, sphere])
@pytest.mark.parametrize("points", [1, 2, 7, 61, 512, 2025])
def test_a_grid_has_as_many_points_as_it_should_evenly_spread(make, points):
    grid = make(points)
    assert len(grid) == points
    assert grid.abs().max() <= 1 + 1e-6
    if points > 60:
        gaps = (torch.cdist(grid, grid) + 10 * torch.eye(points)).amin(1)
        assert gaps.max() < 2.2 * gaps.min()
        assert grid.mean(0).abs().max() < 0.02
    if make is sphere:
        torch.testing.assert_close(grid.norm(dim=1), torch.ones(points))


def test_the_published_grid_is_45_by_45():
    assert len(plane(2025)[:, 1].unique()) == len(plane(2025)[:, 0].unique()) == 45


def test_gradients_reach_every_weight_and_it_traces_as_one_graph():
    encoder, decoder = networks()
    x = clouds(dtype=torch.float32)

    def rebuilt(x):
        return decoder(encoder(x).chunk(2, 1)[0])

    rebuilt(x).square().sum().backward()
    for part in (encoder, decoder):
        for name, weight in part.named_parameters():
            if "head.3" not in name:  # the half of the last layer that makes variances
                assert weight.grad.abs().sum() > 0, name
    encoder.eval()
    torch.testing.assert_close(torch.compile(rebuilt, backend="eager", fullgraph=True)(x), rebuilt(x))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shape": (60, 2)}, r"shape must be \(points, 3\)"),
        ({"shape": (1, 8, 8)}, r"shape must be \(points, 3\)"),
        ({"neighbors": 60}, "neighbors must be from 4 to 59"),
        ({"neighbors": 3}, "neighbors must be from 4 to 59"),
        ({"hidden": (8, 8)}, "hidden must be three widths or more"),
    ],
)
def test_bad_sizes_are_refused(change, words):
    with pytest.raises(InvalidValue, match=words):
        folding(**{"shape": (60, 3), "latent": 2, **SMALL, **change})


def test_the_published_widths_are_those_of_the_paper():
    encoder, decoder = folding((2025, 3), 512, (64, 64, 64, 128, 1024), fold=512)
    shapes = [(layer.linear.in_features, layer.linear.out_features) for layer in (*encoder.points, *encoder.graph)]
    assert shapes == [(12, 64), (64, 64), (64, 64), (64, 128), (128, 1024)]
    folds = [(fold.code.in_features + fold.place.in_features, fold.code.out_features) for fold in decoder.children()]
    assert folds == [(512 + 2, 512), (512 + 3, 512)]
