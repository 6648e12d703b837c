"""The consistency figures on small data: measures, shared trainings, drawings."""

from dataclasses import asdict

import numpy as np
import pytest
import torch

from figures.consistency import burda_schedule, measures
from figures.consistency.lambdas import WITHOUT_VIEWS
from figures.consistency.latent_clouds import gap, project
from figures.consistency.measures import SCALARS
from figures.consistency.methods import ConsistencyRun
from figures.consistency.tables import family
from figures.consistency.trainings import train_with_views
from figures.registry import FIGURES
from tests.figures.helpers import draw, table

lambdas = FIGURES["cr-lambda"]
latent_clouds = FIGURES["cr-latent-clouds"]
learning_curve = FIGURES["iwae-learning-curve"]
rotation_limit = FIGURES["cr-rotation-limit"]
tables = FIGURES["cr-table-mnist"]
tangents = FIGURES["cr-tangent"]
triplets = FIGURES["cr-triplet"]

BERNOULLI = {"likelihood": "bernoulli"}
RUN = {"data": "digits", "latent": 4, "hidden": [32], "epochs": 6, "batch_size": 50, "lr": 3e-3}
RUN |= {"samples": 10, "weighed": 50}
SMALL = {**RUN, **BERNOULLI}


pytestmark = pytest.mark.usefixtures("shared_cache")


@pytest.fixture(scope="module")
def swept():
    return lambdas.compute("cpu", lambdas=[0.0, 1.0, 50.0], seeds=1, **SMALL)


def test_the_gap_and_the_rate_fall_with_lambda_and_information_stays_below_its_ceiling(swept):
    found = {row["arm"]: row for row in table(lambdas, swept)}
    assert list(found) == ["VAE", "VAE, twice as long", "VAE + Aug", "CR-VAE, λ = 1", "CR-VAE, λ = 50"]
    gaps, rates = ([float(found[arm][name]) for arm in list(found)[2:]] for name in ("gap", "rate"))
    assert gaps[0] > gaps[1] > gaps[2] > 0
    assert rates[0] > rates[1] > rates[2]
    for row in found.values():
        assert float(row["information"]) < float(row["ceiling"])
        assert float(row["ceiling"]) == pytest.approx(np.log(179), rel=1e-6)
        assert float(row["nll"]) < -float(row["elbo_test"]) + 3 * float(row["nll_error"])
        assert 0 < float(row["rho"]) < 1
    axes = draw(lambdas, swept).axes
    assert len(axes) == 6
    level = [line.get_ydata()[0] for line in axes[0].lines if line.get_linestyle() in WITHOUT_VIEWS]
    assert level == pytest.approx([float(found[arm]["nll"]) for arm in list(found)[:2]]), "both methods without views"
    assert f"twice as long: NLL {level[1]:.1f}" in lambdas.alt(swept.numbers)


def test_clouds_are_those_of_the_posteriors_and_no_training_is_repeated(swept, no_training):
    result = latent_clouds.compute("cpu", lambdas=[0.0, 50.0], seeds=1, **SMALL)
    rows = table(latent_clouds, result)
    assert len(rows) == 3 * 10
    gaps = gap(result.numbers).mean(1)
    assert gaps[2] < 0.5 * gaps[1]
    assert draw(latent_clouds, result).axes
    tangent = tangents.compute("cpu", lambdas=[0.0, 1.0, 50.0], seeds=1, **SMALL)
    n = tangent.numbers
    assert n["tangent"][:, 0, 0] == pytest.approx(n["tangent_limit"][:, 0], rel=0.05)
    assert (np.diff(n["tangent_limit"][1:, 0]) < 0).all()
    draw(tangents, tangent)
    assert len(table(tangents, tangent)) == 4 * 5


def test_a_projection_preserves_a_posterior_within_the_plane():
    """Data on two axes of five keep their distances, and the covariance rotates with them."""
    generator = np.random.default_rng(0)
    plane = np.zeros((200, 5))
    plane[:, [1, 3]] = generator.normal(size=(200, 2)) * [3, 1]
    logvar = np.log(np.array([[9.0, 0.25, 9.0, 4.0, 9.0]]))
    places, covariance = project(plane, np.broadcast_to(logvar, plane.shape), plane)
    assert np.linalg.norm(places, axis=1) == pytest.approx(np.linalg.norm(plane - plane.mean(0), axis=1))
    assert np.linalg.eigvalsh(covariance[0]) == pytest.approx([0.25, 4.0])


def test_one_table_compares_nine_methods():
    settings = {"consistency": 5.0, "beta": 4.0, "samples_k": 3, "seeds": 1, **SMALL, "epochs": 3}
    result = tables.compute("cpu", **settings)
    found = {row["arm"]: row for row in table(tables, result)}
    assert len(found) == 9
    for base in ("VAE", "β-VAE, β = 4", "IWAE, k = 3"):
        assert float(found[f"{base}, CR"]["gap"]) < float(found[f"{base}, Aug"]["gap"])
    assert float(found["β-VAE, β = 4, plain"]["rate"]) < float(found["VAE, plain"]["rate"])
    figure = draw(tables, result)
    assert len(figure.axes) == 6
    words = "digits, 1,618 training images of 8 × 8 pixels; CR: λ = 5"
    assert figure.get_suptitle() == words
    assert words in tables.alt(result.numbers)


def test_the_other_figures_draw_what_they_measured():
    quick = {**SMALL, "epochs": 3, "seeds": 1}
    result = triplets.compute("cpu", lambdas=[0.0, 5.0], weights=[1.0, 50.0], **quick)
    assert [row["arm"] for row in table(triplets, result)][-2:] == ["triplet, weight 1", "triplet, weight 50"]
    assert family(result.numbers, True).tolist() == [3, 4]
    draw(triplets, result)
    limit = rotation_limit.compute("cpu", angles=[15.0, 180.0], consistency=5.0, **quick)
    rows = table(rotation_limit, limit)
    assert {row["angle"] for row in rows} == {"15", "180"}
    assert all(0 <= float(row[name]) <= 1 for row in rows for name in ("probe", "six_nine"))
    assert "8 × 8 pixels" in draw(rotation_limit, limit).get_suptitle()


def test_views_of_an_angle_are_rotations_alone_and_reach_training():
    setting = ConsistencyRun("cr_vae", {"consistency": 1.0, **BERNOULLI}, **RUN, views=90.0)
    made = setting.experiment((1, 8, 8))
    assert made.views == setting.transformation()
    assert made.views.parts[0].rotation == 90
    assert made.views.parts[0].translation == 0


def test_probes_of_unknown_classes_are_nan():
    """Test labels that were never trained on, as in Omniglot: no probe, but everything else."""
    n = train_with_views(device="cpu", **asdict(ConsistencyRun("vae", BERNOULLI, **{**RUN, "epochs": 1})))
    assert set(SCALARS) <= set(n)
    assert np.isfinite([float(n[name]) for name in SCALARS]).all()
    odd = measures._probe_classes.__globals__["load"]

    class Other:
        labels = torch.arange(179) + 100

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measures, "load", lambda name, split, **k: odd(name, split) if split == "train" else Other())
        assert all(
            np.isnan(v)
            for v in measures._probe_classes(None, ConsistencyRun("vae", BERNOULLI, **RUN), None, None, None).values()
        )


def test_a_stage_resumes_at_the_end_of_the_previous_one(monkeypatch):
    """Stage by stage: 1, 4, 13 passes at falling rates; each pass is made once."""
    settings = {"data": "digits", "limit": 200, "batch_size": 50, "samples": 20, "weighed": 40}
    assert [burda_schedule.passes(s) for s in range(8)] == [1, 4, 13, 40, 121, 364, 1093, 3280]
    made, fit = [], burda_schedule.fit

    def counted(experiment, *args, **more):
        history = fit(experiment, *args, **more)
        made.append((len(history.rows), [turn.step for turn in history.interventions]))
        return history

    monkeypatch.setattr(burda_schedule, "fit", counted)
    result = learning_curve.compute("cpu", draws=[1, 3], stages=2, seeds=1, **settings)
    assert sorted(made) == [(1, []), (1, []), (4, [4]), (4, [4])]
    rows = table(learning_curve, result)
    assert [(row["draws"], row["passes"]) for row in rows] == [("1", "1"), ("1", "4"), ("3", "1"), ("3", "4")]
    assert float(rows[1]["nll"]) < float(rows[0]["nll"])
    assert rows[0]["published_nll"] == "86.76"
    draw(learning_curve, result)
