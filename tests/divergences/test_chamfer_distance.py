"""`chamfer` against all pairwise distances, which it never stores."""

import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from vaelab.divergences import chamfer_distance
from vaelab.divergences.chamfer_distance import chamfer, nearest

FORMS = [(squared, reduce) for squared in (True, False) for reduce in ("sum", "max", "mean")]


def clouds(b=3, n=40, m=25, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(b, k, 3, generator=generator, dtype=dtype) for k in (n, m))


def brute(a, b, squared, reduce):
    table = (a[:, :, None] - b[:, None]).square().sum(-1)
    table = table if squared else table.sqrt()
    sides = torch.stack([table.amin(2).mean(1), table.amin(1).mean(1)])
    return {"sum": sides.sum(0), "max": sides.amax(0), "mean": sides.mean(0)}[reduce]


@pytest.mark.parametrize("chunk", [2**19, 1024, 100])  # all clouds at once, one at a time, some points at a time
@pytest.mark.parametrize(("squared", "reduce"), FORMS)
def test_value_and_gradient_are_those_of_brute_force(monkeypatch, squared, reduce, chunk):
    monkeypatch.setattr(chamfer_distance, "CHUNK", chunk)
    results = []
    for form in (chamfer, brute):
        a, b = (cloud.requires_grad_() for cloud in clouds())
        value = form(a, b, squared, reduce)
        weights = torch.tensor([1.0, 2.0, -1.0], dtype=torch.float64)  # one for each pair, so that no pairs are mixed
        results.append((value, *torch.autograd.grad(value @ weights, (a, b))))
    for ours, theirs in zip(*results, strict=True):
        assert (ours - theirs).abs().max() < 1e-12


@pytest.mark.parametrize(("squared", "reduce"), FORMS)
def test_gradcheck_away_from_ties(squared, reduce):
    a, b = (cloud.requires_grad_() for cloud in clouds(b=2, n=9, m=7))
    table = (a[:, :, None] - b[:, None]).norm(dim=-1)
    for axis in (1, 2):  # a gap much larger than the step of the check, so that no nearest point changes
        first, second = table.topk(2, dim=axis, largest=False).values.unbind(axis)
        assert (second - first).min() > 1e-3
    assert torch.autograd.gradcheck(lambda a, b: chamfer(a, b, squared, reduce), (a, b))


def test_the_order_of_points_does_not_matter():
    a, b = clouds()
    shuffled = a[:, torch.randperm(a.shape[1], generator=torch.Generator().manual_seed(1))]
    for squared, reduce in FORMS:
        torch.testing.assert_close(
            chamfer(shuffled, b, squared, reduce), chamfer(a, b, squared, reduce), atol=1e-14, rtol=0
        )
        torch.testing.assert_close(chamfer(b, a, squared, reduce), chamfer(a, b, squared, reduce), atol=1e-14, rtol=0)


def test_a_cloud_is_at_distance_zero_of_itself_with_a_finite_gradient():
    a = next(clouds()).requires_grad_()
    distance = chamfer(a, a.detach().flip(1), squared=False)
    assert distance.tolist() == [0.0, 0.0, 0.0]
    assert torch.autograd.grad(distance.sum(), a)[0].abs().max() == 0


def test_float32_far_from_the_origin_finds_nearly_nearest_points():
    a, b = (cloud.float() + 1000 for cloud in clouds(n=400, m=400))
    exact = brute(a.double(), b.double(), True, "sum")
    torch.testing.assert_close(chamfer(a, b).double(), exact, rtol=1e-5, atol=1e-6)


def test_the_nearest_points_are_those_of_scikit_learn():
    a, b = clouds(b=1, n=300, m=200)
    expected = NearestNeighbors(n_neighbors=1).fit(b[0].numpy()).kneighbors(a[0].numpy(), return_distance=False)
    assert nearest(a, b)[0].tolist() == expected[:, 0].tolist()


def test_nothing_of_the_size_of_both_clouds_is_stored_for_the_gradient():
    a, b = (torch.randn(2, 500, 3, requires_grad=True) for _ in range(2))
    sizes = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.numel()) or t, lambda t: t):
        chamfer(a, b)
    assert sizes
    assert max(sizes) <= a.numel()


def test_it_compiles_to_one_graph():
    a, b = clouds(dtype=torch.float32)
    compiled = torch.compile(lambda a, b: chamfer_distance.chamfer_of(a, b), backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(a, b), chamfer(a, b))


def test_under_vmap_each_member_has_its_own_neighbors():
    pairs = [tuple(clouds(seed=seed)) for seed in range(3)]
    a, b = (torch.stack(column) for column in zip(*pairs, strict=True))
    expected = torch.stack([chamfer(*pair) for pair in pairs])
    torch.testing.assert_close(torch.vmap(chamfer_distance.chamfer_of)(a, b), expected)


def test_bfloat16_is_computed_in_float32():
    a, b = (cloud.bfloat16() for cloud in clouds())
    assert chamfer(a, b).dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(chamfer_distance.chamfer_of(a, b), chamfer(a.float(), b.float()))
