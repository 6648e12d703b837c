"""The figures on consistency: what is measured is what it is called, on small data; trainings are shared."""

import csv
import io
from dataclasses import asdict

import numpy as np
import pytest
import torch

from figures.consistency import burda_schedule, measures
from figures.consistency.lambdas import WITHOUT_VIEWS
from figures.consistency.latent_clouds import gaps as gaps_of
from figures.consistency.latent_clouds import project
from figures.consistency.measures import SCALARS
from figures.consistency.methods import Setting
from figures.consistency.trainings import trained_one
from figures.consistency.triplets import family
from figures.registry import FIGURES
from figures.table import to_csv
from vaelab.runs import store

lambdas = FIGURES["cr-lambda"]
latent_clouds = FIGURES["cr-latent-clouds"]
learning_curve = FIGURES["iwae-learning-curve"]
rotation_limit = FIGURES["cr-rotation-limit"]
tables = FIGURES["cr-table-mnist"]
tangents = FIGURES["cr-tangent"]
triplets = FIGURES["cr-triplet"]

SMALL = {"data": "digits", "likelihood": "bernoulli", "latent": 4, "hidden": [32], "epochs": 6, "batch_size": 50}
SMALL |= {"lr": 3e-3, "samples": 10, "weighed": 50}


@pytest.fixture(scope="module", autouse=True)
def kept(tmp_path_factory):
    """One cache for this file: trainings are shared between its tests, as they are between figures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr("vaelab.runs.executors.cores", lambda: 1)  # trained here: starting processes would take longer
        yield


@pytest.fixture(scope="module")
def swept():
    return lambdas.compute("cpu", lambdas=[0.0, 1.0, 50.0], seeds=1, **SMALL)


def table(item, result):
    return list(csv.DictReader(io.StringIO(to_csv(item.rows(result.numbers)))))


def drawn(item, result):
    words = item.alt(result.numbers)
    assert any(c.isdigit() for c in words)
    assert "nan" not in words
    return item.draw(result.numbers)


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
    axes = drawn(lambdas, swept).axes
    assert len(axes) == 6
    level = [line.get_ydata()[0] for line in axes[0].lines if line.get_linestyle() in WITHOUT_VIEWS]
    assert level == pytest.approx([float(found[arm]["nll"]) for arm in list(found)[:2]]), "both arms without views"
    assert f"twice as long: NLL {level[1]:.1f}" in lambdas.alt(swept.numbers)


def test_clouds_lie_where_the_posteriors_are_and_no_training_is_repeated(swept, monkeypatch):
    def no_training(*args, **kwargs):
        raise AssertionError("this was trained before")

    monkeypatch.setattr(store, "sweep", no_training)
    result = latent_clouds.compute("cpu", lambdas=[0.0, 50.0], seeds=1, **SMALL)
    rows = table(latent_clouds, result)
    assert len(rows) == 3 * 10
    gaps = gaps_of(result.numbers).mean(1)
    assert gaps[2] < 0.5 * gaps[1]
    assert drawn(latent_clouds, result).axes
    tangent = tangents.compute("cpu", lambdas=[0.0, 1.0, 50.0], seeds=1, **SMALL)
    n = tangent.numbers
    assert n["tangent"][:, 0, 0] == pytest.approx(n["tangent_limit"][:, 0], rel=0.05)
    assert (np.diff(n["tangent_limit"][1:, 0]) < 0).all()
    drawn(tangents, tangent)
    assert len(table(tangents, tangent)) == 4 * 5


def test_a_projection_keeps_a_posterior_that_lies_in_the_plane():
    """Data on two axes of five: the projection keeps their distances and turns the covariance with them."""
    generator = np.random.default_rng(0)
    plane = np.zeros((200, 5))
    plane[:, [1, 3]] = generator.normal(size=(200, 2)) * [3, 1]
    logvar = np.log(np.array([[9.0, 0.25, 9.0, 4.0, 9.0]]))
    places, covariance = project(plane, np.broadcast_to(logvar, plane.shape), plane)
    assert np.linalg.norm(places, axis=1) == pytest.approx(np.linalg.norm(plane - plane.mean(0), axis=1))
    assert np.linalg.eigvalsh(covariance[0]) == pytest.approx([0.25, 4.0])


def test_nine_methods_stand_in_one_table():
    settings = {"consistency": 5.0, "beta": 4.0, "samples_k": 3, "seeds": 1, **SMALL, "epochs": 3}
    result = tables.compute("cpu", **settings)
    found = {row["arm"]: row for row in table(tables, result)}
    assert len(found) == 9
    for base in ("VAE", "β-VAE, β = 4", "IWAE, k = 3"):
        assert float(found[f"{base}, CR"]["gap"]) < float(found[f"{base}, Aug"]["gap"])
    assert float(found["β-VAE, β = 4, plain"]["rate"]) < float(found["VAE, plain"]["rate"])
    figure = drawn(tables, result)
    assert len(figure.axes) == 6
    said = "digits, 1,618 training images of 8 × 8 pixels, 1 seed; CR: λ = 5"
    assert figure.get_suptitle() == said
    assert said in tables.alt(result.numbers)


def test_the_other_figures_draw_what_they_measured():
    quick = {**SMALL, "epochs": 3, "seeds": 1}
    result = triplets.compute("cpu", lambdas=[0.0, 5.0], weights=[1.0, 50.0], **quick)
    assert [row["arm"] for row in table(triplets, result)][-2:] == ["triplet, weight 1", "triplet, weight 50"]
    assert family(result.numbers, True).tolist() == [3, 4]
    drawn(triplets, result)
    limit = rotation_limit.compute("cpu", angles=[15.0, 180.0], consistency=5.0, **quick)
    rows = table(rotation_limit, limit)
    assert {row["largest_rotation_degrees"] for row in rows} == {"15", "180"}
    assert all(0 <= float(row[name]) <= 1 for row in rows for name in ("probe", "six_nine"))
    assert "8 × 8 pixels" in drawn(rotation_limit, limit).get_suptitle()


def test_views_of_an_angle_are_rotations_alone_and_reach_training():
    setting = Setting("cr_vae", {"consistency": 1.0}, **SMALL, views=90.0)
    made = setting.experiment((1, 8, 8))
    assert made.views == setting.seen()
    assert made.views.parts[0].rotation == 90
    assert made.views.parts[0].translation == 0


def test_what_classes_cannot_tell_is_nan():
    """Test labels that were never trained on, as in Omniglot: no probe, but everything else."""
    n = trained_one(device="cpu", **asdict(Setting("vae", {}, **{**SMALL, "epochs": 1})))
    assert set(SCALARS) <= set(n)
    assert np.isfinite([float(n[name]) for name in SCALARS]).all()
    odd = measures._probes.__globals__["load"]

    class Other:
        labels = torch.arange(179) + 100

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measures, "load", lambda name, split, **k: odd(name, split) if split == "train" else Other())
        assert all(np.isnan(v) for v in measures._probes(None, Setting("vae", **SMALL), None, None, None).values())


def test_a_stage_goes_on_where_the_one_before_ended(monkeypatch):
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
    drawn(learning_curve, result)
