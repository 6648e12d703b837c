"""Which variance each divergence leads to (paper sheet 1, section 1.7), and what it rests on."""

import pytest
import torch

from vaelab import Gaussian, geometric_js, kl
from vaelab.divergences import KL, GeometricJS, ReverseKL
from vaelab.errors import InvalidType, InvalidValue
from vaelab.variance_law import average, predicted_variance

# R, KL, KL(p|q), primed .1 .5 .9, dual .1 .3 .5 .9
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
def test_the_whole_table_of_the_sheet(line):
    ratio, *printed = line.split()
    for divergence, text in zip(DIVERGENCES, printed, strict=True):
        half_a_digit = 0.51 * 10.0 ** -len(text.partition(".")[2])
        assert predicted_variance(divergence, float(ratio)) == pytest.approx(float(text), abs=half_a_digit), divergence


@pytest.mark.parametrize("ratio", [0.01, 1.0, 3.7, 1e4])
def test_the_two_ends_are_exact(ratio):
    """Minimise (R s + s - ln s)/2: s = 1/(1+R).  The other way (R + 1/s + ln s)/2: s = 1."""
    assert predicted_variance(kl, ratio) == pytest.approx(1, rel=1e-6)
    assert predicted_variance(lambda q, p: kl(p, q), ratio) == pytest.approx(1 + ratio, rel=1e-6)
    assert predicted_variance(lambda q, p: 7 * geometric_js(q, p, 1.0, dual=True), ratio) == pytest.approx(1, rel=1e-6)


def test_a_divergence_of_one_s_own_and_a_formula_for_it():
    """Every image pulls mean² + s towards c: the average is s² (3R² + 2R + 1) - 2 c V + c²."""
    ratio, c = 2.0, 3.0

    def squared(q, p):
        return (q.mean**2 + q.logvar.exp() - c) ** 2

    s = c * (1 + ratio) / (3 * ratio**2 + 2 * ratio + 1)
    assert predicted_variance(squared, ratio) == pytest.approx((1 + ratio) * s, rel=1e-6)


def test_the_average_is_the_one_over_images():
    torch.manual_seed(0)
    log_s = torch.tensor([-2.0], dtype=torch.float64)
    means = torch.randn(400_000, dtype=torch.float64) * (3 * log_s.exp()).sqrt()
    q = Gaussian(means, log_s.expand(len(means)))
    for divergence in (DIVERGENCES[2], DIVERGENCES[-1]):
        sampled = divergence(q, Gaussian.standard(means)).mean()
        assert float(average(divergence, 3.0, log_s)) == pytest.approx(float(sampled), rel=5e-3)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: predicted_variance(kl, -1.0), InvalidValue, "ratio.*-1"),
        (lambda: predicted_variance(kl, "big"), InvalidType, "big"),
        (lambda: predicted_variance(lambda q, p: geometric_js(q, p, 1.0, primed=False), 2.0), InvalidValue, "R = 2"),
        (lambda: predicted_variance(lambda q, p: q.logvar, 2.0), InvalidValue, "no minimum"),
    ],
)
def test_bad_input_gets_one_sentence(call, error, words):
    with pytest.raises(error, match=words):
        call()
