"""The aggregate posterior against brute force, quadrature, draws, and what follows from its definition."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from vaelab import Gaussian, MarginalPosterior, load, quadrature, recipes
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.posterior.mixture import POINTS, log_density_of_others


def brute(z: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    """ln Q(z) from the whole table [m, n], in float64."""
    each = [Gaussian(m.expand_as(z), v.expand_as(z)).log_prob(z) for m, v in zip(mean, logvar, strict=True)]
    return torch.stack(each, 1).logsumexp(1) - math.log(len(mean))


def mixture(d: int, narrowest: float, widest: float, n: int = 300, seed: int = 0) -> MarginalPosterior:
    """Means in ±10, standard deviations from narrowest to widest, evenly in the logarithm."""
    generator = torch.Generator().manual_seed(seed)
    mean = 20 * torch.rand(n, d, dtype=torch.float64, generator=generator) - 10
    share = torch.rand(n, d, dtype=torch.float64, generator=generator)
    return MarginalPosterior(mean, 2 * (math.log(narrowest) + share * math.log(widest / narrowest)))


def around(posterior: MarginalPosterior, seed: int = 1) -> Tensor:
    """Points on the components and off them."""
    generator = torch.Generator().manual_seed(seed)
    apart = torch.randn(40, posterior.mean.shape[1], dtype=torch.float64, generator=generator)
    return torch.cat([posterior.sample(120, generator), apart])


# -- log density


@pytest.mark.parametrize("d", [1, 2, 16, 64])
@pytest.mark.parametrize(
    "widths", [(1e-3, 1e-3), (1e-3, 3.0), (1e-5, 1e2), (0.05, 1.0), (1e-7, 1e-6), (1e-8, 1e-8), (1e-12, 1e-2)]
)
def test_log_prob_is_brute_force_with_any_variances(d, widths):
    """To 1e-9 nats; where ln Q itself is so large that float64 holds no nine decimals of it, to 1e-12 of it."""
    posterior = mixture(d, *widths)
    z = around(posterior)
    truth = brute(z, posterior.mean, posterior.logvar)
    torch.testing.assert_close(posterior.log_prob(z), truth, atol=1e-9, rtol=1e-11)


@pytest.mark.parametrize("d", [1, 16, 64])
def test_float32_posteriors_are_exact(d):
    """At most 1e-4 nats for sigma = 1e-3 and means up to 10, on points where the density is."""
    exact = mixture(d, 1e-3, 1e-3)
    posterior = MarginalPosterior(exact.mean.float(), exact.logvar.float())
    z = posterior.sample(100, torch.Generator().manual_seed(0))
    truth = brute(z.double(), posterior.mean.double(), posterior.logvar.double())
    torch.testing.assert_close(posterior.log_prob(z), truth, atol=1e-9, rtol=0)
    assert posterior.log_prob(z).dtype == torch.float64


@pytest.mark.parametrize("spread", [0.0, 1.0, 3.0])
def test_narrow_components_on_top_of_each_other(spread):
    """All components are computed from differences, also far from their center."""
    sigma, generator = 1e-5, torch.Generator().manual_seed(0)
    mean = 9 + spread * sigma * torch.randn(700, 3, dtype=torch.float64, generator=generator)
    posterior = MarginalPosterior(mean, torch.full_like(mean, 2 * math.log(sigma)))
    z = posterior.sample(300, generator)
    two_clusters = MarginalPosterior(torch.cat([mean, -mean]), posterior.logvar.repeat(2, 1))  # far from their center
    for some in (posterior, two_clusters):
        torch.testing.assert_close(some.log_prob(z), brute(z, some.mean, some.logvar), atol=1e-9, rtol=0)


@pytest.mark.parametrize("chunk", [1, 7, 1024])
def test_the_density_of_the_others_leaves_exactly_one_out(chunk):
    posterior = mixture(2, 0.1, 2.0, n=30)
    component = torch.arange(30).repeat(4)
    z = posterior.mean[component] + 0.1
    found = log_density_of_others(z, component, posterior.mean, posterior.logvar, chunk)
    for k in range(30):
        rest = torch.arange(30) != k
        truth = brute(z[component == k], posterior.mean[rest], posterior.logvar[rest])
        torch.testing.assert_close(found[component == k], truth, atol=1e-9, rtol=1e-12)


@pytest.mark.parametrize("chunk", [1, 7, 300, 5000])
def test_the_chunk_changes_memory_and_nothing_else(chunk):
    posterior = mixture(3, 0.01, 1.0)
    z = around(posterior)
    torch.testing.assert_close(posterior.log_prob(z, chunk=chunk), posterior.log_prob(z), atol=1e-10, rtol=1e-12)


class Largest(TorchDispatchMode):
    """The most numbers that any tensor has held within it."""

    numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        held = [part.numel() for part in (out if isinstance(out, tuple | list) else [out]) if isinstance(part, Tensor)]
        self.numbers = max([self.numbers, *held])
        return out


@pytest.mark.parametrize("widths", [(1e-3, 1e-3), (0.05, 1.0)])
def test_nothing_is_larger_than_a_block_also_backwards(widths):
    posterior, chunk = mixture(4, *widths, n=20_000), 512
    z = posterior.sample(1000).requires_grad_()
    with Largest() as largest:
        posterior.log_prob(z, chunk=chunk).sum().backward()
    assert largest.numbers <= max(chunk * POINTS, posterior.mean.numel())


@pytest.mark.parametrize("widths", [(1e-3, 1e-3), (0.05, 1.0)])
@pytest.mark.parametrize("d", [1, 2, 16])
def test_gradients_reach_the_points(d, widths):
    posterior = mixture(d, *widths)
    z = around(posterior).requires_grad_()
    weights = torch.linspace(-1, 1, len(z), dtype=torch.float64)
    (found,) = torch.autograd.grad((weights * posterior.log_prob(z)).sum(), z)
    (truth,) = torch.autograd.grad((weights * brute(z, posterior.mean, posterior.logvar)).sum(), z)
    torch.testing.assert_close(found / truth.abs().amax(), truth / truth.abs().amax(), atol=1e-9, rtol=0)
    assert torch.autograd.gradcheck(posterior.log_prob, mixture(d, 0.3, 1.0).sample(4).requires_grad_())


def test_a_float32_point_gets_a_float32_gradient():
    z = torch.zeros(5, 2, requires_grad=True)
    mixture(2, 0.5, 1.0).log_prob(z).sum().backward()
    assert z.grad is not None
    assert z.grad.dtype == torch.float32


def test_a_far_point_has_the_density_of_its_nearest_component():
    posterior = mixture(2, 0.5, 0.5)
    z = torch.tensor([[300.0, -400.0], [1e4, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(posterior.log_prob(z), brute(z, posterior.mean, posterior.logvar), atol=1e-9, rtol=1e-13)


def test_components_far_from_the_origin_keep_their_digits():
    near = mixture(3, 1e-3, 1e-3)
    shift = 1e6 * torch.sign(near.mean)
    z = around(near)
    far = MarginalPosterior(near.mean + shift, near.logvar)
    for points in (z, far.sample(50, torch.Generator().manual_seed(0))):
        truth = brute(points, far.mean, far.logvar)
        torch.testing.assert_close(far.log_prob(points), truth, atol=1e-9, rtol=1e-11)


def test_no_points_have_no_densities():
    assert mixture(2, 0.1, 1.0).log_prob(torch.zeros(0, 2, dtype=torch.float64)).shape == (0,)


# -- draws, moments, densities


def test_moments_agree_with_a_million_draws():
    posterior = mixture(3, 0.1, 5.0, n=50)
    z, n = posterior.sample(1_000_000, torch.Generator().manual_seed(0)), 1e6
    found = posterior.moments()
    c = z - found.mean
    std = found.variance.sqrt()

    def off(values: Tensor, truth: Tensor) -> float:
        """By how many standard errors."""
        return float(((values.mean(0) - truth) / (values.std(0) / math.sqrt(n))).abs().max())

    assert off(z, found.mean) < 4.5
    assert off(c**2, found.variance) < 4.5
    assert off((c / std) ** 3, found.skewness) < 4.5
    assert off((c / std) ** 4, found.kurtosis) < 4.5
    assert off((c[:, :, None] * c[:, None]).flatten(1), found.covariance.flatten()) < 4.5


def test_moments_and_density_agree_with_quadrature():
    posterior = mixture(2, 0.3, 2.0, n=40)
    grid, found = quadrature.line(-30.0, 30.0, 6001), posterior.moments()
    for k in range(2):
        density = posterior.density_1d(grid.points, k, chunk=7)
        center = grid.integrate(density * grid.points)
        second, third, fourth = (grid.integrate(density * (grid.points - center) ** n) for n in (2, 3, 4))
        truth = (torch.ones(()), center, second, third / second**1.5, fourth / second**2)
        values = (grid.integrate(density), *(moment[k] for moment in found[:4]))
        for value, exact in zip(values, truth, strict=True):
            assert float(value) == pytest.approx(float(exact), abs=1e-10, rel=1e-10)


def test_the_plane_holds_the_covariance_and_its_sides_are_the_lines():
    posterior = mixture(3, 0.7, 1.0, n=30)
    grid = quadrature.plane(-18.0, 18.0, 241)
    density = posterior.density_2d(grid.points, (2, 0))
    center, covariance = posterior.moments().mean, posterior.moments().covariance
    product = (grid.points[:, 0] - center[2]) * (grid.points[:, 1] - center[0])
    assert float(grid.integrate(density)) == pytest.approx(1, abs=1e-8)
    assert float(grid.integrate(density * product)) == pytest.approx(float(covariance[2, 0]), abs=1e-7)
    side, table = quadrature.line(-18.0, 18.0, 241), density.reshape(241, 241)
    torch.testing.assert_close(table @ side.weights, posterior.density_1d(side.points, 2), atol=1e-9, rtol=0)


def test_draws_follow_their_generator():
    posterior = mixture(2, 0.1, 1.0)
    one, same, other = (posterior.sample(20, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    torch.manual_seed(5)
    first = posterior.sample(20)
    torch.manual_seed(5)
    assert torch.equal(first, posterior.sample(20))


def test_kurtosis_tells_apart_what_the_variance_law_cannot():
    """The same V = 1, other shapes: 3 - 2 E[mean⁴] if every image had mean² + s = 1."""
    mean = torch.linspace(-0.95, 0.95, 200_001, dtype=torch.float64)[:, None]
    point_by_point = MarginalPosterior(mean, torch.log(1 - mean**2))
    uniform = mean / mean.std(correction=0)
    narrow = MarginalPosterior(uniform * math.sqrt(0.98), torch.full_like(mean, math.log(0.02)))
    wide = MarginalPosterior(uniform * math.sqrt(0.7), torch.full_like(mean, math.log(0.3)))
    two = torch.tensor([[-0.9], [0.9]], dtype=torch.float64)
    cases = (
        (point_by_point, 2.674197),
        (narrow, 1.84752),
        (wide, 2.412),
        (MarginalPosterior(two, torch.log(1 - two**2)), 1.6878),
    )
    for posterior, kurtosis in cases:
        assert float(posterior.variance_law().total) == pytest.approx(1, abs=1e-9)
        assert float(posterior.moments().kurtosis) == pytest.approx(kurtosis, abs=2e-5)


def test_the_second_moment_about_zero_exposes_shifted_means():
    generator = torch.Generator().manual_seed(0)
    mean = torch.randn(5000, 3, generator=generator).double() * torch.tensor([0.8, 0.8, 0.01]) + torch.tensor(
        [0, 2.0, 0]
    )
    law = MarginalPosterior(mean, torch.log(torch.tensor([0.36, 0.36, 1.0])).double().expand(5000, 3)).variance_law(0.1)
    torch.testing.assert_close(law.about_zero - law.total, mean.mean(0) ** 2, atol=1e-12, rtol=1e-12)
    assert law.active.tolist() == [True, True, False]
    assert law.threshold == 0.1
    assert law.mean_active == pytest.approx(float(law.total[:2].mean()))


def test_fourth_powers_of_wide_posteriors_stay_finite_in_float32():
    wide = MarginalPosterior(torch.zeros(3, 2), torch.full((3, 2), 80.0))
    torch.testing.assert_close(wide.moments().kurtosis, torch.full((2,), 3.0, dtype=torch.float64))


def test_the_mixture_of_a_model_is_that_of_its_encoder():
    torch.manual_seed(0)
    experiment, images = recipes.vae((1, 8, 8), 3, hidden=(16,)), load("digits").images[:50]
    posterior = MarginalPosterior.from_model(experiment, images)
    torch.testing.assert_close(posterior.mean, experiment.encode(images).mean)
    assert posterior.log_prob(posterior.sample(5)).shape == (5,)


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_compression_does_not_depend_on_the_scale_of_the_latents(scale):
    generator = torch.Generator().manual_seed(0)
    mean = torch.randn(200, 3, dtype=torch.float64, generator=generator) + 4 * torch.randint(
        2, (200, 1), generator=generator
    )
    logvar = torch.full_like(mean, -2)
    one = MarginalPosterior(mean, logvar).compress(2)
    other = MarginalPosterior(scale * mean, logvar + 2 * math.log(scale)).compress(2)
    np.testing.assert_allclose(other.means_ / scale, one.means_, rtol=1e-6)
    np.testing.assert_allclose(other.covariances_ / scale**2, one.covariances_, rtol=1e-6)
    points = mean[:20].numpy()
    shift = 3 * math.log(scale)
    np.testing.assert_allclose(other.score_samples(scale * points) + shift, one.score_samples(points), rtol=1e-6)
    np.testing.assert_allclose(other.lower_bound_ + shift, one.lower_bound_, rtol=1e-6)
    precision = np.linalg.inv(other.covariances_)
    np.testing.assert_allclose(other.precisions_, precision, rtol=1e-6)


def test_compressed_to_as_many_components_as_there_are_clusters_nothing_is_lost():
    centers = torch.tensor([[-4.0, 0.0], [4.0, 1.0], [0.0, 6.0]], dtype=torch.float64)
    posterior = MarginalPosterior(centers.repeat(20, 1), torch.full((60, 2), math.log(0.3), dtype=torch.float64))
    small = posterior.compress(3)
    assert {tuple(row) for row in small.means_.round().tolist()} == {tuple(row) for row in centers.tolist()}
    z = posterior.sample(4000, torch.Generator().manual_seed(1))
    lost = posterior.log_prob(z) - torch.from_numpy(small.score_samples(z.numpy()))
    assert abs(float(lost.mean())) < 0.01
    one = posterior.compress(1)
    torch.testing.assert_close(torch.from_numpy(one.covariances_[0]), posterior.moments().covariance, atol=0.4, rtol=0)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda p: p.log_prob(torch.zeros(3, 5)), InvalidValue, r"\[m, 2\].*\(3, 5\)"),
        (lambda p: p.log_prob([0.0, 1.0]), InvalidType, "torch tensor"),
        (lambda p: p.log_prob(torch.full((1, 2), math.nan)), InvalidValue, "nan"),
        (lambda p: p.log_prob(torch.zeros(1, 2), chunk=0), InvalidValue, "chunk.*0"),
        (lambda p: p.sample(0), InvalidValue, "n must.*0"),
        (lambda p: p.variance_law(-1.0), InvalidValue, "threshold.*-1"),
        (lambda p: p.density_2d(torch.zeros(4, 2), (0, 9)), InvalidValue, "got 9"),
        (lambda p: p.density_2d(torch.zeros(4, 3), (0, 1)), InvalidValue, r"\[m, 2\]"),
        (lambda p: p.density_2d(torch.zeros(4, 2), (0, 1, 1)), InvalidValue, "latents must have 2 entries"),
        (lambda p: p.density_1d(torch.zeros(4, 2), 0), InvalidValue, r"\[m\].*\(4, 2\)"),
        (lambda p: p.density_1d([0.0], 0), InvalidType, "torch tensor"),
        (lambda p: p.density_1d(torch.zeros(4), 1.5), InvalidType, "got 1.5"),
        (lambda p: p.sample(2.5), InvalidType, "n must be an integer"),
        (lambda p: p.compress(1, samples=1), InvalidValue, "at least 2, got 1 and 1"),
        (lambda p: p.compress(0), InvalidValue, "k must.*0"),
        (lambda p: p.kl_to_prior(samples=1), InvalidValue, "samples must be at least 2"),
        (lambda p: MarginalPosterior(p.mean[:1], p.logvar[:1]).mutual_information(), InvalidValue, "two images"),
        (lambda p: MarginalPosterior(p.mean, p.logvar + 900), InvalidValue, "900"),
        (lambda p: MarginalPosterior(p.mean[:0], p.logvar[:0]), InvalidValue, r"\(0, 2\)"),
    ],
)
def test_bad_input_gets_one_sentence(call, error, words):
    posterior = MarginalPosterior(torch.zeros(4, 2), torch.zeros(4, 2))
    with pytest.raises(error, match=words):
        call(posterior)
