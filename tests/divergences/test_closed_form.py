"""Closed forms against reference values, identities and quadrature.

The identities are derived here.  So are the reference values: those in two dimensions, and those in
one that have a JS, agree with Simpson quadrature of the densities to 3e-15.
"""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vaelab import FullGaussian, Gaussian, extended_geometric_js, geometric_js, geometric_mean, kl, quadrature
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.divergences import KL, GeometricJS, ReverseKL

VARIANTS = [
    (False, False),
    (False, True),
    (True, False),
    (True, True),
]  # (dual, primed): plain, primed, plain dual, primed dual


def gaussian(mean, variance):
    return Gaussian(torch.tensor([mean], dtype=torch.float64), torch.tensor([math.log(variance)], dtype=torch.float64))


def all_four(q, p, alpha):
    return [float(geometric_js(q, p, alpha, dual=dual, primed=primed)) for dual, primed in VARIANTS]


# m1, v1, m2, v2, alpha | KL(q|p), KL(p|q), plain, primed, plain dual, primed dual, JS
ONE_DIMENSION = """
-2 1   2 4   .5   2.31814718  8.80685282  1.86967822  1.86967822 0.91157178 0.91157178 0.47430741
-2 1   2 4   .25  2.31814718  8.80685282  1.55493193  0.89072213 0.53100557 1.45382506 0.47430741
-2 1   2 4   .9   2.31814718  8.80685282  0.38553643  6.93180371 0.61571357 1.96512927 0.47430741
 0 1   2 .25 .5   8.80685282  2.31814718  1.86967822  1.86967822 0.91157178 0.91157178 0.47430741
 2 .25 0 1   .3   2.31814718  8.80685282  1.71381649  0.93131556 0.62243351 1.15095937 0.47430741
.5 .1  0 1   .1   0.82629255  4.59870745  0.40791345  0.45027582 0.08033655 1.43538692 0.23082457
.5 .1  0 1   .7   0.82629255  4.59870745  0.75952541  2.10374169 0.37972459 0.48306339 0.23082457
 1 1   0 1   .3   0.50000000  0.50000000  0.10500000  0.18500000 0.10500000 0.18500000 0.11142148
 0 .25 0 9   .4   1.30564836 15.70824053  3.61286779  2.34603058 0.47046555 0.51230275 0.34067404
-5 1   5 4   .5  12.81814718 50.80685282 10.79467822 10.79467822 5.11157178 5.11157178 0.69182810
.8 .3  0 1   .4   0.57198640  1.63134693  0.34559081  0.24568857 0.18320919 0.21164144 nan
"""


@pytest.mark.parametrize("row", [list(map(float, line.split())) for line in ONE_DIMENSION.strip().splitlines()])
def test_one_dimensional_reference_values(row):
    m1, v1, m2, v2, alpha, *expected, js = row
    q, p = gaussian(m1, v1), gaussian(m2, v2)
    assert [float(kl(q, p)), float(kl(p, q)), *all_four(q, p, alpha)] == pytest.approx(expected, abs=1e-8)
    if not math.isnan(js):
        grid = quadrature.covering(q, p)
        assert float(quadrature.jensen_shannon(q.log_prob, p.log_prob, grid)) == pytest.approx(js, abs=1e-8)


EYE, SKEWED = [[1, 0], [0, 1]], [[2, 0.6], [0.6, 0.5]]
NARROW, TILTED, WIDE = [[0.05, 0], [0, 0.3]], [[1, -0.5], [-0.5, 2]], [[0.8, 0.3], [0.3, 1.5]]
TWO_DIMENSIONS = [
    ((0, 0), EYE, (1, -1), SKEWED, 0.5)
    + (3.62060645, 1.47314355, 0.80046211, 0.80046211, 0.47297539, 0.47297539),
    ((0, 0), EYE, (1, -1), SKEWED, 0.25)
    + (3.62060645, 1.47314355, 0.50079052, 1.82624075, 0.45428760, 0.78074714),
    ((0.8, -1.2), NARROW, (0, 0), EYE, 0.3)
    + (2.31485254, 17.36681413, 3.50341335, 1.61381129, 0.62973665, 1.07361982),
    ((0.8, -1.2), NARROW, (0, 0), EYE, 0.7)
    + (2.31485254, 17.36681413, 3.04967027, 8.08833901, 1.08347973, 1.36194527),
    ((-1, 2), TILTED, (2, 0), WIDE, 0.6)
    + (9.44804779, 4.77048503, 2.04919948, 1.68025675, 1.36324840, 1.58363588),
]  # fmt: skip


def full(mean, cov):
    return FullGaussian(torch.tensor([mean], dtype=torch.float64), torch.tensor([cov], dtype=torch.float64))


@pytest.mark.parametrize("row", TWO_DIMENSIONS)
def test_two_dimensional_reference_values(row):
    mean_q, cov_q, mean_p, cov_p, alpha, *expected = row
    q, p = full(mean_q, cov_q), full(mean_p, cov_p)
    assert [float(kl(q, p)), float(kl(p, q)), *all_four(q, p, alpha)] == pytest.approx(expected, abs=1e-8)


def test_limits_of_the_four_variants():
    """At both ends each is 0 or one of the two KLs; the numbers are computed for this pair."""
    q, p = gaussian(1.3, 0.2), gaussian(0, 1)
    expected = {
        (False, True): [1.249719, 0.500247, 1.168470, 2.839361, 5.420281],
        (True, True): [5.420281, 0.771159, 0.499030, 0.803100, 1.249719],
        (False, False): [0, 0.962970, 1.168470, 0.709137, 0],
        (True, False): [0, 0.287655, 0.499030, 0.541488, 0],
    }
    for (dual, primed), values in expected.items():
        got = [float(geometric_js(q, p, a, dual=dual, primed=primed)) for a in (0, 0.25, 0.5, 0.75, 1)]
        assert got == pytest.approx(values, abs=1e-6)


numbers = st.floats(-4, 4)
skews = st.floats(0, 1)


@given(numbers, numbers, numbers, numbers, skews)
@settings(max_examples=300, deadline=None)
def test_identities(mean_q, logvar_q, mean_p, logvar_p, alpha):
    """Five identities, from the definitions; J = KL(q‖p) + KL(p‖q), Z_α the mass of q^(1-α) p^α.

    1 plain = α(1-α) J + ln Z_α.  2 plain dual = -ln Z_α.
    3 primed = (1-α)² KL(q‖p) + α² KL(p‖q) + ln Z_(1-α).
    4 primed dual = (2α-1) E[ln q - ln p] - ln Z_(1-α), E over the geometric mean.
    5 each one of (q, p, α) is that of (p, q, 1-α).
    """
    q, p = gaussian(mean_q, math.exp(logvar_q)), gaussian(mean_p, math.exp(logvar_p))
    qp, pq = float(kl(q, p)), float(kl(p, q))
    plain, primed, plain_dual, primed_dual = all_four(q, p, alpha)
    close = {"rel": 1e-9, "abs": 1e-9}

    grid_log_z = -plain_dual  # 2
    assert plain == pytest.approx(alpha * (1 - alpha) * (qp + pq) + grid_log_z, **close)  # 1
    log_z_primed = -all_four(q, p, 1 - alpha)[2]
    assert primed == pytest.approx((1 - alpha) ** 2 * qp + alpha**2 * pq + log_z_primed, **close)  # 3
    g = geometric_mean(q, p, 1 - alpha)
    difference = float(kl(g, p) - kl(g, q))  # E_G[ln q - ln p]
    assert primed_dual == pytest.approx((2 * alpha - 1) * difference - log_z_primed, **close)  # 4
    assert all_four(p, q, 1 - alpha) == pytest.approx([plain, primed, plain_dual, primed_dual], **close)  # 5
    assert min(plain, primed, plain_dual, primed_dual) >= -1e-9
    assert float(kl(q, g) * alpha + kl(p, g) * (1 - alpha)) == pytest.approx(
        float(geometric_js(q, p, 1 - alpha, primed=False)), **close
    )


@given(numbers, numbers, skews)
@settings(max_examples=50, deadline=None)
def test_zero_for_equal_gaussians(mean, logvar, alpha):
    q = gaussian(mean, math.exp(logvar))
    assert all_four(q, q, alpha) == pytest.approx([0] * 4, abs=1e-12)


def test_a_thousand_random_pairs_against_quadrature():
    random = torch.Generator().manual_seed(7)
    draws = torch.rand(1000, 5, generator=random, dtype=torch.float64)
    for m1, l1, m2, l2, alpha in (draws * torch.tensor([8, 7, 8, 7, 1]) - torch.tensor([4, 4, 4, 4, 0])).tolist():
        q, p = gaussian(m1, math.exp(l1)), gaussian(m2, math.exp(l2))
        grid = quadrature.covering(q, p, widths=14)
        truth = [quadrature.kl(q.log_prob, p.log_prob, grid), quadrature.kl(p.log_prob, q.log_prob, grid)]
        for dual, primed in VARIANTS:
            truth.append(quadrature.geometric_js(q.log_prob, p.log_prob, alpha, grid, dual=dual, primed=primed))
        assert [float(kl(q, p)), float(kl(p, q)), *all_four(q, p, alpha)] == pytest.approx(
            [float(t) for t in truth], rel=1e-8, abs=1e-8
        )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("alpha", [0.0, 1e-6, 0.5, 1 - 1e-6, 1.0])
@pytest.mark.parametrize(("dual", "primed"), VARIANTS)
def test_extremes_stay_finite_with_their_gradients(dtype, alpha, dual, primed):
    values = torch.tensor([-30.0, -12.0, 0.0, 1e-9, 12.0, 30.0], dtype=dtype)
    logvar_q, logvar_p = (grid.flatten() for grid in torch.meshgrid(values, values, indexing="ij"))
    inputs = [
        torch.full_like(logvar_q, 3.0),
        logvar_q.clone(),
        torch.full_like(logvar_q, -1.0),
        logvar_p.clone(),
    ]
    inputs = [x.requires_grad_() for x in inputs]
    skew = torch.tensor(alpha, dtype=dtype, requires_grad=True)
    result = geometric_js(Gaussian(*inputs[:2]), Gaussian(*inputs[2:]), skew, dual=dual, primed=primed)
    assert torch.isfinite(result).all()
    assert (result > -1e-3).all()
    # d/dα of the dual truly exceeds the largest float32 when the variances differ by e^60
    wanted = inputs if dtype == torch.float32 else [*inputs, skew]
    assert all(torch.isfinite(g).all() for g in torch.autograd.grad(result.sum(), wanted))


@pytest.mark.parametrize(("dual", "primed"), VARIANTS)
def test_gradients_are_those_of_finite_differences(dual, primed):
    torch.manual_seed(0)
    inputs = [torch.randn(5, 3, dtype=torch.float64, requires_grad=True) for _ in range(4)]
    inputs[1] = inputs[3].detach().clone().requires_grad_()  # equal variances: the seam between the two branches
    alpha = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)

    def function(mean_q, logvar_q, mean_p, logvar_p, a):
        return geometric_js(Gaussian(mean_q, logvar_q), Gaussian(mean_p, logvar_p), a, dual=dual, primed=primed)

    assert torch.autograd.gradcheck(function, (*inputs, alpha))


def test_full_covariance_equals_the_diagonal():
    torch.manual_seed(1)
    q, p = (Gaussian(torch.randn(6, 3, dtype=torch.float64), torch.randn(6, 3, dtype=torch.float64)) for _ in range(2))
    full_q, full_p = (FullGaussian(g.mean, torch.diag_embed(g.logvar.exp())) for g in (q, p))
    alpha = torch.rand(6, dtype=torch.float64)
    for dual, primed in VARIANTS:
        torch.testing.assert_close(
            geometric_js(full_q, full_p, alpha, dual=dual, primed=primed),
            geometric_js(q, p, alpha, dual=dual, primed=primed),
        )
    z = torch.randn(6, 3, dtype=torch.float64)
    torch.testing.assert_close(full_q.log_prob(z), q.log_prob(z))
    mean, full_mean = geometric_mean(q, p, 0.3), geometric_mean(full_q, full_p, 0.3)
    torch.testing.assert_close(full_mean.cov, torch.diag_embed(mean.logvar.exp()))


def test_samples_have_the_moments_they_should():
    torch.manual_seed(0)
    cov = torch.tensor([[2.0, 0.6], [0.6, 0.5]])
    z = FullGaussian(torch.tensor([1.0, -1.0]).expand(50_000, 2), cov.expand(50_000, 2, 2)).sample()
    torch.testing.assert_close(torch.cov(z.T), cov, atol=0.05, rtol=0)
    z = Gaussian(torch.full((50_000, 1), 3.0), torch.full((50_000, 1), math.log(4.0))).sample()
    assert (float(z.mean()), float(z.var())) == pytest.approx((3, 4), abs=0.1)


def test_the_geometric_mean_averages_precisions_not_deviations():
    g = geometric_mean(gaussian(-2, 1), gaussian(2, 4), 0.5)
    assert (float(g.mean), float(g.logvar.exp().sqrt())) == pytest.approx((-1.2, 1.264911), abs=1e-6)


def test_latents_are_summed_and_the_prior_is_broadcast():
    torch.manual_seed(0)
    q = Gaussian(torch.randn(4, 2, 3), torch.randn(4, 2, 3))
    whole = geometric_js(q, Gaussian.standard(), 0.3)
    one_by_one = sum(
        geometric_js(Gaussian(q.mean[:, i, j], q.logvar[:, i, j]), Gaussian.standard(), 0.3)
        for i in range(2)
        for j in range(3)
    )
    torch.testing.assert_close(whole, one_by_one)
    assert whole.shape == (4,)
    per_sample = geometric_js(q, Gaussian.standard(), torch.tensor([0.0, 0.3, 0.5, 1.0]))
    torch.testing.assert_close(per_sample[1], whole[1])


def test_modules_compute_the_functions():
    torch.manual_seed(0)
    q, p = Gaussian(torch.randn(4, 3), torch.randn(4, 3)), Gaussian.standard()
    torch.testing.assert_close(KL()(q, p), kl(q, p))
    torch.testing.assert_close(ReverseKL()(q, p), kl(p, q))
    divergence = GeometricJS(0.2, dual=True)
    torch.testing.assert_close(divergence(q, p), geometric_js(q, p, 0.2, dual=True))
    divergence.alpha.fill_(0.9)
    torch.testing.assert_close(divergence(q, p), geometric_js(q, p, 0.9, dual=True))
    assert "alpha=0.9" in repr(divergence)
    assert divergence.state_dict().keys() == {"skew"}


def test_the_entrance_fee_of_the_dual():
    """The primed dual minus α KL tends to c(α) for small variances, a fee per informative latent.

    c(α) = ln(α)/2 + (1-α)²/(2α), the limit of the closed form.
    """
    for alpha, fee in ((0.1, 2.898707), (0.25, 0.431853), (0.5, -0.096574), (0.75, -0.102174)):
        q, p = gaussian(1.0, 1e-9), gaussian(0.0, 1.0)
        assert float(geometric_js(q, p, alpha, dual=True) - alpha * kl(q, p)) == pytest.approx(fee, abs=1e-5)


def test_the_extended_divergence_has_its_known_values():
    """Z = 0.401892, extended α(1-α) J + Z - 1 = 2.183142, gap Z - 1 - ln Z = 0.313464."""
    q, p = gaussian(-2, 1), gaussian(2, 4)
    z = math.exp(-float(geometric_js(q, p, 0.5, dual=True)))
    extended = float(extended_geometric_js(q, p, 0.5))
    got = [z, extended, extended - float(geometric_js(q, p, 0.5))]
    assert got == pytest.approx([0.401892, 2.183142, 0.313464], abs=1e-6)


@given(numbers, st.floats(-3, 3), numbers, st.floats(-3, 3), skews)
@settings(max_examples=100, deadline=None)
def test_extended_divergence_is_its_definition(mean_q, logvar_q, mean_p, logvar_p, alpha):
    """The extended KL of unnormalized densities, ∫ f ln(f/g) + g - f, on a grid."""
    q, p = gaussian(mean_q, math.exp(logvar_q)), gaussian(mean_p, math.exp(logvar_p))
    grid = quadrature.covering(q, p)
    lq, lp = q.log_prob(grid.points), p.log_prob(grid.points)

    def extended_kl(lf, lg):
        return float(grid.integrate(lf.exp() * (lf - lg) + lg.exp() - lf.exp()))

    for dual, primed in VARIANTS:
        a = 1 - alpha if primed else alpha
        mean = (1 - a) * lq + a * lp
        pairs = [(mean, lq), (mean, lp)] if dual else [(lq, mean), (lp, mean)]
        truth = (1 - alpha) * extended_kl(*pairs[0]) + alpha * extended_kl(*pairs[1])
        value = float(extended_geometric_js(q, p, alpha, dual=dual, primed=primed))
        assert value == pytest.approx(truth, rel=1e-8, abs=1e-8)
        if not dual:
            assert value >= float(geometric_js(q, p, alpha, primed=primed)) - 1e-12


def test_extended_divergence_takes_full_covariances_and_batches():
    torch.manual_seed(0)
    q, p = (Gaussian(torch.randn(6, 3, dtype=torch.float64), torch.randn(6, 3, dtype=torch.float64)) for _ in range(2))
    full_q, full_p = (FullGaussian(g.mean, torch.diag_embed(g.logvar.exp())) for g in (q, p))
    for dual, primed in VARIANTS:
        torch.testing.assert_close(
            extended_geometric_js(full_q, full_p, 0.3, dual=dual, primed=primed),
            extended_geometric_js(q, p, 0.3, dual=dual, primed=primed),
        )


def test_trainable_alpha_is_the_same_divergence_with_a_gradient():
    torch.manual_seed(0)
    q, p = Gaussian(torch.randn(4, 3), torch.randn(4, 3)), Gaussian.standard()
    fixed, trained = GeometricJS(0.3, dual=True), GeometricJS(0.3, dual=True, trainable=True)
    torch.testing.assert_close(trained(q, p), fixed(q, p))
    assert trained.state_dict().keys() == {"logit"}
    assert "trainable" in repr(trained)
    trained(q, p).mean().backward()
    step = 1e-3
    slope = (geometric_js(q, p, 0.3 + step, dual=True) - geometric_js(q, p, 0.3 - step, dual=True)).mean() / (2 * step)
    assert float(trained.logit.grad) == pytest.approx(float(slope) * 0.3 * 0.7, rel=1e-2)
    with torch.no_grad():
        trained.logit.fill_(1000.0)
    assert 0 <= trained.alpha.item() <= 1


def test_alpha_per_sample_belongs_to_the_batch_whichever_argument_is_standard():
    p, alphas = gaussian_batch(5, 2), torch.tensor([0.1, 0.9, 0.3, 0.0, 1.0], dtype=torch.float64)
    together = geometric_js(Gaussian.standard(), p, alphas)
    alone = [
        geometric_js(Gaussian.standard(), Gaussian(*(t[i : i + 1] for t in p)), float(alphas[i])) for i in range(5)
    ]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-12)


def gaussian_batch(n, d):
    generator = torch.Generator().manual_seed(0)
    return Gaussian(*(torch.randn(n, d, dtype=torch.float64, generator=generator) for _ in range(2)))


ONE, THREE_ALPHAS = Gaussian(torch.zeros(1, 3), torch.zeros(1, 3)), torch.tensor([0.2, 0.5, 0.7])
OK = Gaussian(torch.zeros(2, 3), torch.zeros(2, 3))
SMALL = Gaussian(torch.zeros(2, 1), torch.zeros(2, 1))
EYE2 = FullGaussian(torch.zeros(1, 2), torch.eye(2)[None])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: geometric_js(OK, OK, 1.5), InvalidValue, r"alpha.*\[0, 1\].*1\.5"),
        (lambda: geometric_js(OK, OK, -0.1), InvalidValue, r"-0\.1"),
        (lambda: geometric_js(OK, OK, float("nan")), InvalidValue, "nan"),
        (lambda: geometric_js(OK, OK, torch.tensor([0.2, 7.0])), InvalidValue, "7"),
        (lambda: geometric_js(OK, OK, torch.tensor([0.2, 0.3, 0.4])), InvalidValue, r"per sample.*shape \(3,\)"),
        (lambda: geometric_js(ONE, ONE, THREE_ALPHAS), InvalidValue, r"batch \(1, 3\), got shape \(3,\)"),
        (lambda: geometric_mean(ONE, ONE, THREE_ALPHAS), InvalidValue, r"batch \(1, 3\), got shape \(3,\)"),
        (lambda: extended_geometric_js(ONE, ONE, THREE_ALPHAS), InvalidValue, r"batch \(1, 3\)"),
        (lambda: geometric_js(EYE2, EYE2, THREE_ALPHAS), InvalidValue, r"batch \(1, 2\), got shape \(3,\)"),
        (lambda: geometric_js(Gaussian.standard(), OK, THREE_ALPHAS), InvalidValue, r"batch \(2, 3\)"),
        (lambda: GeometricJS(THREE_ALPHAS), InvalidValue, r"alpha must be one number, got shape \(3,\)"),
        (lambda: geometric_js(OK, OK, "half"), InvalidType, "half"),
        (lambda: geometric_js(OK, OK, True), InvalidType, "alpha must be a number or a tensor, got True"),
        (lambda: geometric_mean(OK, OK, 2), InvalidValue, "2"),
        (lambda: GeometricJS(3.0), InvalidValue, "3"),
        (lambda: kl(OK, SMALL), InvalidValue, r"\(2, 3\).*\(2, 1\)"),
        (lambda: kl(Gaussian(torch.zeros(2), torch.zeros(3)), OK), InvalidValue, r"q\.logvar.*\(2,\).*\(3,\)"),
        (lambda: kl(Gaussian(OK.mean + math.inf, OK.logvar), OK), InvalidValue, r"q\.mean must be finite, got inf"),
        (lambda: kl(OK, Gaussian(OK.mean, OK.logvar * math.nan)), InvalidValue, r"p\.logvar must be finite, got nan"),
        (lambda: kl(Gaussian([0.0], [0.0]), OK), InvalidType, "list"),
        (lambda: kl(Gaussian(torch.zeros(2, 3, dtype=torch.long), torch.zeros(2, 3)), OK), InvalidType, "int64"),
        (lambda: kl((0, 1), OK), InvalidType, r"got \(0, 1\)"),
        (lambda: kl(OK, EYE2), InvalidType, "one kind"),
        (lambda: kl(EYE2, FullGaussian(torch.zeros(1, 2), -torch.eye(2)[None])), InvalidValue, "positive definite"),
        (lambda: kl(EYE2, FullGaussian(torch.zeros(1, 2), torch.ones(1, 2, 2).triu())), InvalidValue, "symmetric"),
        (lambda: kl(EYE2, FullGaussian(torch.zeros(1, 2), torch.eye(3)[None])), InvalidValue, r"\[b, d, d\]"),
        (lambda: GeometricJS(0.0, trainable=True), InvalidValue, r"inside \(0, 1\) if trainable, got 0"),
        (lambda: GeometricJS(1.0, trainable=True), InvalidValue, r"inside \(0, 1\) if trainable, got 1"),
        (lambda: extended_geometric_js(OK, OK, 1.5), InvalidValue, r"1\.5"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_sentence(call, error, words):
    with pytest.raises(error, match=words) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")


@given(numbers, skews)
@settings(max_examples=50, deadline=None)
def test_equal_widths_are_a_beta_vae(mean, alpha):
    """At s = 1, both primed ones are KL times 1 - 3α(1-α), both plain ones KL times α(1-α)."""
    q, p = gaussian(mean, 1.0), gaussian(0.0, 1.0)
    plain, primed, plain_dual, primed_dual = all_four(q, p, alpha)
    beta = 1 - 3 * alpha * (1 - alpha)
    assert [primed, primed_dual] == pytest.approx([beta * mean**2 / 2] * 2, rel=1e-9, abs=1e-12)
    assert [plain, plain_dual] == pytest.approx([alpha * (1 - alpha) * mean**2 / 2] * 2, rel=1e-9, abs=1e-12)


@given(numbers, st.floats(-6, 4), skews)
@settings(max_examples=200, deadline=None)
def test_the_simplified_forms_against_a_standard_normal(mean, logvar, alpha):
    """Per dimension; derived here from the sums of KLs."""
    s, m2, a, b = math.exp(logvar), mean**2, alpha, 1 - alpha
    A, An = a + b * s, b + a * s
    expected = [
        -math.log(An) + a * logvar - 1 + b * An + a * An / s + m2 / An * (a**2 * b * s + a * b**2 / s),
        -math.log(A) + a * logvar - 1 + b * A + a * A / s + m2 / A * (b**3 * s + a**3 / s),
        math.log(An) - a * logvar + a * b * m2 / An,
        math.log(A) - a * logvar - 1 + (b + a * s) / A + m2 * (b**3 * s + a**3) / A**2,
    ]
    got = all_four(gaussian(mean, s), gaussian(0.0, 1.0), alpha)
    assert got == pytest.approx([value / 2 for value in expected], rel=1e-9, abs=1e-9)
