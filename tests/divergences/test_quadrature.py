"""Quadrature against closed forms and Monte Carlo on densities whose divergences are known."""

import math

import pytest
import torch
from torch.distributions import Categorical, MixtureSameFamily, Normal

from vaelab import Gaussian, geometric_js, kl, quadrature
from vaelab._utils.errors import InvalidValue
from vaelab.divergences.quadrature import Estimate

Q, P = Normal(-2.0, 1.0), Normal(2.0, 2.0)
GRID = quadrature.line(-40, 40, 8001)


def pair():
    return (
        Gaussian(torch.tensor([-2.0], dtype=torch.float64), torch.zeros(1, dtype=torch.float64)),
        Gaussian(torch.tensor([2.0], dtype=torch.float64), torch.tensor([math.log(4.0)], dtype=torch.float64)),
    )


def monte_carlo_kl(q, p, n):
    """KL(q‖p) from n draws of q."""
    z = q.sample((n,))
    ratio = q.log_prob(z) - p.log_prob(z)
    return Estimate(float(ratio.mean()), float(ratio.std() / n**0.5))


def monte_carlo_geometric_js(q, p, alpha, n, *, dual=False, primed=True):
    """`geometric_js` from n draws of q and n of p; its standard error by the delta method.

    Z_a and averages under G_a use all 2n draws, weighted by their ratio to (q+p)/2, which is bounded.
    """
    a, mean_weight = alpha, 1 - alpha if primed else alpha
    zq, zp = q.sample((n,)), p.sample((n,))
    lq, lp = (torch.stack([f.log_prob(zq), f.log_prob(zp)]) for f in (q, p))  # [2, n]
    ratio = ((1 - mean_weight) * lq + mean_weight * lp - torch.logaddexp(lq, lp) + math.log(2)).exp()
    z, difference = ratio.mean(), lq - lp
    if dual:
        # E_G[(1-α)(ln G - ln q) + α(ln G - ln p)], where ln G = (1-a) ln q + a ln p - ln Z
        slope = a - mean_weight
        tilt = (ratio * difference).mean() / z
        value = slope * tilt - z.log()
        influence = (slope * ratio * (difference - tilt) - ratio) / z / 2
    else:
        kl_weights = ((1 - a) ** 2, a**2) if primed else (a * (1 - a),) * 2
        own = torch.stack([kl_weights[0] * difference[0], -kl_weights[1] * difference[1]])
        value = own.mean(1).sum() + z.log()
        influence = own + ratio / z / 2
    return Estimate(float(value), float((influence.var(1).sum() / n).sqrt()))


def test_simpson_is_exact_for_cubics():
    grid = quadrature.line(-1, 3, 3)
    assert float(grid.integrate(grid.points**3 - grid.points)) == pytest.approx(20 - 4, abs=1e-12)
    plane = quadrature.plane(0, 2, 5)
    assert float(plane.integrate(plane.points[:, 0] ** 3 * plane.points[:, 1])) == pytest.approx(4 * 2, abs=1e-12)


def test_two_dimensions_meet_the_closed_form():
    torch.manual_seed(0)
    q, p = (Gaussian(torch.randn(1, 2, dtype=torch.float64), torch.randn(1, 2, dtype=torch.float64)) for _ in range(2))
    grid = quadrature.plane(-25, 25, 501)
    for dual in (False, True):
        assert float(quadrature.geometric_js(q.log_prob, p.log_prob, 0.3, grid, dual=dual)) == pytest.approx(
            float(geometric_js(q, p, 0.3, dual=dual)), abs=1e-8
        )


def test_jensen_shannon_is_bounded_and_the_geometric_one_is_not():
    far_q, far_p = Normal(-5.0, 1.0), Normal(5.0, 2.0)
    assert float(quadrature.jensen_shannon(far_q.log_prob, far_p.log_prob, GRID)) < math.log(2)
    assert float(quadrature.geometric_js(far_q.log_prob, far_p.log_prob, 0.5, GRID)) > 10


def test_a_mixture_has_no_closed_form_and_needs_none():
    mixture = MixtureSameFamily(
        Categorical(torch.tensor([0.3, 0.7])), Normal(torch.tensor([-2.0, 2.0]), torch.tensor([0.5, 1.0]))
    )
    value = float(quadrature.kl(mixture.log_prob, P.log_prob, GRID))
    estimate = monte_carlo_kl(mixture, P, 200_000)
    assert abs(estimate.value - value) < 4 * estimate.standard_error < 0.05


@pytest.mark.parametrize("alpha", [0.0, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("primed", [False, True])
@pytest.mark.parametrize("dual", [False, True])
def test_monte_carlo_meets_the_closed_form_within_its_own_error(alpha, primed, dual):
    torch.manual_seed(1)
    q, p = pair()
    estimate = monte_carlo_geometric_js(Q, P, alpha, 200_000, dual=dual, primed=primed)
    error = abs(estimate.value - float(geometric_js(q, p, alpha, dual=dual, primed=primed)))
    assert error <= 4.5 * estimate.standard_error + 1e-6
    assert estimate.standard_error < 0.06


def test_the_stated_standard_error_is_the_real_one():
    torch.manual_seed(2)
    for dual in (False, True):
        runs = [monte_carlo_geometric_js(Q, P, 0.3, 2000, dual=dual) for _ in range(200)]
        values = torch.tensor([run.value for run in runs])
        stated = sum(run.standard_error for run in runs) / len(runs)
        assert float(values.std()) == pytest.approx(stated, rel=0.25)


def test_integrals_are_differentiable():
    mean = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    q, p = Gaussian(mean, torch.zeros(1, dtype=torch.float64)), Gaussian.standard(mean)
    (got,) = torch.autograd.grad(
        quadrature.kl(q.log_prob, Gaussian(torch.zeros_like(mean), torch.zeros_like(mean)).log_prob, GRID),
        mean,
    )
    (expected,) = torch.autograd.grad(kl(q, p).sum(), mean)
    torch.testing.assert_close(got, expected)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: quadrature.kl(Q.log_prob, P.log_prob, quadrature.line(-3, 3, 101)), "q must integrate to 1, got"),
        (lambda: quadrature.kl(lambda z: Q.log_prob(z)[:5], P.log_prob, GRID), r"\(5,\)"),
        (lambda: quadrature.kl(lambda z: torch.full_like(z, math.nan), P.log_prob, GRID), "nan"),
        (lambda: quadrature.line(1, 1), "low < high"),
        (lambda: quadrature.line(0, 1, 10), "odd"),
        (lambda: quadrature.geometric_js(Q.log_prob, P.log_prob, 1.2, GRID), "1.2"),
        (
            lambda: quadrature.geometric_js(Q.log_prob, P.log_prob, torch.full((8001,), 0.5), GRID),
            r"alpha must be one number, got shape \(8001,\)",
        ),
        (
            lambda: quadrature.covering(Gaussian(torch.zeros(1), torch.tensor([-30.0])), Gaussian.standard()),
            r"1e\+07 points",
        ),
    ],
)
def test_bad_input_gets_one_sentence(call, words):
    with pytest.raises(InvalidValue, match=words):
        call()
