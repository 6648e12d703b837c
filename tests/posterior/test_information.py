"""What the latents know: exact cases, bounds on everything that can be drawn, and the identities between the parts."""

import math

import hypothesis
import pytest
import torch
from hypothesis import strategies as st

from vaelab import Gaussian, MarginalPosterior, kl, quadrature
from vaelab.divergences.quadrature import Estimate


def separated(n: int = 50) -> MarginalPosterior:
    return MarginalPosterior(10.0 * torch.arange(n).double()[:, None].expand(n, 2), torch.zeros(n, 2).double())


def channel(n: int, ratio: float, seed: int, d: int = 1) -> MarginalPosterior:
    """Means N(0, R s) and posteriors of variance s with (1+R) s = 1: Q(z) is N(0, I) but for the sample of means."""
    s, generator = 1 / (1 + ratio), torch.Generator().manual_seed(seed)
    mean = math.sqrt(ratio * s) * torch.randn(n, d, dtype=torch.float64, generator=generator)
    return MarginalPosterior(mean, torch.full_like(mean, math.log(s)))


def near(estimate: Estimate, truth: float, errors: float = 4.5, slack: float = 0.0) -> bool:
    return abs(estimate.value - truth) <= errors * estimate.standard_error + slack


def test_separated_components_tell_everything_and_identical_ones_nothing():
    found = separated().mutual_information()
    assert found.leave_one_in.value == pytest.approx(math.log(50), abs=1e-4)
    assert found.ceiling == math.log(50)
    assert found.leave_one_out.value > 20
    same = MarginalPosterior(torch.ones(50, 2).double(), torch.zeros(50, 2).double()).mutual_information()
    for estimate in (same.leave_one_in, same.leave_one_out):
        assert estimate == pytest.approx((0.0, 0.0), abs=1e-12)


@hypothesis.settings(deadline=None, max_examples=60)
@hypothesis.given(
    n=st.integers(2, 30),
    d=st.integers(1, 4),
    spread=st.floats(0, 50),
    log_sigma=st.floats(-6, 3),
    unequal=st.floats(0, 3),
    seed=st.integers(0, 2**31),
)
def test_the_bounds_are_ordered_for_any_draws(n, d, spread, log_sigma, unequal, seed):
    """ln Q ≥ 1/n ln q_i + (n-1)/n ln Q_without_i (Jensen), point by point; and n Q ≥ q_i."""
    generator = torch.Generator().manual_seed(seed)
    mean, width = (torch.randn(n, d, dtype=torch.float64, generator=generator) for _ in range(2))
    found = MarginalPosterior(spread * mean, 2 * log_sigma + unequal * width).mutual_information(50, seed)
    inner, outer = found.leave_one_in.value, found.leave_one_out.value
    slack = 1e-9 * (1 + abs(outer))
    assert inner <= (n - 1) / n * outer + slack
    assert inner <= found.ceiling + 1e-9


@pytest.mark.parametrize("ratio", [1.0, 20.0])
def test_the_truth_of_a_gaussian_channel_lies_between_the_bounds(ratio):
    """I = ½ ln(1 + R) over all images that there might be; averaged over data sets of 8."""
    truth = 0.5 * math.log(1 + ratio)
    runs = [channel(8, ratio, seed).mutual_information(300, seed) for seed in range(300)]
    inner, outer = (torch.tensor([run[k].value for run in runs]).double() for k in (0, 1))
    low, high = (float(bound.std() / math.sqrt(len(runs))) for bound in (inner, outer))
    assert float(inner.mean()) + 3 * low < truth < float(outer.mean()) - 3 * high
    large = channel(4000, ratio, 0).mutual_information(4000)
    for bound in (large.leave_one_in, large.leave_one_out):
        assert near(bound, truth, slack=0.03)


def test_information_of_one_latent_is_that_of_quadrature():
    generator = torch.Generator().manual_seed(0)
    mean, logvar = (torch.randn(12, 1, dtype=torch.float64, generator=generator) for _ in range(2))
    posterior, grid = MarginalPosterior(2 * mean, logvar - 1), quadrature.line(-14.0, 14.0, 4001)
    log_q, prior = posterior.log_prob(grid.points[:, None]), Gaussian.standard(grid.points).log_prob(grid.points)
    to_prior = float(grid.integrate(log_q.exp() * (log_q - prior)))
    rate = float(kl(Gaussian(posterior.mean, posterior.logvar), Gaussian.standard(mean)).mean())
    assert near(posterior.kl_to_prior(20_000), to_prior)
    assert near(posterior.mutual_information(20_000).leave_one_in, rate - to_prior)
    each = posterior.dimension_wise_kl(20_000)
    assert near(Estimate(float(each.value), float(each.standard_error)), to_prior)
    assert posterior.total_correlation(200) == pytest.approx((0.0, 0.0), abs=1e-9)


def test_the_parts_add_up():
    """Rate = information + KL(Q‖p) within errors; KL(Q‖p) = total correlation + latent-wise KL for equal draws."""
    generator = torch.Generator().manual_seed(3)
    mean = (
        torch.randn(200, 3, dtype=torch.float64, generator=generator)
        @ torch.tensor([[1.0, 0.9, 0], [0, 0.5, 0], [0, 0, 2]]).double()
    )
    posterior = MarginalPosterior(mean, torch.full_like(mean, -1.5))
    to_prior, shared, each = posterior.kl_to_prior(), posterior.total_correlation(), posterior.dimension_wise_kl()
    assert to_prior.value == pytest.approx(shared.value + float(each.value.sum()), abs=1e-9)
    rate = float(kl(Gaussian(posterior.mean, posterior.logvar), Gaussian.standard(mean)).mean())
    assert near(
        posterior.mutual_information(20_000).leave_one_in, rate - posterior.kl_to_prior(20_000, seed=1).value, 6
    )
    assert shared.value > 10 * shared.standard_error
    assert each.value.shape == each.standard_error.shape == (3,)


def test_standard_errors_are_those_of_repetition():
    posterior = channel(100, 3.0, 0, d=2)
    for name in ("kl_to_prior", "total_correlation"):
        runs = [getattr(posterior, name)(200, seed) for seed in range(60)]
        spread = float(torch.tensor([run.value for run in runs]).std())
        claimed = sum(run.standard_error for run in runs) / len(runs)
        assert spread == pytest.approx(claimed, rel=0.35)


def test_the_prior_itself_is_at_distance_zero():
    one = MarginalPosterior(torch.zeros(5, 2).double(), torch.zeros(5, 2).double())
    assert one.kl_to_prior(100) == pytest.approx((0.0, 0.0), abs=1e-12)
