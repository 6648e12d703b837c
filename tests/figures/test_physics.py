"""Laws of the committed tables: the order that theory predicts, and limits within the noise.

VAELAB_FIGURES: another folder to look at.
"""

import csv
import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from figures.gjs import published

FOLDER = Path(os.environ.get("VAELAB_FIGURES", Path(__file__).parents[2] / "figures"))


def table(id):
    path = FOLDER / f"{id}.csv"
    if not path.is_file():
        pytest.skip(f"{path.name} is not drawn here")
    with path.open() as file:
        return list(csv.DictReader(file))


def on_test_images(id):
    return [row for row in table(id) if row["split"] == "test"]


def last_epoch(id):
    rows = table(id)
    return [row for row in rows if row["epoch"] == rows[-1]["epoch"]]


def grouped(rows, *keys, value):
    """value per group of `keys`, an array over what is left (seeds, latents)."""
    found = defaultdict(list)
    for row in rows:
        found[tuple(row[key] for key in keys)].append(float(row[value]))
    return {key: np.array(values) for key, values in found.items()}


def family(groups, name):
    """Mean per alpha in order, and the largest range over seeds."""
    chosen = {float(alpha): values for (variant, alpha), values in groups.items() if variant == name}
    alphas = sorted(chosen)
    return np.array(alphas), np.array([chosen[a].mean() for a in alphas]), max(np.ptp(v) for v in chosen.values())


@pytest.mark.parametrize("data", ["", "-fashion", "-dsprites"])
def test_reconstruction_lies_between_the_kl_lines_as_theory_says(data):
    rows = [row for row in table(f"gjs-recon-vs-alpha{data}") if row["split"] == "test"]
    error = grouped(rows, "variant", "alpha", value="reconstruction")
    vae, reverse = (error[name, ""] for name in ("KL(q||p)", "KL(p||q)"))
    alphas, primed, noise = family(error, "primed")
    noise = max(noise, np.ptp(vae), 0.02 * vae.mean())
    assert (np.diff(primed)[alphas[1:] > 0.3] > 0).all(), "primed rises with alpha"
    assert primed[0] < vae.mean() < reverse.mean()
    assert primed[-1] < reverse.mean() + noise
    assert (np.diff(primed) > -noise).all()
    alphas, dual, _ = family(error, "primed dual")
    assert dual[0] > vae.mean() > dual.min(), "the fee closes latents at 0.1"
    assert 0.2 <= alphas[dual.argmin()] <= 0.5
    assert dual[-1] == pytest.approx(vae.mean(), abs=max(3 * noise, 0.1 * vae.mean())), "back at the VAE"


@pytest.mark.parametrize("data", ["", "-fashion", "-dsprites"])
def test_the_terms_of_the_divergence_add_up_and_the_dual_forgets_the_posterior(data):
    rows = [row for row in table(f"gjs-recon-vs-alpha{data}") if row["weighted_total"] and row["split"] == "test"]
    for row in rows:
        assert float(row["weighted_total"]) == pytest.approx(float(row["divergence"]), rel=1e-4)
    _, terms, _ = family(grouped(rows, "variant", "alpha", value="kl_posterior"), "primed dual")
    assert terms[-1] < 0.1 * terms[0], "KL(G||q) goes to 0 with alpha to 1, where G is q"


def test_plain_meets_primed_at_one_half_and_vanishes_at_both_ends():
    error = grouped(on_test_images("gjs-plain-vs-primed"), "variant", "alpha", value="reconstruction")
    for dual in ("", " dual"):
        primed, plain = error[f"primed{dual}", "0.5"], error[f"plain{dual}", "0.5"]
        both = np.concatenate([primed, plain])
        assert abs(primed.mean() - plain.mean()) <= np.ptp(both)
        assert np.ptp(both) < 0.1 * both.mean(), "the noise of a run is no tenth of the error"
    alphas, plain, _ = family(error, "plain")
    assert plain[0] < plain[alphas == 0.5] > plain[-1], "without a divergence at the ends, reconstruction is best there"


def test_a_heavier_divergence_reconstructs_worse():
    rows = on_test_images("gjs-beta-grid")
    beta = grouped([row for row in rows if not row["alpha"]], "weight", value="reconstruction")
    curve = [beta[key].mean() for key in sorted(beta, key=lambda key: float(key[0]))]
    assert (np.diff(curve) > -0.3).all()
    assert curve[-1] > 1.2 * curve[0]
    grid = grouped([row for row in rows if row["alpha"]], "alpha", "weight", value="reconstruction")
    for alpha in {alpha for alpha, _ in grid}:
        column = [grid[key].mean() for key in sorted(grid, key=lambda key: float(key[1])) if key[0] == alpha]
        assert (np.diff(column) > 0).all()


def test_the_dual_is_the_beta_vae_where_the_fee_is_small():
    rows = on_test_images("gjs-rate-distortion")
    points = {}
    for measure in ("rate", "reconstruction_sampled"):
        for key, values in grouped(rows, "variant", "weight", "alpha", value=measure).items():
            points.setdefault(key, []).append(values.mean())
    curve = np.array([points[key] for key in sorted((k for k in points if "q||p" in k[0]), key=lambda k: float(k[1]))])
    assert (np.diff(curve[:, 0]) < 0).all(), "rate falls with beta"
    assert (np.diff(curve[:, 1]) > 0).all(), "distortion rises with it"
    for alpha, near in (("0.5", True), ("0.7", True), ("0.9", True), ("0.1", False)):
        apart = np.subtract(points["primed dual", "1", alpha], points["beta KL(q||p)", alpha, ""])
        assert (np.abs(apart) < 0.12 * curve[:, :].mean(0)).all() == near, alpha


def test_every_divergence_leads_to_its_variance():
    rows = [row for row in table("gjs-variance-law") if row["active"] == "yes"]
    measured = grouped(rows, "variant", "alpha", value="measured")
    own = grouped(rows, "variant", "alpha", value="predicted_own")
    assert measured["KL(q||p)", ""].mean() == pytest.approx(1, abs=0.15)
    assert measured["KL(p||q)", ""].mean() > 2
    assert measured["primed", "0.5"].mean() > 2
    for key, values in measured.items():
        ratio = np.exp(np.log(values / own[key]).mean())
        assert 2 / 3 < ratio < 3 / 2, f"{key}: {ratio:.2f} of what its posteriors predict"


def test_the_trained_alpha_forgets_where_it_began():
    final = grouped(last_epoch("gjs-trainable-alpha"), "variant", value="alphas")
    primed, dual = final[("primed",)], final[("primed dual",)]
    assert len(primed) >= 3
    assert max(np.ptp(primed), np.ptp(dual)) < 0.05
    assert primed.mean() == pytest.approx(0.12, abs=0.06)
    assert dual.mean() == pytest.approx(0.36, abs=0.06)


def test_on_full_mnist_the_trained_alpha_comes_near_the_published_one():
    final = grouped(last_epoch("gjs-trainable-alpha-mnist"), "variant", value="alphas")
    assert len(final[("primed",)]) == len(final[("primed dual",)]) == 3
    for variant, published_alpha in (("primed", 0.12), ("primed dual", 0.36)):
        assert np.ptp(final[(variant,)]) < 0.02
        assert final[(variant,)] == pytest.approx(published_alpha, abs=0.03)


def test_denoising_gets_harder_with_noise():
    error = grouped(table("gjs-noise"), "variant", "noise", value="reconstruction")
    levels = sorted({float(noise) for _, noise in error})
    curves = {name: [error[name, f"{level:g}"].mean() for level in levels] for name, _ in error}
    for name, curve in curves.items():
        assert (np.diff(curve) > 0).all(), name
    for learned in ("primed, learned alpha", "primed dual, learned alpha"):
        assert (np.array(curves[learned]) < curves["KL(q||p)"]).all()


def test_pictures_tell_the_same_story_as_the_curves():
    errors = grouped(table("gjs-reconstructions"), "variant", "alpha", value="squared_error")
    assert errors["primed", "0.1"].mean() < errors["KL(q||p)", ""].mean() < errors["KL(p||q)", ""].mean()
    rows = table("gjs-traversals")
    said = grouped(rows, "variant", "alpha", value="information")
    assert said["primed dual", "0.1"].sum() < said["KL(q||p)", ""].sum() < said["primed dual", "0.3"].sum()


def test_the_reproduction_lists_every_published_value_and_says_how_far_ours_has_come():
    rows = table("gjs-reproduction")
    assert len(rows) == len(published.lines()) >= 100
    for row, line in zip(rows, published.lines(), strict=True):
        assert (row["data"], row["line"], float(row["published"])) == (line.data, line.name, line.value)
    ours = [row for row in rows if row["ours"]]
    assert len(ours) >= 3
    for row in ours:
        assert int(row["epochs"]) >= 1
        assert float(row["difference_percent"]) == pytest.approx(
            100 * (float(row["ours"]) / float(row["published"]) - 1)
        )
        assert float(row["ours"]) > 5
    assert {row["same_side"] for row in ours} >= {"yes"}


def test_published_values_are_those_of_the_authors_outputs():
    """Read from the outputs and plots stored in the authors' notebooks, jacobdeasy/geometric-js."""
    values = {(line.table, line.data, line.name, line.alpha): line.value for line in published.lines()}
    assert len(values) == len(published.lines())
    assert values["baselines", "MNIST", "KL(q‖p)", None] == 8.45965
    assert values["primed", "MNIST", "primed", 0.1] == 7.52303
    assert values["primed dual", "MNIST", "primed dual", 0.3] == 7.33939
    assert values["primed dual", "Fashion-MNIST", "primed dual", 0.4] == 9.57970
    assert values["weights", "MNIST", "KL(q‖p), beta 4", None] == 11.75038
    run = next(line for line in published.lines() if line.name == "primed dual" and line.alpha == 0.3).run(seed=2)
    assert (run.network, run.batch_size, run.lr, run.side, run.seed) == ("burgess", 64, 1e-4, 32, 2)
    experiment = run.experiment((1, 32, 32))
    assert sum(p.numel() for p in experiment.parameters()) == 469_173


def test_consistency_lowers_the_gap_and_the_rate_and_pays_for_it():
    """The small protocol over three seeds; the lower bound of the information falls, below its ceiling."""
    rows = table("cr-lambda")
    found = {name: grouped(rows, "arm", value=name) for name in ("gap", "rate", "information", "rho")}
    arms = [("VAE + Aug",), ("CR-VAE, λ = 0.1",), ("CR-VAE, λ = 1",), ("CR-VAE, λ = 5",)]
    assert all(len(found["gap"][arm]) == 3 for arm in arms)
    assert found["gap"][arms[2]].max() < 0.5 * found["gap"][arms[0]].min()
    for name in ("gap", "rate", "rho"):
        levels = [found[name][arm].mean() for arm in arms]
        assert levels == sorted(levels, reverse=True), name
    probe = grouped(rows, "arm", value="probe")
    assert probe[arms[2]].mean() >= probe[arms[0]].mean() + 0.01
    assert found["information"][arms[2]].max() < found["information"][arms[0]].min()
    for row in rows:
        assert float(row["information"]) < float(row["ceiling"])


def test_augmentation_alone_does_not_make_an_encoder_consistent():
    found = grouped(table("cr-lambda"), "arm", value="rho")
    assert found["VAE + Aug",].mean() > 0.8 * found["VAE",].mean()
    clouds = grouped(table("cr-latent-clouds"), "arm", value="gap")
    assert clouds["CR-VAE, λ = 5",].mean() < 0.2 * clouds["VAE + Aug",].mean()


def test_the_cost_of_a_small_rotation_is_its_square():
    for row in table("cr-tangent"):
        if float(row["delta"]) < 0.5:
            assert float(row["tangent"]) == pytest.approx(float(row["tangent_limit"]), rel=0.1)


def test_a_triplet_loss_pulls_means_together_but_narrows_posteriors():
    """Means move less, but R hardly falls and the rate rises, where consistency lowers both."""
    found = {name: grouped(table("cr-triplet"), "arm", value=name) for name in ("gap", "rate", "rho")}
    plain, triplet, cr = ("VAE + Aug",), ("triplet, weight 10",), ("CR-VAE, λ = 1",)
    assert found["rho"][triplet].max() < 0.9 * found["rho"][plain].min()
    assert found["gap"][triplet].min() > 2 * found["gap"][cr].max()
    assert found["rate"][triplet].min() > found["rate"][plain].max() > found["rate"][cr].max()


def test_every_bound_becomes_consistent_in_the_table():
    found = {name: grouped(table("cr-table-mnist"), "arm", value=name) for name in ("gap", "rate", "nll")}
    bases = {arm.rsplit(", ", 1)[0] for (arm,) in found["gap"]}
    assert len(bases) == 3
    for base in bases:
        assert found["gap"][f"{base}, CR",].max() < 0.8 * found["gap"][f"{base}, Aug",].min()
        assert found["rate"][f"{base}, CR",].max() < found["rate"][f"{base}, Aug",].min()
    vae, beta = (next(found["nll"][b + ", plain",] for b in bases if b.startswith(name)) for name in ("VAE", "β"))
    assert vae.max() < beta.min()


def test_whole_turns_confuse_sixes_with_nines():
    rows = [row for row in table("cr-rotation-limit") if row["arm"].startswith("CR")]
    found = grouped(rows, "angle", value="six_nine")
    assert found["15",].min() > found["180",].max()


@pytest.mark.parametrize("id", ["iwae-learning-curve", "iwae-learning-curve-mnist"])
def test_the_nll_falls_pass_by_pass_and_with_the_draws(id):
    rows = table(id)
    nll = grouped(rows, "draws", "passes", value="nll")
    passes = sorted({int(row["passes"]) for row in rows})
    for k in ("1", "5", "50"):
        levels = [float(nll[k, str(p)].mean()) for p in passes]
        assert levels == sorted(levels, reverse=True)
    last = str(passes[-1])
    assert nll["1", last].mean() > nll["5", last].mean() > nll["50", last].mean()
    assert all(float(row["nll"]) > float(row["published_nll"]) for row in rows), "none has gone the whole way"
