"""MMD: against its expectation in closed form, its shares, and the variant of published code."""

import math
import statistics

import pytest
import torch

from vaelab import Gaussian, mmd
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.divergences import MMD, PublishedMMD

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


def test_sampled_mmd_pulls_the_means_towards_the_prior():
    torch.manual_seed(0)
    mean = torch.full((200, 2), 3.0, requires_grad=True)
    MMD()(Gaussian(mean, torch.zeros(200, 2)), Gaussian.standard()).mean().backward()
    assert (mean.grad.mean(0) > 0).all()


def overlap(variance, shift=0.0):
    """E k of 10 coordinates whose difference is N(shift, variance), with the published 2 h² = 20²."""
    return (1 + variance / 200) ** -5 * math.exp(-10 * shift**2 / (2 * (200 + variance)))


# parameters, the value of one batch by `_mmd_loss` in jacobdeasy/geometric-js, the code of Deasy et
# al. 2020, variance of mean and of logvar, and logvar's center
PUBLISHED = [
    ("posterior = prior", 0.003056, 0.0, 0.0, 0.0),
    ("mean and logvar N(0, 1)", 0.002075, 1.0, 1.0, 0.0),
    ("calibrated, s = exp(-3)", 0.3749, 1 - math.exp(-3), 0.0, -3.0),
]


@pytest.mark.parametrize(("name", "known", "var_mean", "var_logvar", "center"), PUBLISHED)
def test_the_published_mmd_has_its_known_values(name, known, var_mean, var_logvar, center):
    """10 latents, one batch of 64 against 200 draws.  Many batches: the expectation, biased by the
    pairs x = x'; and the published code's one batch is among them, times 500 too."""
    torch.manual_seed(0)
    values = []
    for _ in range(300):
        mean, logvar = torch.randn(2, 64, 10, dtype=torch.float64)
        q = Gaussian(var_mean**0.5 * mean, var_logvar**0.5 * logvar + center)
        values.append(float(PublishedMMD()(q, STANDARD).mean()))
    average, spread = statistics.mean(values), statistics.stdev(values)
    within = overlap(2 * var_mean) * overlap(2 * var_logvar), overlap(2) ** 2
    across = overlap(1 + var_mean) * overlap(1 + var_logvar, center)
    expected = sum(within) - 2 * across + (1 - within[0]) / 64 + (1 - within[1]) / 200
    assert average == pytest.approx(expected, abs=4 * spread / 300**0.5)
    assert known == pytest.approx(average, abs=2 * spread)
    assert 2 * spread < 0.6 * known


def test_published_mmd_of_a_perfect_posterior_without_the_bias():
    """The population value .002591, in closed form, is reached as the draws grow in number."""
    torch.manual_seed(0)
    zeros = torch.zeros(2, 10, dtype=torch.float64)
    values = [float(PublishedMMD(draws=4000)(Gaussian(zeros, zeros), STANDARD).mean()) for _ in range(5)]
    population = overlap(2) ** 2 + 1 - 2 * overlap(1) ** 2
    assert population == pytest.approx(0.002591, abs=5e-7)
    assert sum(values) / 5 == pytest.approx(population, abs=1e-4)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: mmd(torch.zeros(5, 2), torch.zeros(5, 3)), InvalidValue, "2 columns"),
        (lambda: mmd(torch.zeros(5), torch.zeros(5, 3)), InvalidValue, "two rows"),
        (lambda: mmd(torch.zeros(5, 2), torch.zeros(5, 2), -1.0), InvalidValue, "bandwidth"),
        (lambda: mmd(torch.zeros(5, 2), torch.zeros(5, 2), "wide"), InvalidType, "wide"),
        (lambda: MMD(bandwidth=0.0), InvalidValue, "bandwidth"),
        (lambda: PublishedMMD(draws=1), InvalidValue, "draws.*1"),
        (lambda: PublishedMMD(draws=2.5), InvalidType, "2.5"),
    ],
)
def test_bad_input_gets_one_sentence(call, error, words):
    with pytest.raises(error, match=words):
        call()
