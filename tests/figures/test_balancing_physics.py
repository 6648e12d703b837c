"""Laws that the committed tables of the balancing figures obey."""

import numpy as np
import pytest

from tests.figures.test_physics import grouped, table

LEARNED, FASTER = "learned, the network's rate", "learned, 10 × its rate"
A, B_FROM_1, B = "computed, rule A, from 1", "computed, rule B, from 1", "computed, rule B, from the data"
OPTIMAL = "optimum of the batch"
SELF_SET = (FASTER, A, B_FROM_1, B, OPTIMAL)


def path(rows, method, value):
    """Mean over seeds per step: steps, values."""
    found = grouped([row for row in rows if row["label"] == method], "step", value=value)
    steps = sorted(int(step) for (step,) in found)
    return np.array(steps), np.array([found[(str(step),)].mean() for step in steps])


def at(rows, method, value, step):
    steps, values = path(rows, method, value)
    return float(np.interp(step, steps, values))


def test_the_ratchet_is_as_steep_as_simulated():
    """Against a simulation of the rules by themselves, on errors of mean 1."""
    rows = table("gam-ratchet")
    last = [row for row in rows if row["step"] == "10000"]
    end = grouped(last, "spread", "rule", value="variance")
    for spread, a, b in (("0.02", 0.955, 0.996), ("0.05", 0.891, 0.991), ("0.1", 0.793, 0.983), ("0.2", 0.627, 0.954)):
        found = {rule: float(end[spread, rule][0]) for rule in "ABC"}
        assert found["A"] < found["B"] <= found["C"]
        assert (found["A"], found["B"], found["C"]) == pytest.approx((a, b, 1), abs=0.01)


def test_a_learned_gamma_falls_at_its_learning_rate_and_a_computed_one_with_its_mean():
    rows = table("gam-gamma")
    steps, variance = path(rows, LEARNED, "variance")
    assert (np.log(variance) >= -2.05 * 1e-3 * steps - 1e-6).all(), "no faster than Adam"
    assert np.log(at(rows, LEARNED, "variance", 1000)) == pytest.approx(-2.0, rel=0.15)
    for method in SELF_SET:
        assert at(rows, method, "variance", 2000) == pytest.approx(0.015, rel=0.12), method
    assert at(rows, A, "variance", 300) > 0.08, "from 1 the mean takes hundreds of steps"
    assert at(rows, OPTIMAL, "variance", 60) < 0.08
    assert at(rows, B, "variance", 1) == pytest.approx(0.067, abs=0.003), "the variance of the data"
    assert path(rows, "fixed 0.1", "variance")[1] == pytest.approx(0.1)


def test_the_error_follows_gamma_and_the_divergence_grows():
    error, nats = table("gam-error"), table("gam-kl")
    for method in SELF_SET:
        assert at(error, method, "mse", 700) < 0.8 * at(error, LEARNED, "mse", 700), method
        assert at(nats, method, "divergence", 2000) > 2 * at(nats, method, "divergence", 100), method
    assert at(nats, LEARNED, "divergence", 100) < 3 < 10 < at(nats, B, "divergence", 100)
    assert at(nats, LEARNED, "divergence", 2000) > 10 * at(nats, LEARNED, "divergence", 100)


def test_the_balance_is_half_a_nat_per_pixel():
    rows = table("gam-parts")
    for method, near in ((B, True), (B_FROM_1, True), (OPTIMAL, True), (LEARNED, False), ("fixed 0.1", False)):
        steps, ratio = path(rows, method, "reconstruction_over_half_d")
        late = steps > 0.75 * steps[-1]
        assert (abs(np.average(ratio[late], weights=np.diff(steps, prepend=0)[late]) - 1) < 0.05) == near, method


def test_adaptive_gammas_end_at_their_error_near_the_crossing_of_fixed_ones():
    rows = table("gam-crossing")
    variance = grouped(rows, "label", value="variance")
    error = grouped(rows, "label", value="error_sampled")
    fixed = sorted((float(variance[key].mean()), float(error[key].mean())) for key in variance if "fixed" in key[0])
    x, y = np.log(np.array(fixed)).T
    assert (np.diff(y) > -0.01).all(), "more noise, more error"
    crossing = np.exp(np.interp(0, (x - y), x))
    for method in SELF_SET:
        assert variance[(method,)].mean() == pytest.approx(crossing, rel=0.2), method
        assert error[(method,)].mean() == pytest.approx(variance[(method,)].mean(), rel=0.1), method
    assert variance[(LEARNED,)].mean() > 1.5 * crossing, "not yet converged"


def test_samples_have_a_best_fixed_gamma_which_no_adaptive_one_reaches():
    rows = table("gam-score")
    samples, rebuilt = (grouped(rows, "label", value=f"score_{name}") for name in ("sampled", "rebuilt"))
    order = [f"fixed {variance}" for variance in ("0.001", "0.003", "0.01", "0.02", "0.05", "0.1", "0.3", "1")]
    valley = np.array([samples[(name,)].mean() for name in order])
    assert 0 < valley.argmin() < len(order) - 1
    assert min(valley[0], valley[-1]) > 1.3 * valley.min()
    assert rebuilt[("fixed 1",)].mean() > 5 * rebuilt[("fixed 0.02",)].mean()
    assert all(samples[(method,)].min() > valley.min() for method in (LEARNED, *SELF_SET))


def test_the_law_holds_where_training_has_converged():
    rows = table("gam-law")
    total = grouped(rows, "label", value="total")
    assert np.abs(total[("fixed 0.3",)] - 1).max() < 0.1
    assert abs(total[("fixed 0.05",)].mean() - 1) < 0.1
    gap = {name: abs(total[(name,)].mean() - 1) for name in ("fixed 0.3", "fixed 0.05", "fixed 0.003")}
    assert gap["fixed 0.3"] < gap["fixed 0.05"] < gap["fixed 0.003"], "the smaller gamma, the later it converges"


def test_blur_is_lost_variance_where_z_is_drawn():
    rows = table("gam-variance-loss")
    for row in rows:
        lost, error, covariance, bias = (float(row[name]) for name in ("lost", "error", "covariance", "bias"))
        assert lost == pytest.approx(error - bias + 2 * covariance, abs=1e-6)
        if row["z"] == "z drawn":
            assert lost == pytest.approx(error, rel=0.2)
    some = [row for row in rows if row["variance"] == "0.3"]
    share = {
        where: [float(r["lost"]) / float(r["error"]) for r in some if r["z"] == where]
        for where in ("z drawn", "z at its mean")
    }
    assert min(share["z at its mean"]) > 1.2 > max(share["z drawn"])


def test_a_smaller_gamma_sharpens_reconstructions_and_spoils_samples():
    rows = table("gam-strip")
    error = {key[0]: v.mean() for key, v in grouped(rows, "label", value="squared_error").items()}
    score = {key[0]: v.mean() for key, v in grouped(rows, "label", value="score").items()}
    assert error["fixed 1"] > 1.3 * error["fixed 0.1"] > 1.3 * 0.9 * error["fixed 0.001"]
    assert score["fixed 0.001"] > 2 * score["fixed 0.3"]


def test_families_are_near_or_below_the_fixed_gammas_and_at_their_targets():
    rows = table("gam-families")
    rate = {key[0]: v.mean() for key, v in grouped(rows, "label", value="rate").items()}
    error = {key[0]: v.mean() for key, v in grouped(rows, "label", value="error_sampled").items()}
    fixed = sorted((rate[name], error[name]) for name in rate if name.startswith("fixed"))
    curve = np.array(fixed)
    for name in rate:
        on_curve = np.interp(rate[name], *curve.T)
        assert 0.85 * on_curve < error[name] < 1.05 * on_curve, name
    assert rate["ControlVAE, 50 nats"] == pytest.approx(50, rel=0.05)
    assert error["GECO, κ² = 0.015"] == pytest.approx(0.015, rel=0.05)
    assert rate["computed, rule B, k = 4"] < 0.7 * rate[B]
    for name in ("linear annealing, 1000 steps", "cyclical annealing, 500 steps"):
        assert rate[name] == pytest.approx(rate["fixed 0.1"], rel=0.05), "annealing ends as the plain VAE"


def test_computed_gammas_lead_until_the_learned_one_converges():
    """With z drawn, rules from 1 need half of 1,000 steps; at 2,000 hardly fewer than all."""
    rows = table("gam-race")
    drawn = {
        method: {int(r["step"]): float(r["share_drawn"]) for r in rows if r["label"] == method and r["share_drawn"]}
        for method in (A, B_FROM_1, B, OPTIMAL, FASTER)
    }
    for method, shares in drawn.items():
        assert shares[600] < 0.6, method
        assert shares[600] < shares.get(1800, 1.0), method
    assert drawn[FASTER][600] < drawn[B_FROM_1][600], "with ten times the rate the learned one is first"
    final = grouped([r for r in rows if r["step"] == "1520"], "label", value="held")
    assert all(final[(method,)].max() < final[(LEARNED,)].mean() for method in (A, B_FROM_1))


def test_on_cifar_half_of_the_steps_is_enough_until_the_learned_gamma_converges():
    rows = [row for row in table("gam-race-cifar10") if row["label"] == B]
    for step, enough in (("600", True), ("1200", True), ("2400", False), ("3000", False)):
        shares = [row["share_of_learned_steps"] for row in rows if row["step"] == step]
        assert len(shares) == 3
        assert all(share and float(share) < 0.5 for share in shares) == enough, step


def test_on_fashion_half_of_a_thousand_steps_is_enough():
    rows = [row for row in table("gam-race-fashion") if row["step"] == "1000" and row["share_drawn"]]
    for which in ("share_of_learned_steps", "share_drawn"):
        shares = grouped(rows, "label", value=which)
        assert shares[(B,)].mean() < 0.5, which
        assert shares[(OPTIMAL,)].mean() < 0.5, which
