"""What titles, alternative texts, the README and the notebooks claim is true of the committed numbers."""

import re
from pathlib import Path

import numpy as np
import pytest

from figures import manifest, npz
from figures.balancing import curves, endpoints, race
from figures.consistency.lambdas import NEAR_CEILING
from figures.gjs import alpha_sweeps, image_grids, limits, mixture_fit, rate_distortion, theory, variants
from figures.registry import FIGURES
from figures.variance_law import law_bars, other_laws
from vaelab.cli.figures import figures_make
from vaelab.cli.reproduce import reproduce

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROWS = {row["id"]: row for row in manifest.read(manifest.FOLDER)}
ADAPTIVE = ("learned", "computed, rule", "optimum of the batch", "GECO")  # the beginnings of labels


def numbers(id):
    return npz.load_arrays(npz.path_of(manifest.FOLDER, id))


def source(number):
    """The words of a notebook on one line, without the marks of its comments."""
    (path,) = (ROOT / "notebooks" / "source").glob(f"{number}_*.py")
    return " ".join(path.read_text(encoding="utf-8").replace("\n#", " ").split())


def at(n, label):
    return list(n["label"]).index(label)


def test_the_committed_words_are_those_of_the_scripts():
    for id, row in ROWS.items():
        item = FIGURES[id]
        assert row["title"] == item.title, id
        assert row["alt"] == item.describe(numbers(id), len(row["seeds"])), id


def test_the_ends_of_curves_are_said_to_be_the_means_that_they_are():
    for id in ("gam-gamma", "gam-error", "gam-kl", "gam-parts"):
        alt, n = ROWS[id]["alt"], numbers(id)
        assert "at the last" not in alt.lower(), id
        assert f"mean over steps {n['step'][-2] + 1} to {n['step'][-1]}: " in alt, id
    n = numbers("gam-gamma")
    learned = n["variance"][at(n, "learned, the network's rate")].mean(0)[-1]
    end = numbers("gam-crossing")["variance"][at(numbers("gam-crossing"), "learned, the network's rate")].mean()
    assert learned > 1.05 * end, "the mean over the last steps is not the last value"


def test_the_claims_on_the_training_with_each_gamma():
    n = numbers("gam-kl")
    kl, early = n["divergence"].mean(1), n["step"] <= curves.EARLY
    dip = np.array([values[values[early].argmax() :].min() for values in kl])
    assert (kl[:, early].max(1) > 2 * dip).all(), "every KL overshoots"
    assert (kl[:, -1] > 1.5 * dip).all(), "and then grows"
    small = n["variance"].mean(1)[:, 0] < 0.5
    assert kl[small][:, early].max(1).min() > 4 * kl[~small][:, early].max(1).max()
    n = numbers("gam-error")
    error, free = n["mse"].mean(1), n["label"] != "fixed 0.1"
    i = at(n, "learned, the network's rate")
    others = np.delete(error[free], i, 0)
    middle = (n["step"] > 100) & (n["step"] < 1000)
    assert (error[i, middle] > others[:, middle].max(0)).all(), "it lags"
    assert error[i, -1] < 1.1 * others[:, -1].min(), "and ends near the others"
    n = numbers("gam-parts")
    computed = np.char.startswith(n["label"], "computed")
    assert curves.reconstruction_over_half_d(n).mean(1)[computed, -1] == pytest.approx(np.ones(3), abs=0.05)
    n = numbers("gam-ratchet")
    a, b, c = n["variance"][:, :, -1].T
    assert (np.diff(n["variance"][:, 0, n["step"] > 10], axis=1) < 0).all(), "A keeps falling"
    assert ((a < b - 0.03) & (b > 0.95) & (b < 1)).all()
    assert c == pytest.approx(np.ones(4), abs=0.002)


@pytest.mark.parametrize("id", ["gam-crossing", "gam-families"])
def test_at_equal_rate_gammas_that_follow_the_error_have_less_of_it(id):
    n, alt = numbers(id), ROWS[id]["alt"]
    ratios = endpoints.error_over_fixed(n)
    follows = np.array([str(label).startswith(ADAPTIVE) for label in n["label"]])
    assert (ratios[follows] > 0.89).all()
    assert (ratios[follows] < 0.95).all()
    assert "the error is smaller at equal rate, at every seed" in source("09")
    others = ratios[~follows & ~n["fixed"]]
    assert (np.abs(others - 1) < 0.03).all()
    for label, seeds in zip(n["label"], ratios, strict=True):
        assert n["fixed"][at(n, label)] or f"{label} {seeds.min():.2f} to {seeds.max():.2f}" in alt
    rate, error, fixed = n["rate"][:, 0], np.log(n["error_sampled"][:, 0]), n["fixed"]
    line = np.interp(rate[~fixed], *zip(*sorted(zip(rate[fixed], error[fixed], strict=True)), strict=True))
    assert np.exp(error[~fixed] - line) == pytest.approx(ratios[~fixed, 0])
    assert np.isnan(ratios[fixed]).all()


def test_no_gamma_that_is_not_fixed_ends_at_the_crossing_of_the_fixed_ones():
    n, words = numbers("gam-crossing"), source("09")
    crossing, ends = endpoints.crossing(n), n["variance"][~n["fixed"]].mean(1)
    assert not np.isclose(ends, crossing, rtol=0.05).any()
    slow, others = ends[0], ends[1:]
    assert (others < crossing).all()
    assert "where *its own* error meets the diagonal: below the crossing" in words
    assert slow > crossing
    assert "at the rate of the network has not converged, so it is still above" in words
    assert n["error_sampled"][~n["fixed"]].mean(1)[1:] == pytest.approx(others, rel=0.07), "they end at their error"
    for text in (words, README, FIGURES["gam-crossing"].title, FIGURES["gam-families"].title):
        assert not re.search("one curve|same crossing|same curve|look for the crossing", text)


def test_what_notebook_09_says_of_the_race_is_true_of_the_figures():
    words, n = source("09"), numbers("gam-score")
    fixed, score = n["fixed"], n["score_sampled"].mean(1)
    best = score.argmin()
    assert fixed[best]
    assert n["variance"][best].mean() > 10 * endpoints.crossing(numbers("gam-crossing"))
    assert "the best sample score belongs to a fixed gamma that is far too large" in words
    n = numbers("gam-kl")
    kl, first = n["divergence"], n["step"] <= 25
    small = n["variance"].mean(1)[:, 0] < 0.5
    assert (kl[small].mean(1)[:, first].max(1) > 4 * kl[~small][..., n["step"] <= curves.EARLY].max()).all()
    assert "Where gamma is small from the first step, the KL overshoots early" in words
    n, default = numbers("gam-race"), "computed, rule B, from the data"
    column = {int(step): i for i, step in enumerate(n["step"])}
    shares = race.step_shares(n, default)
    assert (shares[:, column[400]] < 1).all()
    assert (shares[:, column[400]] < shares[:, column[1200]]).all()
    assert (shares[:, column[1200]] < shares[:, column[1600]]).all()
    assert np.isnan(shares[:, column[2000]]).all()
    assert "The earlier the race stops, the better the computed gamma looks" in words
    errors = [n["error"][at(n, name)] for name in (race.LEARNED, default)]
    assert (errors[0] < errors[1]).all()
    assert "At the end the learned run has the smaller error" in words


def test_what_notebook_09_says_of_cifar_is_true_of_the_figure():
    words, n = source("09"), numbers("gam-race-cifar10")
    shares = dict(zip(n["step"], race.step_shares(n, "computed, rule B, from the data").mean(0), strict=True))
    early = [shares[step] for step in n["step"] if 600 <= step <= 1200]
    assert early == pytest.approx([0.5] * len(early), abs=0.06)
    assert "about half of the steps as long as the learned run has not converged" in words
    assert np.isnan(shares[3000])
    assert "and never reaches its final error" in words


def test_the_numbers_of_notebook_11_are_those_of_the_figure():
    words, n = source("11"), numbers("cr-lambda")
    *without, _, one, _ = n["probe"].mean(1)
    assert one > max(without) + 0.01, "rows 1 to 3 do not have the accuracy of row 4"
    assert n["nll"].mean(1).argmin() == 1, "the VAE that trained longer has the best NLL"
    assert f"near its ceiling $\\ln2000\\approx{n['ceiling'][0, 0]:.2f}$ up to $\\lambda=1$" in words
    assert n["nll"].mean(1)[4] - n["nll"].mean(1)[2] == pytest.approx(4, abs=0.5), "four nats"


def test_the_claims_on_samples_and_reconstructions_over_gamma():
    n = numbers("gam-score")
    fixed, gamma = n["fixed"], n["variance"][n["fixed"]].mean(1)
    best = [gamma[n[name][fixed].mean(1).argmin()] for name in ("score_sampled", "score_rebuilt")]
    assert gamma.min() < best[1] < best[0] < gamma.max()
    n = numbers("gam-strip")
    error, score = endpoints.squared_error(n).mean(1)[:-1], n["score"][:-1]  # by falling gamma
    assert score.argmin() < error.argmin(), "samples need a larger gamma"
    n = numbers("gam-variance-loss")
    drawn, mean = np.moveaxis(n["lost"] / n["error"], -1, 0)
    assert (drawn > 1).all()
    assert (mean > drawn).all()
    n = numbers("gam-law")
    means = (n["of_means"] + n["of_noise"]).mean((1, 2))
    assert n["label"][np.abs(means - 1).argmax()] == "fixed 0.003"
    n = numbers("gam-samplers")
    assert "the control GMM, same factors aside" in ROWS["gam-samplers"]["alt"]
    assert n["frechet"].mean(0).argmin() not in (6, 7), "the control is better than the best generator"


def test_the_errors_against_alpha_are_not_said_to_lie_between_the_two_kl_divergences():
    for id in ("gjs-recon-vs-alpha", "gjs-recon-vs-alpha-fashion", "gjs-recon-vs-alpha-dsprites"):
        n = numbers(id)
        test = variants.on_test(n, slice(None)).mean(-1)
        assert test.min() < test[list(n["variant"]).index(variants.KL)]
        assert "between" not in FIGURES[id].title
    n = numbers("gjs-recon-vs-alpha")
    test = variants.on_test(n, slice(None)).mean(-1)
    vae, reverse = test[:2]
    primed, dual = (test[variants.rows_of(n, family)] for family in ("primed", "primed dual"))
    alphas = n["alpha"][variants.rows_of(n, "primed")]
    assert primed[0] < vae < primed[-1] < reverse, "README: below the VAE at 0.1, toward the reverse KL"
    assert (np.diff(primed) > 0).all()
    assert alphas[dual.argmin()] == 0.3
    assert dual[-1] < vae < dual[0], "README: above the VAE at 0.1, still below it at 0.9"
    assert "still below the VAE at 0.9" in README
    seeds = len(ROWS["gjs-recon-vs-alpha"]["seeds"])
    assert (seeds * len(test), seeds) == (42, 3), "README: forty-two VAEs, three seeds"


def test_the_dual_is_near_the_beta_vae_only_where_the_words_say_so():
    n = numbers("gjs-rate-distortion")
    near = rate_distortion.near(n)
    assert near == [0.3, 0.5, 0.7, 0.9]
    assert "near the beta-VAE with beta = alpha from 0.3 on, far from it at 0.1 and 0.2" in README
    alt = ROWS["gjs-rate-distortion"]["alt"]
    assert "lies near at alpha 0.3, 0.5, 0.7, 0.9 and far at alpha 0.1, 0.2" in alt
    far = [np.abs(dual / beta - 1).max() for alpha, dual, beta in rate_distortion.twins(n) if alpha not in near]
    assert min(far) > 0.2
    shown = set(n["variant"])
    assert {name for name in variants.FAMILIES if name in shown} == {"primed", "primed dual", "plain"}


def test_the_claims_on_the_weight_alpha_and_information():
    n = numbers("gjs-beta-grid")
    beta = np.isnan(n["alpha"])
    errors = variants.on_test(n, beta).mean(-1)[np.argsort(n["weight"][beta])]
    assert (np.diff(errors) > 0).all()
    alt = ROWS["gjs-beta-grid"]["alt"]
    for weight in (2.0, 4.0):
        values = variants.on_test(n, variants.rows_of(n, "primed", weight)).mean(-1)
        assert values.argmin() == 1, "not monotone, so the least is named"
        assert f"least {values.min():.1f} at 0.3" in alt
    gap, width = alpha_sweeps.noise_of_a_run(numbers("gjs-plain-vs-primed"))
    assert gap < width
    n = numbers("gjs-traversals")
    least = n["information"].sum(1).argmin()
    assert (n["variant"][least], n["alpha"][least]) == ("primed dual", 0.1)
    assert image_grids.squared_change(n).shape == n["information"].shape
    for id in ("gjs-trainable-alpha", "gjs-trainable-alpha-mnist"):
        assert "depend" not in FIGURES[id].title, "one seed and a spread of a hundredth"


def test_the_closed_forms_have_the_values_that_the_texts_name():
    alt, n = ROWS["gjs-small-sigma"]["alt"], numbers("gjs-small-sigma")
    assert theory.entrance_fee(limits.ZERO) == pytest.approx(0, abs=1e-5)
    a = np.linspace(0.05, 1, 20_000)
    fees = np.array([theory.entrance_fee(x) for x in a])
    assert a[fees.argmin()] == pytest.approx(limits.LOWEST, abs=1e-4)
    assert f"zero at {limits.ZERO:.3f} and lowest, {fees.min():.3f}, at the golden ratio {limits.LOWEST:.3f}" in alt
    assert limits.excess(n)[:, 0] == pytest.approx(n["fee"], abs=0.01)
    wall = n["primed"][:, 0] / (n["alpha"] ** 2 / (2 * n["s"][0]))
    assert wall == pytest.approx(np.ones(len(wall)), abs=0.1)
    n = numbers("gjs-mixture-fit")
    assert mixture_fit.jump(n) == (0.12, 0.14)
    where = (n["kind"] == "primed dual") & (n["start"] == "component")
    pairs = [(a, v) for a, v in zip(n["alpha"][where], n["fit"][where, 0], strict=True)]
    for alpha, value in pairs:
        other = (n["kind"] == "primed dual") & (n["start"] == "moments") & (n["alpha"] == alpha)
        assert value < n["fit"][other, 0][0], "the second minimum is the lower one"


def test_the_notebook_s_own_values_are_not_called_published():
    alt = ROWS["gjs-integrands"]["alt"]
    assert "published" not in alt
    wrong = numbers("gjs-integrands")["integrals"][:, 2]
    assert all(f"authors' notebook {value:.3f}" in alt for value in wrong)


def test_unknown_epochs_are_called_unknown():
    for text in (README, FIGURES["gjs-reproduction"].title, ROWS["gjs-reproduction"]["alt"], reproduce.__doc__):
        assert "at the published settings" not in text
        assert "epochs" in text
        assert "unknown" in text
    assert "published settings" not in figures_make.__doc__


def test_the_information_is_called_a_bound_where_it_is_near_its_ceiling():
    n, alt = numbers("cr-lambda"), ROWS["cr-lambda"]["alt"]
    information, ceiling = n["information"].mean(1), n["ceiling"][0, 0]
    near = [f"{v:g}" for v, i in zip(n["lambda"][2:], information[2:], strict=True) if i > ceiling - NEAR_CEILING]
    assert near == ["0", "0.1", "1"]
    assert f"Near it, at lambda {', '.join(near)}, it is only a lower bound." in alt
    assert information[-1] < ceiling - 1
    assert not re.search("does not rise|not rise with", alt + source("11"))


def test_the_claims_on_the_variance_of_the_codes():
    n = numbers("var-point-vs-average")
    average = law_bars.active_sums(n).mean()
    axes = FIGURES["var-point-vs-average"].draw(n).axes[1]
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert f"average: {average:.2f}" in legend
    assert f"the sum averages {average:.2f}," in ROWS["var-point-vs-average"]["alt"]
    left = FIGURES["var-point-vs-average"].draw(n).axes[0]
    k = law_bars.shown_latent(n)
    assert left.get_ylim()[1] > n["square"][0][:, k].max(), "no point is cut off"
    assert left.get_xlim()[1] > n["variance"][0][:, k].max()
    n = numbers("var-law-through-training")
    means = law_bars.mean_active(n)[:, law_bars.TEST]
    assert (means[:, 1:6] > 1.05).all()
    assert (np.abs(means[:, -1] - 1) < np.abs(means[:, 2:6].max(1) - 1)).all()
    n = numbers("var-marginals")
    assert n["kl"].max() < 0.05, "nearly normal, one by one"
    n = numbers("var-other-laws")
    ratios = [
        np.exp(np.log(n["measured"][where] / n["predicted"][where]).mean())
        for where in (other_laws.active(n, law) for law in range(8))
    ]
    assert 0.95 < min(ratios) < max(ratios) < 1.2
    n = numbers("var-law-bars")
    total = n["of_means"] + n["of_noise"]
    for part, active in zip(total, n["active"].astype(bool), strict=True):
        assert part[active].mean() == pytest.approx(1, abs=0.06)
        assert part[~active].mean() == pytest.approx(1, abs=0.06)
    with_, without = numbers("var-sampling-off")["variance"][..., -1].mean(1)
    assert with_ > 2 * without


def test_the_claims_on_the_latent_plane():
    n = numbers("var-trajectories")
    assert (n["radii"][:, -1] < 0.3 * n["radii"][:, 0]).all(), "circles shrink"
    spread = np.linalg.norm(n["mean"] - n["mean"].mean(1, keepdims=True), axis=-1).mean(1)
    assert spread[-1] > 5 * spread[0], "and move apart"
    for id in ("var-digits-plane", "var-trajectories", "var-sampling-off"):
        assert "sector" not in ROWS[id]["alt"]


def test_the_readme_names_the_ends_of_the_learning_curves():
    n = numbers("iwae-learning-curve-mnist")
    ours = ", ".join(f"{value:.1f}" for value in n["nll"][:, 0, -1])
    assert f"after {n['passes'][-1]} of 3280 passes (one seed): {ours} nats" in README


def test_every_figure_of_the_readme_s_table_with_one_seed_says_so():
    lines = [line for line in README.splitlines() if re.match(r"\| `(gjs|var|gam|cr|iwae)-", line)]
    assert len(lines) > 12
    for line in lines:
        for id in re.findall("`([a-z0-9-]+)`", line.split("|")[1]):
            assert (len(ROWS[id]["seeds"]) == 1) == ("one seed" in line), id


def test_the_weight_of_the_consistency_has_no_unit():
    drawing = FIGURES["cr-lambda"].draw(numbers("cr-lambda"))
    assert {axes.get_xlabel() for axes in drawing.axes} == {"λ"}


def test_counts_are_written_without_decimals():
    for id, row in ROWS.items():
        assert not re.search(r"\d\.0 (active|latents|seeds|images)", row["alt"]), id


def test_the_note_on_seeds_stands_beside_a_title_or_alone():
    clouds, bars, theory_only = FIGURES["cr-latent-clouds"], FIGURES["var-law-bars"], FIGURES["var-rho"]
    assert [bars.note_on_seeds(k) for k in (0, 1, 3)] == ["", "one seed", "3 seeds: bars side by side"]
    titled = clouds.picture(numbers("cr-latent-clouds"), 1).get_suptitle()
    assert titled.endswith("28 × 28 pixels; R and ν over ten digits; one seed")
    assert bars.picture(numbers("var-law-bars"), 3).get_suptitle() == "3 seeds: bars side by side"
    assert theory_only.picture(numbers("var-rho"), 0).get_suptitle() == ""
    assert theory_only.describe(numbers("var-rho"), 0) == theory_only.alt(numbers("var-rho"))
    assert bars.describe(numbers("var-law-bars"), 3).endswith(". 3 seeds: bars side by side.")
