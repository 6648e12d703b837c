"""The balancing figures on small data: their numbers, and that every picture can be drawn."""

import numpy as np
import pytest

from figures.balancing import endpoints, methods, race, trainings
from figures.balancing.methods import BalancingMethod
from figures.balancing.styles import line_style
from figures.balancing.trainings import compute_curves, compute_endpoints, train_methods
from figures.balancing.variance import count_active
from figures.registry import FIGURES
from tests.figures.helpers import draw, table

crossing = FIGURES["gam-crossing"]
error_path = FIGURES["gam-error"]
families = FIGURES["gam-families"]
gamma_path = FIGURES["gam-gamma"]
grids = FIGURES["gam-strip"]
kl_path = FIGURES["gam-kl"]
law = FIGURES["gam-law"]
loss_parts = FIGURES["gam-parts"]
race_figure = FIGURES["gam-race"]
ratchet = FIGURES["gam-ratchet"]
score = FIGURES["gam-score"]
variance_loss = FIGURES["gam-variance-loss"]

SMALL = {"data": "digits", "network": "mlp", "hidden": (16,), "latent": 3, "steps": 60, "batch_size": 50, "lr": 3e-3}


pytestmark = pytest.mark.usefixtures("shared_cache")


def test_gamma_stays_at_its_start_while_the_first_errors_raise_the_mean():
    """gamma² is the variance of the data until the running mean is below it again."""
    n = train_methods([methods.B], "cpu", 1, **SMALL).numbers
    variance, mse = n["variance"][0, 0], n["mse"][0, 0]
    start = variance[0]
    assert mse[0] > 1.2 * start
    steps = int(np.argmax(variance < 0.999 * start)) or len(variance)
    assert steps > 10


def test_the_text_of_the_kl_curves_reports_the_overshoot():
    n = {"label": np.array(["a"]), "step": np.array([1, 25, 100, 2000]), "divergence": np.array([[[0.1, 74, 9, 50]]])}
    assert "Highest within the first 100 steps: a: 74" in kl_path.alt(n)


def test_every_step_of_the_balance_is_recorded():
    n = train_methods([methods.B, methods.fixed(0.04)], "cpu", 1, **SMALL).numbers
    steps = SMALL["steps"]
    assert all(n[name].shape == (2, 1, steps) for name in ("variance", "mse", "divergence", "strength"))
    assert (n["steps_seen"][..., -1] == steps).all()
    assert n["held"].shape == n["steps_seen"].shape
    assert n["error"] == pytest.approx(n["held"][..., -1], rel=1e-4)
    assert n["fixed"].tolist() == [False, True]
    assert n["variance"][1, 0] == pytest.approx(np.full(steps, 0.04))
    variance, mse = n["variance"][0, 0], n["mse"][0, 0]
    running = np.float64(variance[0])
    for k in range(1, 6):
        running = min(running, 0.99 * running + 0.01 * mse[k])
        assert variance[k] == pytest.approx(running, rel=1e-4)


def test_the_numbers_over_the_steps_are_means_between_the_points():
    result = compute_curves("cpu", seeds=1, methods=[methods.B, methods.LEARNED], variances=[0.1], **SMALL)
    n, mse = result.numbers, train_methods([methods.B], "cpu", 1, **SMALL).numbers["mse"][0, 0]
    assert list(n["label"]) == [methods.label(m) for m in (methods.B, methods.LEARNED, methods.fixed(0.1))]
    end = np.flatnonzero(n["step"] == 60)[0]
    assert n["mse"][0, 0, end] == pytest.approx(mse[n["step"][end - 1] : 60].mean(), rel=1e-5)
    assert n["mse"][0, 0, 0] == pytest.approx(mse[0])
    for item in (gamma_path, error_path, kl_path):
        assert len(draw(item, result).axes) == 1
    assert len(draw(loss_parts, result).axes) == 2
    assert len(table(gamma_path, result)) == 3 * len(n["step"])
    row = table(loss_parts, result)[-1]
    assert float(row["reconstruction_over_half_d"]) == pytest.approx(n["mse"][2, 0, -1] / 0.1, rel=1e-5)


def test_the_crossing_is_where_the_error_is_gamma_squared():
    n = {
        "fixed": np.array([True, True, True, False]),
        "variance": np.array([[1.0], [0.01], [0.0001], [0.5]]),
        "error_sampled": np.array([[0.1], [0.01**1.5 * 100], [0.001], [9.0]]),
    }
    n["error_sampled"][:3, 0] = 0.05 * n["variance"][:3, 0] ** 0.25
    assert endpoints.crossing(n) == pytest.approx(0.05 ** (1 / 0.75), rel=1e-6)


def test_endpoints_of_fixed_gammas_and_of_the_others():
    settings = {"seeds": 1, "variances": [1.0, 0.1, 0.01, 0.001], **SMALL}
    result = compute_endpoints("cpu", methods=[methods.B, methods.OPTIMAL], **settings)
    assert len(draw(crossing, result).axes) == 1
    assert len(draw(score, result).axes) == 2
    name, best = endpoints.best_fixed(result.numbers)
    assert name.startswith("fixed")
    assert best == result.numbers["score_sampled"][:4].mean(1).min()
    assert [row["label"] for row in table(crossing, result)][-1] == "optimum of the batch"
    picture = grids.compute("cpu", **settings)
    assert draw(grids, picture).axes
    assert len(table(grids, picture)) == 5 * 10


def test_all_families_are_draw():
    result = families.compute("cpu", kappa_squared=0.02, target=5.0, seeds=1, variances=[1.0, 0.1], **SMALL)
    assert len(draw(families, result).axes) == 1
    assert "computed, rule B, k = 4" in set(result.numbers["label"])


def test_the_law_counts_active_latents():
    result = law.compute("cpu", seeds=1, variances=[1.0], **SMALL)
    assert len(draw(law, result).axes) == 2
    assert count_active(result.numbers)[1, 0] == 0
    means = {"of_means": np.array([[[0.9, 0.4, 0.02, 0.005], [0.009, 0.0, 0.0, 0.0]]])}
    assert count_active(means).tolist() == [[3, 0]], "the threshold of Burda et al., as everywhere"
    for row in table(law, result):
        assert float(row["total"]) == pytest.approx(float(row["of_means"]) + float(row["of_noise"]))


def test_variance_error_and_covariance_add_up():
    result = variance_loss.compute("cpu", seeds=2, variances=[1.0, 0.01], **SMALL)
    n = result.numbers
    assert n["lost"] == pytest.approx(n["error"] - n["bias"] + 2 * n["covariance"], abs=1e-6)
    assert (n["error"][:, :, 0] != n["error"][:, :, 1]).all()
    assert draw(variance_loss, result).axes
    assert len(table(variance_loss, result)) == 2 * 2 * 2


def test_the_share_of_steps_that_the_race_reports():
    """The learned run halves its error in 10 steps, the other one in 5: a share of one half."""
    step = np.arange(10, 101, 10)
    labels = [methods.label(methods.LEARNED), "twice as fast", "never"]
    held = np.stack([0.5 ** (step / 10), 0.5 ** (step / 5), np.ones(10)])[:, None]
    n = {"label": np.array(labels), "held": held, "drawn": held[::-1], "step": step}
    assert race.step_shares(n, "twice as fast")[0, 1::2] == pytest.approx(0.5)
    assert np.isnan(race.step_shares(n, "never")).all()
    assert race.step_shares(n, labels[0])[0] == pytest.approx(1)
    assert race.describe_share(np.array([0.9, np.nan, 0.7])) == "0.80 (in 2 of 3 seeds)"
    assert race.describe_share(np.array([0.9, 0.7])) == "0.80"
    assert race.describe_share(np.array([np.nan] * 2)) == "never"
    result = race_figure.compute("cpu", seeds=1, variances=[0.1], **SMALL)
    assert len(draw(race_figure, result).axes) == 3
    assert len(draw(race_figure, race_figure.compute("cpu", seeds=1, variances=[], **SMALL)).axes) == 3


def test_the_ratchet_follows_the_policies():
    n = trainings.simulate_rules(spreads=[0.1], steps=2000, seeds=5)
    a, b, c = n["variance"][0, :, -1]
    assert a < 0.9 < b < c
    assert c == pytest.approx(1, abs=0.02)
    result = ratchet.compute("cpu", spreads=[0.1, 0.2], steps=50, seeds=2)
    assert len(draw(ratchet, result).axes) == 2


@pytest.mark.parametrize(
    "method", [*methods.SETTERS, methods.PER_IMAGE, methods.fixed(0.1), BalancingMethod("GECO", 0.02)]
)
def test_every_method_has_a_label_and_a_line_style(method):
    assert methods.label(method)
    color, line = line_style(methods.label(method))
    assert color.startswith("#")
    assert line in ("-", "--", ":")
