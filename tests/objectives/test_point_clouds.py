"""The Chamfer distance as a loss, what it is not, and the recipes for point clouds."""

import math
from dataclasses import replace

import pytest
import torch

from vaelab import TrainConfig, fit, fit_many, load, metrics, recipes
from vaelab._utils.errors import InvalidValue
from vaelab.data.augment import CloudAugment
from vaelab.objectives.consistency import consistent
from vaelab.objectives.iwae import IWAEObjective
from vaelab.objectives.likelihoods import Chamfer
from vaelab.training.identity import describe

SMALL = {"points": 48, "latent": 3, "hidden": (8, 8, 16), "fold": 16, "neighbors": 6}
QUICK = TrainConfig(epochs=2, batch_size=16, lr=3e-3, progress=False, device="cpu")


def clouds(n=6, points=48):
    return torch.randn(n, points, 3, generator=torch.Generator().manual_seed(0))


def solids(n=64):
    return load("solids", limit=n).images[:, :48]


@pytest.mark.parametrize("reduce", ["mean", "sum", "max"])
def test_the_loss_is_that_of_the_formula(reduce):
    x, out = clouds(), clouds().flip(1) + 0.3
    distance = metrics.chamfer(x, out, reduce=reduce)
    likelihood = Chamfer(7.0, 0.4, reduce)
    expected = 7 * (distance / (2 * 0.4**2) + math.log(0.4))
    torch.testing.assert_close(likelihood.nll(out, x), expected)
    nll, error = likelihood.nll_and_mse(out, x)
    torch.testing.assert_close(nll, expected)
    torch.testing.assert_close(error, distance)
    torch.testing.assert_close(likelihood.squares(out, x), 7 * distance)


def test_gamma_is_best_at_the_root_of_the_distance_whatever_the_dimension():
    x, out = clouds(), clouds() + 0.2
    best = metrics.chamfer(x, out, reduce="mean").mean().sqrt()
    for dimension in (3.0, 144.0):
        log_gamma = torch.tensor(0.0, requires_grad=True)
        learned = Chamfer(dimension, "learned")
        learned.gamma.log_gamma.data.fill_(float(best.log()))
        learned.nll(out, x).mean().backward()
        assert abs(learned.gamma.log_gamma.grad) < 1e-4 * dimension
        assert log_gamma.grad is None


def test_the_dimension_is_three_times_the_points_by_default_and_is_printed():
    assert recipes.folding_vae(**SMALL).objective.likelihood.dimension == 144
    experiment = recipes.folding_vae(**SMALL, dimension=8)
    assert "Chamfer(\n" in repr(experiment)
    assert "dimension=8" in repr(experiment)
    assert describe(experiment)["likelihood.dimension"].value == 8


def test_a_log_likelihood_is_refused_with_the_reason():
    experiment, x = recipes.folding_vae(**SMALL), clouds()
    reason = "needs a likelihood, but the Chamfer distance is no density of point clouds"
    for call in (
        lambda: metrics.nll(experiment, x, 5),
        lambda: metrics.bound(experiment, x),
        lambda: metrics.report(experiment, (x, x), samples=2, samplers={}),
        lambda: IWAEObjective(Chamfer(3.0)),
    ):
        with pytest.raises(InvalidValue, match=reason):
            call()


@pytest.mark.parametrize("gamma", ["computed", "learned", 0.1])
@pytest.mark.parametrize("grid", ["plane", "sphere"])
def test_it_trains_and_is_measured(gamma, grid):
    torch.manual_seed(0)
    experiment = recipes.folding_vae(**SMALL, gamma=gamma, grid=grid)
    x = solids()
    before = metrics.rate_distortion(experiment, x)
    history = fit(experiment, x, replace(QUICK, epochs=10))
    after = metrics.rate_distortion(experiment, x)
    assert after.distortion < 0.6 * before.distortion
    assert history.rows[-1]["mse"] < history.rows[0]["mse"]
    measured = metrics.evaluate(experiment, x)
    assert measured["reconstruction"] == pytest.approx(after.distortion, rel=1e-4)
    assert experiment.sample(2).shape == (2, 48, 3)
    expected = 144 * metrics.chamfer(x, experiment.reconstruct(x), reduce="mean").mean()
    assert after.distortion == pytest.approx(float(expected), rel=1e-4)


def test_clouds_of_bytes_or_images_are_refused():
    experiment = recipes.folding_vae(**SMALL)
    with pytest.raises(InvalidValue, match="shape"):
        fit(experiment, load("digits", limit=20), QUICK)


def test_consistency_takes_clouds_and_views_of_them():
    torch.manual_seed(0)
    experiment = recipes.cr_folding_vae(**SMALL, consistency=0.5)
    assert isinstance(experiment.views, CloudAugment)
    history = fit(experiment, solids(), QUICK)
    assert history.rows[-1]["consistency"] > 0
    terms = experiment(solids(4))
    expected = terms.nll + terms.divergence
    torch.testing.assert_close(terms.loss, (2 * expected + 0.5 * terms.consistency).mean())


def test_views_of_images_and_of_clouds_are_not_mixed_up():
    with pytest.raises(InvalidValue, match="needs data in"):
        consistent(recipes.folding_vae(**SMALL), views="simple")
    with pytest.raises(InvalidValue, match=r"CloudAugment.*needs point clouds"):
        consistent(recipes.vae((1, 8, 8), 2), views=CloudAugment())
    with pytest.raises(InvalidValue, match=r"CloudAugment.*needs point clouds"):
        fit(recipes.vae((1, 8, 8), 2), torch.zeros(4, 1, 8, 8), QUICK, augment=CloudAugment())


def test_training_resumes_bit_for_bit(tmp_path):
    def make():
        torch.manual_seed(0)
        return recipes.cr_folding_vae(**SMALL)

    def config(folder, epochs):
        return TrainConfig(
            epochs=epochs,
            batch_size=16,
            progress=False,
            device="cpu",
            checkpoints=tmp_path / folder,
            lr_schedule="constant",
        )

    whole, part = make(), make()
    fit(whole, solids(), config("a", 2))
    fit(part, solids(), config("b", 1))
    resumed = make()
    fit(resumed, solids(), config("b", 2), resume=True)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_several_are_trained_together_as_alone():
    def make(gamma, seed):
        return recipes.folding_vae(**SMALL, gamma=gamma)

    many = fit_many(make, [{"gamma": gamma, "seed": 1} for gamma in (0.3, 0.6)], solids(), QUICK)
    torch.manual_seed(1)
    alone = fit(
        make(0.6, 1), solids(), TrainConfig(epochs=2, batch_size=16, lr=3e-3, seed=1, progress=False, device="cpu")
    )
    assert many[1].rows[-1]["loss"] == pytest.approx(alone.rows[-1]["loss"], rel=1e-3)


def test_the_loss_traces_as_one_graph():
    experiment, x = recipes.folding_vae(**SMALL, gamma=0.1), clouds()
    compiled = torch.compile(experiment, fullgraph=True, backend="eager")
    torch.manual_seed(0)
    expected = experiment(x).loss
    torch.manual_seed(0)
    torch.testing.assert_close(compiled(x).loss, expected)
