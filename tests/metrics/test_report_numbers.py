"""The report as a whole: any model, any data, one table, one JSON, one picture."""

import json
import math

import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import nn

from vaelab import Train, augment, fit, kl, load, metrics, plots, recipes
from vaelab._utils.errors import DataError, InvalidType, InvalidValue
from vaelab.divergences import Gaussian
from vaelab.metrics import Report
from vaelab.metrics.adapter import adapted
from vaelab.metrics.report_figure import draw
from vaelab.posterior.two_stage import SecondStage

QUICK = {"samples": 20, "nll_images": 50, "small_probe_labels": 100, "samplers": {}}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """One cache for the module: the classifier is trained once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr("vaelab.metrics.classifier.STEPS", 100)
        yield


@pytest.fixture(scope="module")
def bernoulli():
    torch.manual_seed(1)
    experiment = recipes.vae((1, 8, 8), 4, hidden=(48,), likelihood="bernoulli")
    config = Train(epochs=15, batch_size=50, lr=3e-3, binarize="dynamic", device="cpu", progress=False)
    fit(experiment, load("digits"), config)
    return experiment


@pytest.fixture(scope="module")
def found(bernoulli):
    return metrics.report(bernoulli, "digits", **QUICK)


def value(report, name):
    return {row.name: row.value for row in metrics.rows(report)}[name]


def strict(text):
    """JSON without nan and Infinity, which Python would write and other readers refuse."""

    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_every_number_is_there_and_they_agree_with_each_other(found):
    names = {row.name for row in metrics.rows(found)}
    wanted = "nll elbo_test elbo_train elbo_gap distortion rate mse active_0.01 active_0.1 variance_active information"
    wanted += " information_ceiling information_upper kl_to_prior probe_all probe_small probe_all_transformed r rho"
    wanted += " frechet_training_images frechet_reconstructions frechet_prior inference_gap effective_samples"
    assert names >= set(wanted.split())
    assert len(names) == len(metrics.rows(found))
    assert value(found, "elbo_test") == pytest.approx(-value(found, "distortion") - value(found, "rate"))
    assert value(found, "elbo_gap") == pytest.approx(value(found, "elbo_train") - value(found, "elbo_test"))
    assert value(found, "inference_gap") == pytest.approx(-value(found, "nll") - value(found, "elbo_nll_images"))
    assert value(found, "inference_gap") > 0
    errors = {row.name: row.error for row in metrics.rows(found)}
    assert errors["inference_gap"] < errors["nll"], "of the same images"
    assert value(found, "information") <= value(found, "information_ceiling") == pytest.approx(math.log(179))
    parts = value(found, "information") + value(found, "kl_to_prior")
    assert value(found, "rate") == pytest.approx(parts, rel=0.1)
    assert value(found, "probe_all") > 0.5 > value(found, "probe_chance")
    assert value(found, "frechet_training_images") < value(found, "frechet_reconstructions")
    assert found.settings["binarized"] is True
    assert found.notes == () or found.notes[0].startswith("The information")


def test_one_seed_gives_one_report_and_the_generator_is_left_alone(bernoulli, found):
    torch.manual_seed(99)
    state = torch.get_rng_state()
    again = metrics.report(bernoulli, "digits", **QUICK)
    assert metrics.to_json(again) == metrics.to_json(found)
    assert torch.equal(torch.get_rng_state(), state)
    other = metrics.report(bernoulli, "digits", seed=1, **QUICK)
    assert metrics.to_json(other) != metrics.to_json(found)
    assert value(other, "nll") == pytest.approx(value(found, "nll"), abs=4)


class Foreign(nn.Module):
    """A VAE as others write it: probabilities out, log variance beside the mean, vectors in."""

    def __init__(self, ours):
        super().__init__()
        self.one, self.two = ours.model.encoder, ours.model.decoder

    def encode(self, vectors):
        return self.one(vectors.view(-1, 1, 8, 8)).chunk(2, dim=1)

    def decode(self, z):
        return torch.sigmoid(self.two(z)).flatten(1)

    def adapter(self):
        return metrics.bernoulli(
            lambda x: Gaussian(*self.encode(x.flatten(1))), lambda z: self.decode(z).view(-1, 1, 8, 8), module=self
        )


def test_a_foreign_vae_gets_the_same_report_as_ours(bernoulli, found):
    theirs = metrics.report(Foreign(bernoulli).adapter(), "digits", **QUICK)
    ours = {row.name: row for row in metrics.rows(found)}
    for row in metrics.rows(theirs):
        assert row.description == ours[row.name].description
        assert row.value == pytest.approx(ours[row.name].value, rel=1e-4), row.name


def untrained(latent=3, **design):
    torch.manual_seed(0)
    return recipes.vae((1, 8, 8), latent, hidden=(16,), **design)


def small(n=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, 1, 8, 8, generator=generator), torch.arange(n) % 2


def constant(mean, logvar):
    """A model whose posterior says nothing of the image."""

    def encode(x):
        return Gaussian(x.new_full((len(x), 2), mean), x.new_full((len(x), 2), logvar))

    return metrics.normal(encode, lambda z: z.new_full((len(z), 1, 8, 8), 0.5), 0.5)


def test_what_all_posteriors_share_is_no_information():
    """A rate of 9 nats, of which the latents tell nothing: comparing z with its own posterior only would hide that."""
    found = metrics.report(constant(3.0, 0.0), (small(), small(seed=1)), **QUICK)
    assert value(found, "rate") == pytest.approx(9.0)
    assert value(found, "information") == pytest.approx(0, abs=1e-9)
    assert value(found, "information_upper") == pytest.approx(0, abs=1e-9)
    assert value(found, "kl_to_prior") == pytest.approx(9.0, abs=1)


def test_posteriors_far_apart_tell_which_image_it_was_and_no_more():
    """50 images: at most ln 50 = 3.9, whatever the rate; the report says that this is the ceiling."""

    def encode(x):
        mean = 1000 * x.flatten(1)[:, :2]
        return Gaussian(mean, torch.zeros_like(mean))

    apart = metrics.normal(encode, lambda z: z.new_full((len(z), 1, 8, 8), 0.5), 0.5)
    found = metrics.report(apart, (small(50), small(50, seed=1)), **QUICK)
    assert value(found, "rate") > 10_000
    assert value(found, "information") == pytest.approx(math.log(50), abs=0.1)
    assert any("ceiling, ln 50" in note for note in found.notes)


def test_constant_latents_are_inactive_and_undefined_numbers_are_null():
    found = metrics.report(constant(0.0, 0.0), (small(), small(seed=1)), **QUICK)
    assert value(found, "rate") == 0
    assert value(found, "active_0.01") == value(found, "active_0.1") == 0
    assert math.isnan(value(found, "rho"))
    numbers = strict(metrics.to_json(found))["numbers"]
    assert numbers["rho"]["value"] is None
    assert numbers["variance_active"]["value"] is None
    assert numbers["r"] == {"value": 0.0, "error": 0.0, "unit": "nats"}
    assert " -  " in str(found) or str(found).count("  -") >= 2
    assert value(found, "probe_all") == 0.5
    draw(found).draw_without_rendering()


def test_one_latent_and_one_class():
    images, _ = small()
    found = metrics.report(untrained(latent=1), ((images, None), (images.flip(0), [7] * 40)), **QUICK)
    assert found.probe is None
    assert found.distances == {}
    assert sum(note.startswith(("No probe", "No Fréchet")) for note in found.notes) == 2
    assert strict(metrics.to_json(found))["latents"]["variance_of_means"] == pytest.approx(found.law.of_means.tolist())
    text = "\n".join(text.get_text() for axes in draw(found).axes for text in axes.texts)
    assert "see the note on labels" in text
    assert "no classifier" in text


def test_unknown_labels_get_no_probe_and_a_small_probe_of_all_labels_is_listed_once():
    images, labels = small()
    strangers = metrics.report(untrained(), ((images, labels), (images.flip(0), labels + 2)), **QUICK)
    assert strangers.probe is None
    assert any("test images have other labels" in note for note in strangers.notes)
    found = metrics.report(untrained(), ((images, labels), (images.flip(0), labels)), **QUICK)
    names = [row.name for row in metrics.rows(found)]
    assert "probe_all" in names
    assert "probe_small" not in names
    draw(found).draw_without_rendering()


def test_the_report_names_its_views():
    data = small(), small(seed=1)
    for views, name in ((augment.large(), "large"), (augment.simple(), "simple"), (torch.square, "square")):
        found = metrics.report(untrained(), data, views=views, **QUICK)
        assert found.settings["views"] == name
        assert f"consistency under transformations, {name}" in str(found)


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (lambda x: 255 * x, InvalidValue, r"in \[0, 1\], got values from .* to 25\d"),
        (lambda x: x.mul(2).round().long(), InvalidType, "uint8, bool or floating point, got torch.int64"),
        (lambda x: x.where(x < 0.99, math.nan), InvalidValue, "nan"),
        (lambda x: x.repeat(1, 3, 1, 1), InvalidValue, r"\(1, 8, 8\) .* got \(3, 8, 8\)"),
    ],
)
def test_images_that_cannot_be_get_one_sentence(spoil, error, words):
    images, labels = small()
    data = (spoil(images), labels), (spoil(images).flip(0), labels)
    with pytest.raises(error, match=words):
        metrics.report(untrained(), data, **QUICK)


def test_images_that_are_no_pictures():
    """Rows of numbers, as of a table: no views, no classifier, no pictures."""
    model = metrics.normal(
        lambda x: Gaussian(x[:, :2], torch.zeros_like(x[:, :2])), lambda z: torch.cat([z, z], 1), 0.7
    )
    rows, labels = torch.rand(60, 4), torch.arange(60) % 3
    found = metrics.report(model, ((rows, labels), (rows.flip(0), labels)), **QUICK)
    assert found.consistency is None
    assert found.pictures == {}
    assert found.probe is not None
    assert any("No consistency" in note for note in found.notes)
    assert len(draw(found).axes) == 6


def test_a_bernoulli_of_gray_images_has_no_likelihood():
    gray = small(), small(seed=1)
    model = untrained(likelihood="bernoulli")
    found = metrics.report(model, gray, binarize=False, **QUICK)
    names = {row.name for row in metrics.rows(found)}
    assert found.nll is None
    assert not names & {"nll", "elbo_test", "elbo_train", "elbo_gap"}
    assert "cross-entropy" in str(found)
    assert "a Bernoulli is a likelihood of black and white" in str(found)
    draw(found).draw_without_rendering()
    drawn = metrics.report(model, gray, **QUICK)
    assert drawn.settings["binarized"]
    assert drawn.nll is not None
    sharp = tuple((images.round(), labels) for images, labels in gray)
    assert metrics.report(model, sharp, binarize=False, **QUICK).nll is not None


def test_a_density_is_measured_on_the_gray_images_themselves():
    found = metrics.report(untrained(gamma=0.3), (small(), small(seed=1)), **QUICK)
    assert found.settings["binarized"] is False
    assert found.nll is not None


def test_two_stochastic_layers():
    torch.manual_seed(0)
    found = metrics.report(recipes.two_layer_iwae((1, 8, 8), 5, top=2), (small(), small(seed=1)), **QUICK)
    assert found.to_prior is None
    assert "kl_to_prior" not in {row.name for row in metrics.rows(found)}
    assert any("lowest of several layers" in note for note in found.notes)
    assert "the law: 1" not in str(found)
    assert value(found, "nll") < -value(found, "elbo_nll_images")
    assert "the law" not in {axes.get_title() for axes in draw(found).axes}


@pytest.mark.parametrize(
    "recipe", ["beta_vae", "gjs_vae", "mmd_vae", "iwae", "cr_vae", "balanced_vae", "free_bits_vae"]
)
def test_every_recipe_goes_through(recipe):
    torch.manual_seed(0)
    experiment = getattr(recipes, recipe)((1, 8, 8), 3, hidden=(16,))
    found = metrics.report(experiment, (small(), small(seed=1)), **QUICK)
    assert all(math.isfinite(row.value) for row in metrics.rows(found) if row.name != "variance_active")


def test_samplers_are_measured_by_name_and_the_encoder_s_own_latents_beat_the_prior(bernoulli):
    train = load("digits")
    q = adapted(bernoulli).encode(train.images.float() / 255)

    def aggregate(n):
        chosen = torch.randint(len(q.mean), (n,))
        return q.mean[chosen] + torch.exp(0.5 * q.logvar[chosen]) * torch.randn(n, 4)

    found = metrics.report(bernoulli, "digits", **{**QUICK, "samplers": {"aggregate": aggregate, "far off": far_off}})
    assert value(found, "frechet_far_off") > value(found, "frechet_prior")
    assert value(found, "frechet_aggregate") < value(found, "frechet_far_off")
    assert strict(metrics.to_json(found))["numbers"]["frechet_aggregate"]["value"] == found.distances["aggregate"]


def test_the_second_stage_is_fitted_by_default_and_a_collapsed_one_is_reported(bernoulli):
    few = {**QUICK, "samplers": {"narrow": SecondStage(8, 1, 300, warmup=0.0, gamma=1.0)}}
    narrow = metrics.report(bernoulli, "digits", **few)
    assert any("The narrow has collapsed" in note for note in narrow.notes)
    assert not hasattr(few["samplers"]["narrow"], "deviations_"), "a copy is fitted"
    few["samplers"] = {"wild": SecondStage(8, 1, 300, lr=50.0)}
    wild = metrics.report(bernoulli, "digits", **few)
    assert list(wild.distances) == ["training images", "reconstructions", "prior"]
    assert any("No distance of the wild: the second stage diverged" in note for note in wild.notes)
    del few["samplers"]
    found = metrics.report(bernoulli, "digits", **few)
    assert list(found.distances) == ["training images", "reconstructions", "prior", "second stage"]
    assert value(found, "frechet_second_stage") < narrow.distances["narrow"]
    assert not any("collapsed" in note for note in found.notes)


def far_off(n):
    return torch.full((n, 4), 6.0) + 0.1 * torch.randn(n, 4)


def test_the_elbo_gap_is_that_of_over_fitting():
    torch.manual_seed(0)
    train, test = load("digits").subset(100), load("digits", "test")
    experiment = recipes.vae((1, 8, 8), 8, hidden=(128,), gamma=0.1)
    fit(experiment, train, Train(epochs=150, batch_size=50, lr=3e-3, device="cpu", progress=False))
    found = metrics.report(experiment, (train, test), **QUICK)
    assert value(found, "elbo_gap") > 20
    assert found.train.rate.shape == (100,)


def test_the_table_has_decimals_by_the_error_and_says_what_it_is_of(found):
    text = str(found)
    assert "NLL, 20 samples, 50 test images" in text
    nll = next(row for row in metrics.rows(found) if row.name == "nll")
    decimals = max(0, 1 - math.floor(math.log10(nll.error)))
    assert f"{nll.value:.{decimals}f} ± {nll.error:.{decimals}f}" in text
    assert all(len(line) < 160 for line in text.splitlines())
    kl_rate = next(row for row in metrics.rows(found) if row.name == "rate")
    assert kl_rate.unit == "nats"


@pytest.mark.parametrize("style", ["paper", "notebook", "talk"])
def test_the_picture_has_seven_panels_none_of_them_cut_off(found, style):
    with plots.style(style):
        figure = draw(found, style)
        figure.draw_without_rendering()
        width, height = figure.get_size_inches()
        box = figure.get_tightbbox()
    assert len(figure.axes) == 7
    slack = 0.02 * width
    assert box.x0 > -slack
    assert box.y0 > -slack
    assert box.x1 < width + slack
    assert box.y1 < height + slack


def test_another_style_is_refused(found):
    with pytest.raises(InvalidValue, match="poster"):
        draw(found, "poster")


def test_equal_reports_are_equal_files(found, tmp_path):
    first, second = metrics.save(found, tmp_path / "a"), metrics.save(found, tmp_path / "b")
    assert [path.name for path in first] == ["report.txt", "report.json", "report.png", "report.pdf"]
    for a, b in zip(first, second, strict=True):
        assert a.read_bytes() == b.read_bytes()
    assert (tmp_path / "a" / "report.txt").read_text() == f"{found}\n"
    kept = strict((tmp_path / "a" / "report.json").read_text())
    assert kept["numbers"]["rate"]["value"] == pytest.approx(value(found, "rate"))
    assert len(kept["latents"]["mean_of_variances"]) == kept["settings"]["latents"] == 4
    with Image.open(tmp_path / "a" / "report.png") as picture:
        assert picture.size[0] > 1000


def test_a_picture_that_cannot_be_drawn_loses_no_number(found, tmp_path, monkeypatch):
    metrics.save(found, tmp_path)

    def fail(*args, **kwargs):
        raise RuntimeError("latex could not be found.\nThe full report:")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(DataError) as caught:
        metrics.save(found, tmp_path)
    assert str(caught.value) == (
        f"report.txt and report.json are in {tmp_path}, but the picture cannot be drawn "
        "(latex could not be found. The full report:)."
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json", "report.txt"], "no picture of another"
    assert (tmp_path / "report.txt").read_text() == f"{found}\n"


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"nll_images": 0}, InvalidValue, "nll_images.*0"),
        ({"nll_images": -3}, InvalidValue, "nll_images.*-3"),
        ({"nll_images": 2.5}, InvalidType, r"nll_images.*2\.5"),
        ({"samples": 2.5}, InvalidType, r"samples.*2\.5"),
        ({"samples": 1}, InvalidValue, "samples must be at least 2"),
        ({"small_probe_labels": 0}, InvalidValue, "small_probe_labels.*0"),
        ({"small_probe_labels": 1}, InvalidValue, "small_probe_labels must be at least 2"),
        ({"seed": -1}, InvalidValue, "seed.*-1"),
        ({"seed": "a"}, InvalidType, "seed.*'a'"),
        ({"views": lambda x: x[:1]}, InvalidValue, r"shape of the images, \[40, 1, 8, 8\], got \[1, 1, 8, 8\]"),
        ({"views": lambda x: x[..., :5]}, InvalidValue, r"got \[40, 1, 8, 5\]"),
        ({"views": "simple"}, InvalidType, "views must be a function, got 'simple'"),
    ],
)
def test_numbers_and_views_that_cannot_be_get_one_sentence(options, error, words):
    with pytest.raises(error, match=words):
        metrics.report(untrained(), (small(), small(seed=1)), **{**QUICK, **options})


def test_what_is_no_label_no_function_and_no_latent_gets_one_sentence(bernoulli):
    images, _ = small()
    with pytest.raises(InvalidType, match=r"labels must be whole numbers.*return_inverse"):
        metrics.report(untrained(), ((images, ["a"] * 40), (images, ["b"] * 40)), **QUICK)
    with pytest.raises(InvalidType, match="encode must be a function, got 3"):
        metrics.normal(3, lambda z: z, 1.0)
    wide = {**QUICK, "samplers": {"wide": lambda n: torch.zeros(n, 9)}}
    with pytest.raises(InvalidValue, match=r"latents of wide must be \[179, 4\], got \[179, 9\]"):
        metrics.report(bernoulli, "digits", **wide)


def test_the_rate_is_that_to_the_prior():
    images = small()[0]
    experiment = untrained()
    q = experiment.encode(images)
    found = metrics.report(experiment, ((images, None), (images, None)), **QUICK)
    assert isinstance(found, Report)
    torch.testing.assert_close(found.test.rate.float(), kl(q, Gaussian.standard()))
    torch.testing.assert_close(found.law.of_means, q.mean.var(0, correction=0))
