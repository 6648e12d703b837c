"""The figures of the balancing paper on small data: what is written down, and that every picture can be drawn."""

import csv
import io

import numpy as np
import pytest

from figures.balancing import endpoints, methods, race, trainings
from figures.balancing.law import active
from figures.balancing.measures import compute_curves, compute_endpoints
from figures.balancing.methods import Method
from figures.balancing.styles import COLORS, look
from figures.registry import FIGURES
from figures.table import to_csv

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


@pytest.fixture(scope="module", autouse=True)
def kept(tmp_path_factory):
    """One cache for this file: trainings are shared between its tests, as they are between figures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr("vaelab.runs.executors.cores", lambda: 1)  # trained here: starting processes would take longer
        patch.setattr("vaelab.metrics.classifier.STEPS", 30)
        yield


def table(item, result):
    return list(csv.DictReader(io.StringIO(to_csv(item.rows(result.numbers)))))


def test_gamma_waits_where_it_began_while_the_first_errors_lift_the_mean():
    """Rule B from the data: gamma² is the variance of the data until the running mean is below it again."""
    n = trainings.trained([methods.B], "cpu", 1, **SMALL)[methods.B][0].numbers
    start = n["variance"][0]
    assert n["mse"][0] > 1.2 * start
    waits = int(np.argmax(n["variance"] < 0.999 * start)) or len(n["variance"])
    assert waits > 10


def test_kl_path_tells_of_the_overshoot():
    n = {"label": np.array(["a"]), "step": np.array([1, 25, 100, 2000]), "divergence": np.array([[[0.1, 74, 9, 50]]])}
    assert "Highest within the first 100 steps: a: 74" in kl_path.alt(n)


def drawn(item, result):
    words = item.alt(result.numbers)
    assert any(c.isdigit() for c in words)
    return item.draw(result.numbers)


def test_every_step_of_the_balance_is_written_down():
    numbers = {m: trainings.trained([m], "cpu", 1, **SMALL)[m][0].numbers for m in (methods.B, methods.fixed(0.04))}
    steps = SMALL["steps"]
    for n in numbers.values():
        assert all(n[name].shape == (steps,) for name in ("variance", "mse", "divergence", "strength"))
        assert n["steps_seen"][-1] == steps
        assert n["held"].shape == n["steps_seen"].shape
        assert n["error"] == pytest.approx(n["held"][-1], rel=1e-4)
    assert numbers[methods.fixed(0.04)]["variance"] == pytest.approx(np.full(steps, 0.04))
    computed = numbers[methods.B]
    running = np.float64(computed["variance"][0])
    for k in range(1, 6):
        running = min(running, 0.99 * running + 0.01 * computed["mse"][k])
        assert computed["variance"][k] == pytest.approx(running, rel=1e-4)


def test_the_numbers_over_the_steps_are_means_between_the_points():
    result = compute_curves("cpu", seeds=1, methods=[methods.B, methods.LEARNED], variances=[0.1], **SMALL)
    n, raw = result.numbers, trainings.trained([methods.B], "cpu", 1, **SMALL)[methods.B][0].numbers
    assert list(n["label"]) == [methods.label(m) for m in (methods.B, methods.LEARNED, methods.fixed(0.1))]
    end = np.flatnonzero(n["step"] == 60)[0]
    assert n["mse"][0, 0, end] == pytest.approx(raw["mse"][n["step"][end - 1] : 60].mean(), rel=1e-5)
    assert n["mse"][0, 0, 0] == pytest.approx(raw["mse"][0])
    for item in (gamma_path, error_path, kl_path):
        assert len(drawn(item, result).axes) == 1
    assert len(drawn(loss_parts, result).axes) == 2
    assert len(table(gamma_path, result)) == 3 * len(n["step"])
    row = table(loss_parts, result)[-1]
    assert float(row["reconstruction_over_half_D"]) == pytest.approx(n["mse"][2, 0, -1] / 0.1, rel=1e-5)


def test_the_crossing_is_where_the_error_is_gamma_squared():
    n = {
        "fixed": np.array([True, True, True, False]),
        "variance": np.array([[1.0], [0.01], [0.0001], [0.5]]),
        "error_sampled": np.array([[0.1], [0.01**1.5 * 100], [0.001], [9.0]]),
    }
    n["error_sampled"][:3, 0] = 0.05 * n["variance"][:3, 0] ** 0.25
    assert endpoints.crossing(n) == pytest.approx(0.05 ** (1 / 0.75), rel=1e-6)


def test_ends_of_fixed_gammas_and_of_the_others():
    settings = {"seeds": 1, "variances": [1.0, 0.1, 0.01, 0.001], **SMALL}
    result = compute_endpoints("cpu", methods=[methods.B, methods.OPTIMAL], **settings)
    assert len(drawn(crossing, result).axes) == 1
    assert len(drawn(score, result).axes) == 2
    name, best = endpoints.best(result.numbers)
    assert name.startswith("fixed")
    assert best == result.numbers["score_sampled"][:4].mean(1).min()
    assert [row["method"] for row in table(crossing, result)][-1] == "optimum of the batch"
    picture = grids.compute("cpu", **settings)
    assert drawn(grids, picture).axes
    assert len(table(grids, picture)) == 5 * 10


def test_all_families_are_drawn():
    result = families.compute("cpu", kappa_squared=0.02, target=5.0, seeds=1, variances=[1.0, 0.1], **SMALL)
    assert len(drawn(families, result).axes) == 1
    assert "computed, rule B, k = 4" in set(result.numbers["label"])


def test_the_law_counts_active_latents():
    result = law.compute("cpu", seeds=1, variances=[1.0], **SMALL)
    assert len(drawn(law, result).axes) == 2
    assert active(result.numbers)[1, 0] == 0
    means = {"of_means": np.array([[[0.9, 0.4, 0.02, 0.005], [0.009, 0.0, 0.0, 0.0]]])}
    assert active(means).tolist() == [[3, 0]], "the threshold of Burda et al., as everywhere"
    for row in table(law, result):
        assert float(row["sum"]) == pytest.approx(float(row["variance_of_means"]) + float(row["mean_of_variances"]))


def test_variance_error_and_covariance_add_up():
    result = variance_loss.compute("cpu", seeds=2, variances=[1.0, 0.01], **SMALL)
    n = result.numbers
    assert n["lost"] == pytest.approx(n["error"] - n["bias"] + 2 * n["covariance"], abs=1e-6)
    assert (n["error"][:, :, 0] != n["error"][:, :, 1]).all()
    assert drawn(variance_loss, result).axes
    assert len(table(variance_loss, result)) == 2 * 2 * 2


def test_the_share_of_steps_that_the_race_reports():
    """The learned run halves its error every 10 steps, the other one every 5: half of the steps, at every length."""
    step = np.arange(10, 101, 10)
    labels = [methods.label(methods.LEARNED), "twice as fast", "never"]
    held = np.stack([0.5 ** (step / 10), 0.5 ** (step / 5), np.ones(10)])[:, None]
    n = {"label": np.array(labels), "held": held, "drawn": held[::-1], "step": step}
    assert race.shares(n, "twice as fast")[0, 1::2] == pytest.approx(0.5)
    assert np.isnan(race.shares(n, "never")).all()
    assert race.shares(n, labels[0])[0] == pytest.approx(1)
    assert race._share(np.array([0.9, np.nan, 0.7])) == "0.80 (in 2 of 3 seeds)"
    assert race._share(np.array([0.9, 0.7])) == "0.80"
    assert race._share(np.array([np.nan] * 2)) == "never"
    result = race_figure.compute("cpu", seeds=1, variances=[0.1], **SMALL)
    assert len(drawn(race_figure, result).axes) == 3
    assert len(drawn(race_figure, race_figure.compute("cpu", seeds=1, variances=[], **SMALL)).axes) == 3


def test_the_ratchet_is_that_of_the_policies():
    n = trainings.simulated(spreads=[0.1], steps=2000, seeds=5)
    a, b, c = n["variance"][0, :, -1]
    assert a < 0.9 < b < c
    assert c == pytest.approx(1, abs=0.02)
    result = ratchet.compute("cpu", spreads=[0.1, 0.2], steps=50, seeds=2)
    assert len(drawn(ratchet, result).axes) == 2


@pytest.mark.parametrize("method", [*COLORS, methods.fixed(0.1), Method("GECO", 0.02), Method("rule B", None, 4.0)])
def test_every_method_has_a_name_and_a_look(method):
    assert methods.label(method)
    color, line = look(methods.label(method))
    assert color.startswith("#")
    assert line in ("-", "--", ":")
