"""Data that are not images in [0, 1]: points, from training to the log likelihood."""

import math

import numpy as np
import pytest
import torch

from vaelab import MarginalPosterior, Train, fit, fit_many, load, metrics, recipes
from vaelab._utils.errors import InvalidType, InvalidValue, UserError
from vaelab.data import augment
from vaelab.data.images import as_images
from vaelab.metrics.adapter import adapted
from vaelab.metrics.classifier import classifier
from vaelab.metrics.fid import features
from vaelab.metrics.log_likelihood import log_evidence
from vaelab.objectives.consistency import consistent
from vaelab.objectives.denoising import DenoisingExperiment
from vaelab.objectives.likelihoods import Bernoulli, Laplace, Normal
from vaelab.posterior import rescale
from vaelab.runs.measure import pictures

QUICK = Train(epochs=20, batch_size=100, lr=5e-3, progress=False)


def points(shape=(3,), n=600):
    """Standardized points around a curve in space, or clouds of them, outside [0, 1]."""
    generator = torch.Generator().manual_seed(0)
    t = 6 * torch.rand(n, *shape[:-1], generator=generator)
    x = torch.stack([t.cos(), t.sin(), t / 3], -1)
    x = x + 0.1 * torch.randn(n, *shape, generator=generator)
    x = (x - x.mean(0)) / x.std(0)
    assert x.min() < -1
    assert x.max() > 1
    return x


@pytest.mark.parametrize("shape", [(3,), (16, 3)])
@pytest.mark.parametrize("likelihood", ["normal", "laplace"])
def test_points_go_from_training_to_the_log_likelihood(shape, likelihood):
    torch.manual_seed(0)
    x = points(shape)
    options = {"likelihood": likelihood, "squash": False, "gamma": "learned", "hidden": (32,)}
    experiment = recipes.vae(shape, 2, **options)
    assert experiment.domain == experiment.objective.likelihood.domain == "real"
    history = fit(experiment, x.numpy().astype(np.float64), QUICK)
    assert history.rows[-1]["loss"] < history.rows[0]["loss"] - 0.2

    found = metrics.evaluate(experiment, x.double())
    variance = float((x - x.mean(0)).square().mean()) * math.prod(shape)
    assert found["reconstruction"] < 0.95 * variance
    assert float(experiment.reconstruct(x).min()) < 0
    assert experiment.encode(x).mean.shape == (600, 2)
    posterior = MarginalPosterior.from_model(experiment, x.numpy())
    assert torch.isfinite(posterior.log_prob(torch.zeros(1, 2))).all()
    torch.testing.assert_close(posterior.mean, metrics.encode(experiment, x).mean)
    elbo = metrics.bound(experiment, x).elbo.mean()
    evidence = log_evidence(experiment, x, 50).mean()
    assert evidence > elbo - 0.1
    assert rescale(experiment, x).variance.shape == (2,)
    report = metrics.report(experiment, (x, x), samples=5, nll_images=40)
    assert report.distances == {} == report.pictures
    assert report.nll.by_images.value == pytest.approx(-float(evidence), abs=3)


def test_many_are_stacked_on_points_and_trained_as_alone():
    x = points()

    def make(gamma, seed):
        return recipes.vae((3,), 2, squash=False, hidden=(8,), gamma=gamma)

    config = Train(epochs=2, batch_size=100, progress=False)
    many = fit_many(make, [{"gamma": gamma, "seed": 1} for gamma in (0.3, 0.6, 0.9)], x, config)
    assert many.method.startswith("stacked")
    torch.manual_seed(1)
    alone = fit(make(0.6, 1), x, Train(epochs=2, batch_size=100, seed=1, progress=False))
    assert many[1].rows[-1]["loss"] == pytest.approx(alone.rows[-1]["loss"], rel=1e-4)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((3,), "data 3"),
        ((16, 3), "point clouds 16x3"),
        ((2, 4, 4), "2x4x4"),
    ],
)
def test_an_array_of_floats_is_a_data_set_of_the_real_domain(shape, expected):
    array = 5 * np.random.RandomState(0).randn(30, *shape)
    data = load(array, domain="real", limit=20)
    assert data.shape == shape
    assert data.images.dtype == torch.float64
    assert expected in repr(data)
    assert len(data) == 20
    assert len(data.sha256) == 64
    experiment = recipes.vae(shape, 2, squash=False, hidden=(8,))
    fit(experiment, data, Train(epochs=1, batch_size=10, progress=False))


def test_the_domain_is_that_of_the_likelihood():
    assert Bernoulli().domain == Normal().domain == Laplace().domain == "unit"
    assert Normal(squash=False).domain == Laplace(squash=False).domain == "real"
    assert adapted(recipes.vae((3,), 2)).domain == "unit"
    assert adapted(recipes.vae((3,), 2, squash=False)).domain == "real"


def test_bytes_are_of_either_domain():
    x = torch.randint(0, 256, (20, 1, 4, 4), dtype=torch.uint8)
    assert as_images(x, (1, 4, 4), "real") is x
    torch.manual_seed(0)
    experiment = recipes.vae((1, 4, 4), 2, squash=False, hidden=(8,))
    torch.testing.assert_close(experiment.encode(x), experiment.encode(x / 255))


def real(**options):
    return recipes.vae((1, 8, 8), 2, squash=False, hidden=(8,), **options)


def unit(**options):
    return recipes.vae((1, 8, 8), 2, hidden=(8,), **options)


X = points((8, 3), 40)[:, None, :, :1].expand(-1, 1, 8, 8).contiguous()
ONE = Train(epochs=1, batch_size=10, progress=False)
DIGITS = load("digits", limit=40)
REFUSED = {
    "normal": (lambda: fit(unit(), X, ONE), r"\[0, 1\].*squash=False"),
    "bernoulli": (lambda: fit(unit(likelihood="bernoulli"), X, ONE), r"\[0, 1\].*squash=False"),
    "nll": (lambda: metrics.nll(unit(likelihood="bernoulli"), X, 2), r"\[0, 1\]"),
    "evaluate": (lambda: metrics.evaluate(unit(), X), r"\[0, 1\].*'real'"),
    "squash": (lambda: real(likelihood="bernoulli"), r"squash must be True.*'unit'"),
    "binarize": (
        lambda: fit(real(), X, Train(epochs=1, binarize="dynamic", progress=False, batch_size=10)),
        r"binarize='dynamic' needs data in \[0, 1\].*'real'",
    ),
    "augment": (lambda: fit(real(), X, ONE, augment=augment.simple()), r"augment=Augment.*'real'"),
    "views": (lambda: consistent(real()), r"views=Augment.*'real'"),
    "recipe": (lambda: recipes.cr_vae((1, 8, 8), 2, squash=False), r"views=Augment.*'real'"),
    "denoising": (
        lambda: DenoisingExperiment(real().model, real().objective, (1, 8, 8), 0.1),
        r"Denoising needs data in \[0, 1\].*'real'",
    ),
    "report": (lambda: metrics.report(real(), (X, X), binarize=True), r"binarize=True.*'real'"),
    "pictures": (lambda: pictures(real(), X, X), r"\[0, 1\]"),
    "moved": (lambda: metrics.transformed(real(), X, augment.simple(), binary=False), r"\[0, 1\]"),
    "fid": (lambda: features(X.expand(-1, 3, 8, 8)), r"\[0, 1\]"),
    "classifier": (lambda: classifier(DIGITS).features(X), r"\[0, 1\]"),
    "nan": (lambda: fit(real(), X / 0, ONE), "'real' must be finite"),
    "load": (lambda: load(X.numpy()), r"must be in \[0, 1\]"),
    "load nan": (lambda: load(np.full((3, 2), np.nan), domain="real"), "'real' must be finite"),
    "load name": (lambda: load("digits", domain="real"), "must be an array or point clouds for domain='real'"),
    "load test": (lambda: load(X.numpy(), "test", domain="real"), "split must be .* got 'test'"),
    "load empty": (lambda: load(np.zeros((0, 3)), domain="real"), r"n at least 1, got \[0, 3\]"),
    "load domain": (lambda: load(X.numpy(), domain="any"), "domain must be .* got 'any'"),
    "whole numbers": (lambda: fit(real(), X.long(), ONE), r"int64; .*float32"),
    "flag": (lambda: unit(squash="no"), "squash must be True or False"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_another_domain_says_so_in_one_sentence(name):
    call, words = REFUSED[name]
    with pytest.raises((InvalidValue, InvalidType), match=words) as caught:
        call()
    assert isinstance(caught.value, UserError)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_functions_of_ones_own_may_transform_points():
    torch.manual_seed(0)
    x = points()
    experiment = consistent(recipes.vae((3,), 2, squash=False, hidden=(8,)), 0.1, lambda x: -x)
    fit(experiment, x, Train(epochs=1, batch_size=100, progress=False), augment=lambda x: x.flip(1))
    assert torch.isfinite(experiment.rate(x)).all()


def test_a_report_on_real_data_of_the_shape_of_images_has_no_pictures():
    """And images stay images, whatever the likelihood."""
    found = metrics.report(real(), (X, X), samples=3, nll_images=10, samplers={})
    assert found.pictures == {}
    assert found.consistency is None
    found = metrics.report(real(), (DIGITS, DIGITS), samples=3, nll_images=10, samplers={})
    assert found.pictures
    assert found.consistency is not None
