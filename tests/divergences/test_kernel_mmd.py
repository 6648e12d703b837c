"""MMD: against its expectation in closed form, and its terms per sample."""

import math

import pytest
import torch

from vaelab import Gaussian, mmd
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.divergences import MMD
from vaelab.divergences.kernel_mmd import _per_sample

STANDARD = Gaussian.standard(torch.zeros((), dtype=torch.float64))


def test_mmd_of_gaussians_meets_its_expectation():
    """Between N(0, I) and N(m, I): E k = (1 + 2/h²)^(-d/2) exp(-|m|²/(2(h²+2))); equal samples give 0 in the mean."""
    torch.manual_seed(0)
    d, h, shift, n = 4, 1.5, 1.0, 4000
    x, y = torch.randn(n, d, dtype=torch.float64), torch.randn(n, d, dtype=torch.float64)
    y[:, 0] += shift
    same = (1 + 2 / h**2) ** (-d / 2)
    expected = 2 * same * (1 - math.exp(-(shift**2) / (2 * (h**2 + 2))))
    assert float(mmd(x, y, h)) == pytest.approx(expected, abs=0.003)
    assert float(mmd(x, torch.randn(n, d, dtype=torch.float64), h)) == pytest.approx(0, abs=0.002)
    biased = mmd(x, y, h, unbiased=False)
    assert float(biased) > float(mmd(x, y, h))
    assert float(mmd(x, x.clone(), unbiased=False)) == pytest.approx(0, abs=1e-12)


def test_sampled_mmd_sees_the_aggregate_posterior_not_each_one():
    """q(z|x) of any width costs nothing as long as their mixture is N(0, I); all at the origin with s = 1/4 cost."""
    torch.manual_seed(0)
    n, d = 3000, 10
    zeros, means = torch.zeros(n, d, dtype=torch.float64), torch.randn(n, d, dtype=torch.float64)
    for s in (1.0, 0.25, 1e-4):
        q = Gaussian((1 - s) ** 0.5 * means, zeros + math.log(s))
        assert float(MMD()(q, STANDARD).mean()) == pytest.approx(0, abs=2e-3), s
    narrow = Gaussian(zeros, zeros + math.log(0.25))
    h2 = d

    def same(variance):  # E k of two draws whose difference has this variance
        return (1 + variance / h2) ** (-d / 2)

    expected = same(0.5) + same(2.0) - 2 * same(1.25)
    assert float(MMD()(narrow, STANDARD).mean()) == pytest.approx(expected, abs=3e-3)
    assert MMD()(narrow, STANDARD).shape == (n,)


def test_the_shares_of_sampled_mmd_average_to_mmd():
    torch.manual_seed(0)
    q = Gaussian(torch.randn(50, 3, dtype=torch.float64), torch.randn(50, 3, dtype=torch.float64))
    torch.manual_seed(1)
    shares = MMD(bandwidth=0.7)(q, STANDARD)
    torch.manual_seed(1)
    z, y = q.sample(), torch.randn(50, 3, dtype=torch.float64)
    torch.testing.assert_close(shares.mean(), mmd(z, y, 0.7))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("offset", [0.0, 100.0, 1e4])
def test_mmd_does_not_depend_on_where_the_samples_lie(offset, dtype):
    """Two clusters far apart too, which a common center would not help; the gradients are as far right."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 200, 3, dtype=torch.float64, generator=generator)
    apart = torch.where(torch.arange(200) % 2 == 0, 1.0, -1.0)[:, None] * offset

    def value_and_gradient(x, y, of):
        x = x.detach().to(of).requires_grad_()
        value = mmd(x, y.to(of))
        return value.detach(), *torch.autograd.grad(value, x)

    for shift in (offset, apart):
        a, b = (x + shift).float(), (y + 0.5 + shift).float()  # as float32 holds them
        differences = [(p.double()[:, None] - q.double()).square().sum(2) for p, q in ((a, a), (b, b), (a, b))]
        within_a, within_b, between = (torch.exp(-squares / 6) for squares in differences)
        expected = (within_a.sum() + within_b.sum() - 400) / (200 * 199) - 2 * between.mean()
        value, gradient = value_and_gradient(a, b, dtype)
        assert float(value) == pytest.approx(float(expected), abs=1e-6)
        exact = value_and_gradient(a, b, torch.float64)[1]
        torch.testing.assert_close(gradient.double(), exact, atol=1e-7, rtol=1e-4)


def test_mmd_of_half_precision_and_under_vmap():
    x = torch.randn(3, 20, 2, generator=torch.Generator().manual_seed(0))
    one = mmd(x[0].bfloat16(), x[1].bfloat16())
    assert float(one) == pytest.approx(float(mmd(x[0], x[1])), abs=0.02)

    def value(sample):
        return _per_sample(sample, x[1], 1.0, unbiased=True).mean()

    slopes = torch.func.vmap(torch.func.grad(value))(x)
    torch.testing.assert_close(slopes[0], torch.func.grad(value)(x[0]))
    assert float(value(x[0])) == pytest.approx(float(mmd(x[0], x[1], 1.0)), abs=1e-6)


def test_sampled_mmd_pulls_the_means_towards_the_prior():
    torch.manual_seed(0)
    mean = torch.full((200, 2), 3.0, requires_grad=True)
    MMD()(Gaussian(mean, torch.zeros(200, 2)), Gaussian.standard()).mean().backward()
    assert (mean.grad.mean(0) > 0).all()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: mmd(torch.zeros(5, 2), torch.zeros(5, 3)), InvalidValue, "2 columns like x, got 3"),
        (lambda: mmd(torch.zeros(5), torch.zeros(5, 3)), InvalidValue, "two rows"),
        (lambda: mmd(torch.zeros(5, 2), torch.zeros(5, 2), -1.0), InvalidValue, "bandwidth"),
        (lambda: mmd(torch.zeros(5, 2), torch.zeros(5, 2), "wide"), InvalidType, "wide"),
        (lambda: MMD(bandwidth=0.0), InvalidValue, "bandwidth"),
    ],
)
def test_bad_input_gets_one_sentence(call, error, words):
    with pytest.raises(error, match=words):
        call()
