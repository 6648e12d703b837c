"""The figures of the variance law: their computations on small data, and the physics in the committed tables.

VAELAB_FIGURES: another folder to look at.
"""

import csv
import io
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from figures.registry import FIGURES
from figures.table import to_csv
from figures.variance_law import measures, predictions, theory, trainings
from figures.variance_law.latent_plane import NAMES
from figures.variance_law.law_bars import totals
from figures.variance_law.measures import radius
from figures.variance_law.trainings import Quadratic, unsampled
from vaelab import MMD, Gaussian, MarginalPosterior, kl, recipes
from vaelab.posterior.variance_law import scale_gradient

digits_plane = FIGURES["var-digits-plane"]
encoder_sketch = FIGURES["var-encoder-sketch"]
kurtosis = FIGURES["var-kurtosis"]
law_bars = FIGURES["var-law-bars"]
law_through_training = FIGURES["var-law-through-training"]
marginals = FIGURES["var-marginals"]
other_laws = FIGURES["var-other-laws"]
point_vs_average = FIGURES["var-point-vs-average"]
prior_vs_mixture = FIGURES["var-prior-vs-mixture-samples"]
rho = FIGURES["var-rho"]
sampling_off = FIGURES["var-sampling-off"]
trajectories = FIGURES["var-trajectories"]

FOLDER = Path(os.environ.get("VAELAB_FIGURES", Path(__file__).parents[2] / "figures"))
COMMON = {"data": "digits", "options": {"gamma": 0.2}, "batch_size": 20, "lr": 5e-3}
PLANE = {**COMMON, "latent": 2, "hidden": (16,), "epochs": 8}
WIDE = {**COMMON, "latent": 4, "hidden": (32,), "epochs": 10}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """One cache for this file: trainings are shared between its tests, as they are between figures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr("vaelab.runs.executors.cpu_count", lambda: 1)
        yield


def drawn(item, **settings):
    """The numbers of a figure and its table as it is written; drawing and words come without complaint."""
    n = item.compute("cpu", **settings).numbers
    assert item.draw(n).axes
    words = item.alt(n)
    assert len(words) > 60
    assert "nan" not in words
    return n, list(csv.DictReader(io.StringIO(to_csv(item.rows(n)))))


def committed(id):
    path = FOLDER / f"{id}.csv"
    if not path.is_file():
        pytest.skip(f"{path.name} is not drawn here")
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def column(rows, name, **where):
    return np.array([float(r[name]) for r in rows if all(r[k] == v for k, v in where.items())])


# -- the parts


def test_without_sampling_nothing_is_drawn_and_nothing_holds_the_scale():
    torch.manual_seed(0)
    experiment = recipes.vae((1, 8, 8), 3, hidden=(8,))
    plain, x = unsampled(experiment), torch.rand(20, 1, 8, 8)
    first, second = plain(x), plain(x)
    assert torch.equal(first.nll, second.nll)
    assert not torch.equal(experiment(x).nll, experiment(x).nll)
    q = plain.encode(x)
    torch.testing.assert_close(first.divergence, 0.5 * (q.mean**2).sum(1))
    slope = scale_gradient(Quadratic(), q.mean, q.logvar)
    torch.testing.assert_close(slope, (q.mean**2).mean(0))  # above 0 at any scale: no law but collapse


def test_followed_digits_are_as_many_of_each_class_and_in_order():
    labels = torch.tensor([1, 0] * 30 + [2] * 4)
    few = trainings.first_of_each(labels)
    assert few.tolist() == [*range(20), *range(60, 64)]
    assert torch.bincount(labels[few]).tolist() == [10, 10, 4]


def test_the_radius_is_that_of_a_circle_as_large_as_the_ellipse():
    sigma = np.array([[2.0, 0.5], [3.0, 3.0]])
    assert radius(2 * np.log(sigma)) == pytest.approx([1.0, 3.0])


def test_the_population_mmd_is_that_of_draws_and_zero_for_the_prior():
    generator = torch.Generator().manual_seed(0)
    mean, logvar = (torch.randn(30, 3, dtype=torch.float64, generator=generator) for _ in range(2))
    torch.manual_seed(0)
    q = Gaussian(mean, logvar - 1)
    draws = torch.stack([MMD()(q, Gaussian.standard(mean)).mean() for _ in range(4000)])
    truth = predictions.population_mmd(*q)
    assert abs(float(draws.mean() - truth)) < 4.5 * float(draws.std()) / math.sqrt(len(draws))
    prior = predictions.population_mmd(torch.zeros(9, 3).double(), torch.zeros(9, 3).double())
    assert float(prior) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("width", [0.7, 1.0, 1.5])
def test_mmd_asks_for_the_scale_of_the_prior(width):
    generator = torch.Generator().manual_seed(1)
    mean = torch.randn(400, 2, dtype=torch.float64, generator=generator) * math.sqrt(0.8)
    mean = mean / mean.std(0, correction=0) * math.sqrt(0.8)
    logvar = torch.full_like(mean, math.log(0.2))
    found = predictions.best_common_scale(width * mean, logvar + 2 * math.log(width))
    assert float(found) * width == pytest.approx(1, abs=0.06)


def test_the_two_predictions_of_the_kurtosis_are_exact_where_their_premises_hold():
    mean = torch.linspace(-0.95, 0.95, 4001, dtype=torch.float64)[:, None]
    by_point = measures.kurtosis(MarginalPosterior(mean, torch.log(1 - mean**2)))
    assert by_point["point_by_point"] == pytest.approx(by_point["measured"], abs=1e-9)
    constant = measures.kurtosis(MarginalPosterior(2 * mean, torch.full_like(mean, -1.0)))
    assert constant["constant_sigma"] == pytest.approx(constant["measured"], abs=1e-9)
    assert abs(constant["point_by_point"] - constant["measured"]) > 0.1
    assert list(theory.textbook().values()) == pytest.approx([2.674197, 1.84752, 2.412, 1.6878], abs=2e-3)


# -- small trainings, shared


def test_the_minima_of_rho_lie_on_the_circle():
    n, rows = drawn(rho, **rho.presets["quick"])
    assert n["best"][:, 0] + n["best"][:, 1] == pytest.approx([1] * 4, abs=1e-12)
    # ln(1 + 1/rho²)/2, the KL at the minimum
    assert n["best"][:, 2] == pytest.approx([1.629048, 0.804719, 0.346574, 0.111572], abs=1e-6)
    for value in n["rho"]:
        curve, (least, *_) = (column(rows, name, rho=f"{value:g}") for name in ("kl", "least_kl"))
        assert curve.min() == pytest.approx(least, abs=1e-3)
        assert curve.min() >= least - 1e-12


def test_the_figures_of_the_plane_show_one_training():
    sketch, rows = drawn(encoder_sketch, seeds=2, **PLANE)
    assert sum(row["in_sketch"] == "yes" for row in rows) == 2
    cell = (sketch["line"][1] - sketch["line"][0]) ** 2
    assert 0.7 < sketch["density"].sum() * cell < 1.001  # of the mixture, a little lies off the picture
    plane, _ = drawn(digits_plane, seeds=2, **PLANE)
    path, rows = drawn(trajectories, seeds=2, **PLANE)
    assert path["mean"].shape == (PLANE["epochs"] + 1, 10, 2)
    assert path["radius"][0].mean() == pytest.approx(1, abs=0.3)
    assert (path["radii"][:, -1] < 0.7 * path["radii"][:, 0]).all(), "digits have to share the plane"
    one = np.flatnonzero(plane["label"] == path["label"][0])[0]
    np.testing.assert_array_equal(plane["mean"][0, one], path["mean"][-1, 0])
    assert radius(sketch["logvar"])[one] == pytest.approx(path["radius"][1, 0], rel=1e-6)
    off, rows = drawn(sampling_off, shown=[1, 8], seeds=2, **PLANE)
    np.testing.assert_array_equal(off["mean"][0, -1], plane["mean"][0])
    with_, without = (column(rows, "variance", training=name, epoch="8") for name in NAMES)
    assert without.max() < with_.min()


def test_the_figures_of_the_wide_latents_agree_with_each_other():
    through, rows = drawn(law_through_training, seeds=2, **WIDE)
    total, active = totals(through)
    last = [row for row in rows if row["split"] == "test" and row["epoch"] == str(WIDE["epochs"])][:: WIDE["latent"]]
    for seed, row in enumerate(last):
        v = total[seed, 1, -1]
        assert float(row["nats_at_stake"]) == pytest.approx(0.5 * (v - 1 - np.log(v)).sum(), rel=1e-6)
        assert float(row["mean_active"]) == pytest.approx(v[active[seed]].mean(), rel=1e-6)
    points, _ = drawn(point_vs_average, seeds=2, **WIDE)
    per_image = points["square"] + points["variance"]
    shift = per_image.mean(1) - total[:, 1, -1]  # E[mean]²
    assert (shift > -1e-6).all()
    shapes, _ = drawn(kurtosis, seeds=2, **WIDE)
    np.testing.assert_allclose(shapes["variance"], total[:, 1, -1], rtol=1e-5)
    densities, rows = drawn(marginals, seeds=2, **WIDE)
    step = densities["z"][1] - densities["z"][0]
    z, wide = densities["z"], densities["variance"] < 1.2
    assert densities["density"].sum(1) * step == pytest.approx(1, abs=0.02)
    second = (densities["density"] * z**2).sum(1) * step - ((densities["density"] * z).sum(1) * step) ** 2
    np.testing.assert_allclose(second[wide], densities["variance"][wide], rtol=0.02)
    q = trainings.posterior(trainings.followed("cpu", 2, **WIDE)[0].numbers)
    weakest = int(q.variance_law().of_means.argmin())
    np.testing.assert_allclose(densities["density"][-1], q.density_1d(torch.from_numpy(z), weakest).numpy())
    assert len(rows) == 4 * len(z)


def test_bars_count_active_latents_per_data_set():
    settings = {k: v for k, v in WIDE.items() if k not in ("data", "epochs")}
    n, rows = drawn(law_bars, data=["digits"], epochs=[10], seeds=2, **settings)
    assert n["of_means"].shape == (1, 2, 4)
    assert len(rows) == 8
    for row in rows:
        assert (row["active"] == "yes") == (float(row["of_means"]) > 0.05)


def test_draws_come_by_six_samplers_and_the_priors_share_theirs(monkeypatch):
    monkeypatch.setattr("vaelab.metrics.classifier.STEPS", 60)
    monkeypatch.setattr(trainings, "COMPONENTS", (2, 3))
    n, rows = drawn(prior_vs_mixture, seeds=1, **WIDE)
    assert n["distance"].shape == (1, len(trainings.SAMPLERS))
    assert (n["distance"] > 0).all()
    assert len(rows) == len(trainings.SAMPLERS)
    torch.manual_seed(0)
    experiment = recipes.vae((1, 8, 8), 2, hidden=(8,))
    images = torch.rand(70, 1, 8, 8)
    posterior = MarginalPosterior.from_model(experiment, images)
    prior, rescaled, *_ = trainings.samples(experiment, posterior, images, images, seed=0)
    z = torch.randn(70, 2, generator=torch.Generator().manual_seed(0))
    scale = (posterior.mean**2 + posterior.logvar.exp()).mean(0).sqrt()
    torch.testing.assert_close(prior, experiment.decode(z))
    torch.testing.assert_close(rescaled, experiment.decode(z * scale))


def test_every_law_is_predicted_from_the_posteriors_it_was_measured_on():
    _, rows = drawn(other_laws, seeds=1, data="digits", latent=4, hidden=(16,), epochs=3, batch_size=50)
    assert {row["regularizer"] for row in rows} == {law.name for law in predictions.laws()}
    for name in ("KL(q‖p)", "KL(q‖p), β = 4"):
        assert column(rows, "predicted", regularizer=name) == pytest.approx([1] * 4, abs=1e-6)
    q = MarginalPosterior(torch.zeros(50, 1).double() + torch.linspace(-1, 1, 50)[:, None], torch.zeros(50, 1).double())
    found = predictions.latents(lambda q, p: kl(p, q), q)
    assert found["from_posteriors"] == pytest.approx(found["measured"], rel=1e-6), "E[1/s] = 1 holds: nothing to mend"


# -- the committed tables


def test_there_are_twelve_and_all_are_committed():
    ids = {id for id in FIGURES if id.startswith("var-")}
    assert len(ids) == 12
    for id in ids:
        assert committed(id)


def test_the_manifest_holds_a_checksum_of_every_data_set():
    (row,) = (
        row for row in json.loads((FOLDER / "manifest.json").read_text())["figures"] if row["id"] == "var-law-bars"
    )
    assert list(row["data"]["sha256"]) == row["settings"]["data"]
    assert all(len(sums["train"]) == len(sums["test"]) == 64 for sums in row["data"]["sha256"].values())


def test_the_law_holds_on_average_over_active_latents_of_every_data_set():
    rows = committed("var-law-bars")
    for name in {row["data"] for row in rows}:
        for active in ("yes", "no"):
            total = sum(column(rows, part, data=name, active=active) for part in ("of_means", "of_noise"))
            assert not total.size or abs(total.mean() - 1) < 0.1, (name, active)
        signal = column(rows, "of_means", data=name, active="yes")
        assert np.ptp(signal) > 0.5, "the law fixes the sum, not its parts"


def test_the_plane_is_filled_and_its_circles_shrink():
    rows = committed("var-digits-plane")
    for seed in {row["seed"] for row in rows}:
        mean = np.stack([column(rows, f"mean_{k}", seed=seed) for k in (1, 2)], 1)
        sigma = np.stack([column(rows, f"sigma_{k}", seed=seed) for k in (1, 2)], 1)
        assert np.abs(mean.mean(0)).max() < 0.35
        assert (mean.var(0) + (sigma**2).mean(0)) == pytest.approx([1, 1], abs=0.5)
        assert sigma.max() < 0.7
    rows = committed("var-trajectories")
    radius = [column(rows, "radius", epoch=str(epoch)).mean() for epoch in (0, 1, 5, 10)]
    assert radius[0] > 2 * radius[1] > 2 * radius[2] > 2 * radius[3]


def test_the_sketch_is_of_two_images_far_apart():
    pair = [row for row in committed("var-encoder-sketch") if row["in_sketch"] == "yes"]
    means = np.array([[float(row[f"mean_{k}"]) for k in (1, 2)] for row in pair])
    assert len(pair) == 2
    assert np.linalg.norm(means[0] - means[1]) > 4 * max(float(row["sigma_1"]) for row in pair)


def test_noise_is_what_sets_the_scale():
    rows = committed("var-sampling-off")
    end = str(int(column(rows, "epoch").max()))
    with_, without = (column(rows, "variance", training=name, epoch=end) for name in NAMES)
    assert (np.abs(with_ - 1) < 0.4).all()
    assert without.max() < 0.7 < with_.min()


def test_through_training_little_is_left_at_stake():
    rows = committed("var-law-through-training")
    end = str(int(column(rows, "epoch").max()))
    for split in ("train", "test"):
        stake = [column(rows, "nats_at_stake", split=split, epoch=epoch) for epoch in ("3", end)]
        assert stake[1].max() < 0.05
        assert stake[1].mean() < 0.5 * stake[0].mean()
        assert (np.abs(column(rows, "mean_active", split=split, epoch=end) - 1) < 0.1).all()


def test_single_images_do_not_obey():
    rows = [row for row in committed("var-point-vs-average") if row["active"] == "yes"]
    assert column(rows, "average").mean() == pytest.approx(1, abs=0.1)
    assert column(rows, "standard_deviation").min() > 0.5
    assert column(rows, "share_of_images_within_a_tenth").max() < 0.25
    assert (column(rows, "median") < column(rows, "average")).all()


def test_kurtosis_follows_the_cloud_of_means_and_not_the_law_of_single_images():
    rows = [row for row in committed("var-kurtosis") if row["active"] == "yes"]
    measured = column(rows, "measured")
    assert measured.min() >= 1
    assert 2 < measured.mean() < 3
    assert np.abs(column(rows, "constant_sigma") - measured).max() < 0.3
    assert (column(rows, "point_by_point") < 1).mean() > 0.5, "impossible values, so its premise is false"


def test_marginals_have_the_moments_that_are_written_beside_them():
    rows = committed("var-marginals")
    for latent in {row["latent"] for row in rows}:
        z, density = column(rows, "z", latent=latent), column(rows, "density", latent=latent)
        step = z[1] - z[0]
        center = (density * z).sum() * step
        assert density.sum() * step == pytest.approx(1, abs=5e-3)
        variance = (density * (z - center) ** 2).sum() * step
        assert variance == pytest.approx(column(rows, "variance", latent=latent)[0], rel=0.03)
        prior = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
        apart = (density * np.log(density / prior)).sum() * step
        error = column(rows, "kl_error", latent=latent)[0]
        assert column(rows, "kl", latent=latent)[0] == pytest.approx(apart, abs=4.5 * error + 5e-3)


def test_prior_draws_lie_further_off_than_those_of_the_mixture():
    rows = committed("var-prior-vs-mixture-samples")
    score = {name: column(rows, "distance", sampler=name) for name in trainings.SAMPLERS}
    real = column(rows, "real")
    assert score["N(0, I)"].min() > score["GMM 10"].max()
    assert score["N(0, I)"].min() > score["mixture"].max() > real.max()
    assert score["mixture"].mean() > score["reconstructions"].mean(), "no sampler beats decoding the right code"


def test_every_regularizer_leads_to_its_own_variance():
    rows = [row for row in committed("var-other-laws") if row["active"] == "yes"]
    means = {}
    for law in predictions.laws():
        pair = [np.exp(np.log(column(rows, name, regularizer=law.name)).mean()) for name in ("measured", "predicted")]
        means[law.name] = pair[0]
        assert 0.8 < pair[0] / pair[1] < 1.4, law.name
    for name in ("KL(q‖p)", "KL(q‖p), β = 4"):
        assert means[name] == pytest.approx(1, abs=0.15)
    for name in ("KL(p‖q)", "JS, α = 0.5", "dual JS, α = 0.1"):
        assert means[name] > 2
