"""Which variance each divergence leads to, and what it rests on; derived here."""

import math

import pytest
import torch
from scipy.optimize import minimize_scalar

from vaelab import MMD, Gaussian, geometric_js, kl
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.divergences import KL, GeometricJS, ReverseKL
from vaelab.posterior.variance_law import _average_divergence, optimal_scale, predicted_variance, scale_gradient

# R, KL, KL(p|q), primed .1 .5 .9, dual .1 .3 .5 .9; by a grid search over 220,001 scales
TABLE = """
1   1   2   0.917  1.532 2.240 1.612 1.155 1.236 1.058
5.7 1   6.7 0.794  3.842 98.38 1.322 0.883 1.141 1.029
20  1  21   1.031 10.16  380.4 0.672 0.862 1.047 1.010
100 1 101   2.408 43.67  1938  0.587 0.941 1.010 1.002
"""
DIVERGENCES = [
    KL(),
    ReverseKL(),
    *(GeometricJS(a).double() for a in (0.1, 0.5, 0.9)),
    *(GeometricJS(a, dual=True).double() for a in (0.1, 0.3, 0.5, 0.9)),
]


@pytest.mark.parametrize("line", TABLE.strip().splitlines())
def test_the_whole_table_of_laws(line):
    ratio, *printed = line.split()
    for divergence, text in zip(DIVERGENCES, printed, strict=True):
        half_a_digit = 0.51 * 10.0 ** -len(text.partition(".")[2])
        assert predicted_variance(divergence, float(ratio)) == pytest.approx(float(text), abs=half_a_digit), divergence


@pytest.mark.parametrize("ratio", [0.01, 1.0, 3.7, 1e4])
def test_the_two_ends_are_exact(ratio):
    """Minimize (R s + s - ln s)/2: s = 1/(1+R).  The other way (R + 1/s + ln s)/2: s = 1."""
    assert predicted_variance(kl, ratio) == pytest.approx(1, rel=1e-6)
    assert predicted_variance(lambda q, p: kl(p, q), ratio) == pytest.approx(1 + ratio, rel=1e-6)
    assert predicted_variance(lambda q, p: 7 * geometric_js(q, p, 1.0, dual=True), ratio) == pytest.approx(1, rel=1e-6)


def test_wide_and_narrow_latents_are_found_too():
    """The squared 2-Wasserstein distance prefers s = (1+R)^-2, and so V = 1/(1+R), however far off that is."""

    def wasserstein(q, p):
        return (q.mean**2 + (torch.exp(0.5 * q.logvar) - 1) ** 2).sum(-1)

    for ratio in (1e-3, 3000.0, 1e5):
        assert predicted_variance(kl, ratio) == pytest.approx(1, rel=1e-6)
        assert predicted_variance(wasserstein, ratio) == pytest.approx(1 / (1 + ratio), rel=1e-4)
    assert predicted_variance(kl, 1e7) == pytest.approx(1, rel=1e-6)


def test_a_divergence_of_one_s_own_and_a_formula_for_it():
    """Every image pulls mean² + s toward c: the average is s² (3R² + 2R + 1) - 2 c V + c²."""
    ratio, c = 2.0, 3.0

    def squared(q, p):
        return ((q.mean**2 + q.logvar.exp() - c) ** 2).sum(-1)

    s = c * (1 + ratio) / (3 * ratio**2 + 2 * ratio + 1)
    assert predicted_variance(squared, ratio) == pytest.approx((1 + ratio) * s, rel=1e-6)


def test_the_average_is_the_one_over_images():
    torch.manual_seed(0)
    log_s = torch.tensor([-2.0], dtype=torch.float64)
    means = torch.randn(400_000, dtype=torch.float64) * (3 * log_s.exp()).sqrt()
    q = Gaussian(means, log_s.expand(len(means)))
    for divergence in (DIVERGENCES[2], DIVERGENCES[-1]):
        sampled = divergence(q, Gaussian.standard(means)).mean()
        assert float(_average_divergence(divergence, 3.0, log_s)) == pytest.approx(float(sampled), rel=5e-3)


def gaussian_means(n=2001):
    """Quantiles of N(0, 1), of variance exactly 1: every divergence here is a square in the mean, so they suffice."""
    x = math.sqrt(2) * torch.erfinv((2 * torch.arange(n).double() + 1) / n - 1)[:, None]
    return x / x.std(correction=0)


@pytest.mark.parametrize("ratio", [1.0, 5.7, 20.0, 100.0])
@pytest.mark.parametrize("divergence", DIVERGENCES, ids=str)
def test_the_predicted_variance_is_met_by_a_search_over_the_scale(divergence, ratio):
    mean = gaussian_means() * math.sqrt(ratio)

    def value(log_s):
        q = Gaussian(mean * math.exp(0.5 * log_s), torch.full_like(mean, log_s))
        return float(divergence(q, Gaussian.standard(mean)).mean())

    found = minimize_scalar(value, bounds=(-12.0, 12.0), method="bounded", options={"xatol": 1e-8})
    predicted = predicted_variance(divergence, ratio)
    assert (1 + ratio) * math.exp(found.x) == pytest.approx(predicted, rel=1e-3)
    log_s = torch.full_like(mean, math.log(predicted / (1 + ratio)))
    eval_mode = mean * torch.exp(0.5 * log_s)
    assert abs(float(scale_gradient(divergence, eval_mode, log_s))) < 1e-3 * (1 + value(float(log_s[0])))
    assert float(optimal_scale(divergence, eval_mode, log_s)) == pytest.approx(1, abs=1e-3)


def posteriors(n=300, d=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    mean, logvar = (torch.randn(n, d, dtype=torch.float64, generator=generator) for _ in range(2))
    return 1.4 * mean + 0.3, logvar - 1


def test_the_law_of_kl_and_of_its_reverse():
    mean, logvar = posteriors()
    second, precision = (mean**2 + logvar.exp()).mean(0), torch.exp(-logvar).mean(0)
    torch.testing.assert_close(scale_gradient(kl, mean, logvar), second - 1)
    torch.testing.assert_close(scale_gradient(ReverseKL(), mean, logvar), 1 - precision)
    torch.testing.assert_close(optimal_scale(kl, mean, logvar), second.rsqrt())
    torch.testing.assert_close(optimal_scale(ReverseKL(), mean, logvar), precision.sqrt())


def custom(q, p):
    """Squared 2-Wasserstein distance plus a quarter of KL."""
    return ((q.mean - p.mean) ** 2 + (torch.exp(0.5 * q.logvar) - torch.exp(0.5 * p.logvar)) ** 2).sum(1) + kl(q, p) / 4


@pytest.mark.parametrize("divergence", [*DIVERGENCES, custom], ids=[*map(str, DIVERGENCES), "custom"])
def test_the_slope_is_the_derivative_by_the_scale(divergence):
    mean, logvar = posteriors()
    prior, step = Gaussian.standard(mean), 1e-5
    for k in range(mean.shape[1]):
        bump = torch.zeros(mean.shape[1], dtype=torch.float64)
        bump[k] = step
        ends = [divergence(Gaussian(mean * t.exp(), logvar + 2 * t), prior).mean() for t in (bump, -bump)]
        truth = float(ends[0] - ends[1]) / (2 * step)
        assert float(scale_gradient(divergence, mean, logvar)[k]) == pytest.approx(truth, rel=1e-6, abs=1e-6)
    scale = optimal_scale(divergence, mean, logvar)
    rest = scale_gradient(divergence, mean * scale, logvar + 2 * scale.log())
    assert float(rest.abs().max()) < 1e-9 * (1 + float(divergence(Gaussian(mean, logvar), prior).mean()))


def test_a_statistic_of_the_batch_has_a_law_too():
    """MMD asks that Q be the prior, whatever each q is: too wide, too narrow, and about right."""
    torch.manual_seed(0)
    mean, logvar = posteriors(2000, 1)
    mean, logvar = mean - mean.mean(0), logvar.mean(0).expand_as(logvar)
    width = (mean.var(0, correction=0) + logvar[0].exp()).sqrt()
    slopes = [
        float(scale_gradient(MMD(), mean / width * c, logvar + 2 * torch.log(c / width)))
        for c in torch.tensor([0.5, 1.0, 2.0]).double()
    ]
    assert slopes[0] < -0.02
    assert slopes[2] > 0.02
    assert abs(slopes[1]) < 0.01


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: predicted_variance(kl, -1.0), InvalidValue, "ratio.*-1"),
        (lambda: predicted_variance(kl, "big"), InvalidType, "big"),
        (lambda: predicted_variance(lambda q, p: geometric_js(q, p, 1.0, primed=False), 2.0), InvalidValue, "R = 2"),
        (lambda: predicted_variance(lambda q, p: q.logvar.sum(-1), 2.0), InvalidValue, "must have a minimum"),
        (lambda: predicted_variance(lambda q, p: q.logvar, 2.0), InvalidType, r"\.sum\(-1\)"),
        (lambda: predicted_variance("kl", 2.0), InvalidType, "divergence must be a function, got 'kl'"),
        (lambda: scale_gradient(lambda q, p: q.mean**2, *posteriors()), InvalidType, r"\.sum\(-1\)"),
        (lambda: scale_gradient(kl, torch.zeros(0, 3), torch.zeros(0, 3)), InvalidValue, "at least one image"),
        (lambda: optimal_scale(lambda q, p: q.logvar.sum(1), *posteriors()), InvalidValue, "must have a minimum"),
        (lambda: optimal_scale(lambda q, p: q.mean.sum(1), *posteriors()), InvalidValue, "must have a minimum"),
        (lambda: scale_gradient(kl, torch.zeros(3), torch.zeros(3)), InvalidValue, r"\[n, d\]"),
        (lambda: scale_gradient(kl, [0.0], [0.0]), InvalidType, "torch tensor"),
    ],
)
def test_bad_input_gets_one_sentence(call, error, words):
    with pytest.raises(error, match=words):
        call()
