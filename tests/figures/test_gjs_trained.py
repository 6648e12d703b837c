"""The figures that train: limits and identities on small data, and shared trainings."""

import numpy as np
import pytest

from figures import make
from figures.gjs import alpha_sweeps, image_grids, trainings, variants
from figures.gjs.rate_distortion import twins
from figures.registry import FIGURES
from tests.figures.helpers import draw, table
from vaelab._utils.errors import InvalidValue
from vaelab.runs.execute import stackable_groups, train_all, train_one
from vaelab.runs.run import Run

beta_grid = FIGURES["gjs-beta-grid"]
noise = FIGURES["gjs-noise"]
plain_vs_primed = FIGURES["gjs-plain-vs-primed"]
rate_distortion = FIGURES["gjs-rate-distortion"]
recon_vs_alpha = FIGURES["gjs-recon-vs-alpha"]
reconstructions = FIGURES["gjs-reconstructions"]
trainable_alpha = FIGURES["gjs-trainable-alpha"]
traversals = FIGURES["gjs-traversals"]
variance = FIGURES["gjs-variance-law"]

SMALL = {"data": "digits", "latent": 4, "hidden": (32,), "epochs": 15}
ALPHAS = [0.0, 0.1, 0.5, 0.9, 1.0]


pytestmark = pytest.mark.usefixtures("shared_cache")


@pytest.fixture(scope="module")
def swept():
    return recon_vs_alpha.compute("cpu", alphas=ALPHAS, seeds=2, **SMALL)


def on_test_images(item, result):
    return [row for row in table(item, result) if row["split"] == "test"]


def test_at_its_ends_every_family_is_one_of_the_kl_lines(swept):
    """A seed fixes weights, order and noise, so the trainings agree up to rounding."""
    for measure in ("reconstruction", "rate"):
        found = {}
        for row in table(recon_vs_alpha, swept):
            found.setdefault((row["variant"], row["alpha"], row["split"]), []).append(float(row[measure]))
        for split in ("train", "test"):
            kl, reverse = found["KL(q||p)", "", split], found["KL(p||q)", "", split]
            assert found["primed", "0", split] == pytest.approx(kl, rel=3e-3)
            assert found["primed", "1", split] == pytest.approx(reverse, rel=3e-3)
            assert found["primed dual", "0", split] == pytest.approx(reverse, rel=3e-3)
            assert found["primed dual", "1", split] == pytest.approx(kl, rel=3e-3)
            assert measure == "reconstruction" or min(np.abs(np.subtract(reverse, kl))) > 0.1 * max(kl)
    assert len(draw(recon_vs_alpha, swept).axes) == 4


def test_the_two_terms_weighed_are_the_divergence_that_was_minimized(swept):
    rows = [row for row in table(recon_vs_alpha, swept) if row["alpha"] and row["split"] == "test"]
    assert len(rows) == 2 * len(ALPHAS) * 2
    for row in rows:
        assert float(row["weighted_total"]) == pytest.approx(float(row["divergence"]), rel=1e-4, abs=1e-5)
        assert float(row["kl_posterior"]) >= 0
        assert float(row["kl_prior"]) >= 0


def test_what_one_figure_trained_no_other_trains_again(swept, no_training):
    shown = {"primed": [0.1, 0.9], "dual": [0.1, 0.5], "seeds": 2, **SMALL}
    for item, settings in ((reconstructions, shown), (traversals, shown), (variance, shown)):
        result = item.compute("cpu", **settings)
        assert draw(item, result).axes
        assert len(table(item, result)) > 4


def test_reconstructions_are_those_that_were_measured(swept):
    result = reconstructions.compute("cpu", primed=[0.1], dual=[0.5], seeds=2, **SMALL)
    errors = image_grids.squared_error(result.numbers)
    assert errors.shape == (4, 10)
    measured = variants.on_test(swept.numbers, [0, 1])[:, 0]
    assert errors[:2].mean(1) == pytest.approx(measured, rel=0.5)  # ten images of the whole test set


def test_a_latent_that_says_nothing_moves_nothing():
    silent = {"mean": np.zeros((50, 2)), "logvar": np.zeros((50, 2))}
    assert trainings.information(silent) == pytest.approx([0, 0])
    loud = {"mean": np.linspace(-3, 3, 50)[:, None], "logvar": np.full((50, 1), -2.0)}
    assert trainings.information(loud) == pytest.approx([0.5 * np.log1p(loud["mean"].var() / np.exp(-2.0))])


def test_the_law_of_kl_follows_from_any_posteriors():
    result = variance.compute("cpu", primed=[0.5], dual=[0.5], seeds=2, **SMALL)
    rows = [row for row in table(variance, result) if row["variant"] == "KL(q||p)"]
    assert rows
    for row in rows:
        assert float(row["predicted"]) == pytest.approx(1, abs=1e-3)
        assert float(row["predicted_own"]) == pytest.approx(1, abs=1e-5)


def test_plain_and_primed_are_one_loss_at_one_half_and_other_seeds_show_the_noise():
    result = plain_vs_primed.compute("cpu", alphas=[0.5], seeds=2, **SMALL)
    seeds = {(row["variant"], int(row["first_seed"]) + int(row["seed"])) for row in table(plain_vs_primed, result)}
    assert {("primed", 0), ("primed", 1), ("plain", 2), ("plain", 3)} <= seeds
    gap, width = alpha_sweeps.noise_of_a_run(result.numbers)
    assert 0 < gap <= width
    draw(plain_vs_primed, result)
    options = [variants.gjs(family, 0.5).options for family in ("plain", "primed")]
    plain, primed = train_all([Run("gjs_vae", o, **SMALL, seed=0) for o in options], "cpu")
    assert float(plain.numbers["test_reconstruction"]) == pytest.approx(
        float(primed.numbers["test_reconstruction"]), rel=1e-4
    )


def test_stacked_trainings_are_those_of_one_alone():
    runs = [Run("gjs_vae", {"alpha": a, "dual": True, "primed": True}, **SMALL, seed=7) for a in (0.2, 0.4, 0.6)]
    together = train_all(runs, "cpu", stacked=True)
    alone = train_one(**{**SMALL, "recipe": "gjs_vae", "options": runs[1].options, "seed": 7}, **rest(runs[1]))
    assert float(together[1].numbers["test_divergence"]) == pytest.approx(float(alone["test_divergence"]), rel=1e-3)
    assert together[0].numbers["test_divergence"] != together[1].numbers["test_divergence"]


def rest(run):
    known = {*SMALL, "recipe", "options", "seed"}
    return {"device": "cpu"} | {k: v for k, v in vars(run).items() if k not in known}


def test_only_what_differs_in_numbers_is_stacked():
    def task(**settings):
        return {"options": {}, "network": "mlp", "noise": 0.0, "seed": 0, **settings}

    numbers = [task(options={"alpha": a / 100, "dual": False}, seed=a) for a in range(10)]
    others = [task(options={"alpha": 0.1, "dual": True}), task(network="conv"), task(network="conv", seed=1)]
    noisy = [task(noise=0.5), task(noise=0.5, seed=1)]
    groups = stackable_groups([*numbers, *others, *noisy])
    assert sorted(i for group in groups for i in group) == list(range(15))
    assert [len(group) for group in groups] == [5, 5, 1, 1, 1, 1, 1]
    assert all(max(group) < 10 for group in groups[:2])


def test_weights_and_rates_order_as_they_must():
    """A larger weight lowers the divergence; the rate-distortion plane uses the same trainings."""
    settings = {"alphas": [0.5], "seeds": 1, **SMALL}
    grid = beta_grid.compute("cpu", betas=[0.1, 1.0, 10.0], weights=[1.0, 8.0], **settings)
    rates = [float(row["rate"]) for row in on_test_images(beta_grid, grid) if not row["alpha"]]
    assert rates[0] > rates[1] > rates[2]
    small, large = [float(row["divergence"]) for row in on_test_images(beta_grid, grid) if row["alpha"]]
    assert small > large
    draw(beta_grid, grid)
    plane = rate_distortion.compute("cpu", betas=[0.5, 1.0], **settings)
    ((alpha, dual, beta),) = twins(plane.numbers)
    assert alpha == 0.5
    assert dual.shape == beta.shape == (2,)
    assert len(draw(rate_distortion, plane).axes) == 2
    (row,) = (row for row in on_test_images(rate_distortion, plane) if row["variant"] == "primed dual")
    assert [float(row[name]) for name in ("rate", "reconstruction_sampled")] == pytest.approx(dual.tolist(), rel=1e-6)


def test_alpha_is_followed_over_the_epochs():
    result = trainable_alpha.compute("cpu", starts=[0.2, 0.8], seeds=1, **{**SMALL, "lr": 0.02})
    n = result.numbers
    assert n["alphas"].shape == (4, 1, SMALL["epochs"])
    assert ((n["alphas"] > 0) & (n["alphas"] < 1)).all()
    assert (np.abs(n["alphas"][:, 0, -1] - n["start"]) > 1e-3).all()
    assert len(draw(trainable_alpha, result).axes) == 2
    rows = table(trainable_alpha, result)
    assert [float(row["alphas"]) for row in rows] == pytest.approx(n["alphas"].flatten(), rel=1e-6)


def test_more_noise_on_the_input_is_harder():
    result = noise.compute("cpu", noises=[0.1, 3.0], seeds=1, **SMALL)
    errors = result.numbers["reconstruction"][:, :, 0]
    assert (errors[:, 0] < errors[:, 1]).all()
    shown, inputs = (result.numbers[name].astype(float) for name in ("shown", "inputs"))
    assert np.abs(inputs[0] - shown).mean() < np.abs(inputs[1] - shown).mean()
    draw(noise, result)
    assert [float(row["reconstruction"]) for row in table(noise, result)] == pytest.approx(errors.flatten(), rel=1e-6)


def test_a_figure_without_a_quick_preset_says_what_it_needs(tmp_path):
    with pytest.raises(InvalidValue, match="vaelab data get chairs"):
        make(["gjs-recon-vs-alpha-chairs"], out=tmp_path)


def test_images_are_padded_averaged_and_limited_and_never_cropped():
    run = Run("vae", data="digits", side=12, limit=100)
    images = run.images("train")
    assert images.shape == (100, 1, 12, 12)
    assert images[:, :, :2].sum() == images[:, :, -2:].sum() == images[..., :2].sum() == 0
    assert images.sum() > 0
    whole, half = Run("vae", data="digits").images("test"), Run("vae", data="digits", side=4).images("test")
    assert half.shape[2:] == (4, 4)
    assert half.float().mean().item() == pytest.approx(whole.float().mean().item(), abs=0.5)
    with pytest.raises(InvalidValue, match="side must be at least 8, that of digits, or divide it, got 6"):
        Run("vae", data="digits", side=6).images("train")
