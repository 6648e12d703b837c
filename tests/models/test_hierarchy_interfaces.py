"""What a flat VAE can do, a hierarchy can: divergences, gamma, bounds, the report, checkpoints, ensembles."""

import math

import pytest
import torch
from torch import nn

from vaelab import (
    Experiment,
    Interventions,
    MarginalPosterior,
    Objective,
    TrainConfig,
    fit,
    fit_many,
    load,
    metrics,
    recipes,
)
from vaelab._utils.errors import InvalidValue
from vaelab.divergences.gaussian import KL, Gaussian, diagonal_kl
from vaelab.divergences.modules import GeometricJS
from vaelab.models.hierarchical import Hierarchy
from vaelab.models.vae import eval_mode
from vaelab.objectives.iwae import IWAEObjective
from vaelab.objectives.likelihoods import Bernoulli, Normal

SHAPE = (1, 8, 8)
SMALL = {"groups": ((2, 1), (4, 1)), "latent": 2, "width": 8}
OPTIONS = {"progress": False, "device": "cpu", "batch_size": 20}


def deep(recipe="hierarchical_vae", **options):
    torch.manual_seed(0)
    return getattr(recipes, recipe)(SHAPE, **{**SMALL, "gamma": 0.3, **options})


@pytest.fixture(scope="module")
def digits():
    return load("digits", limit=200)


@pytest.fixture(scope="module")
def trained(digits):
    experiment = deep(likelihood="bernoulli", gamma=0.5**0.5)
    fit(experiment, digits, TrainConfig(epochs=4, lr=3e-3, **OPTIONS))
    return experiment


@pytest.mark.parametrize(("name", "weight"), [("reverse_kl", 0.5), ("kl", 2.0)])
def test_the_loss_has_the_divergence_of_every_group_and_its_weight(name, weight):
    experiment, x = deep(divergence=name, weight=weight, free_nats=None), torch.rand(5, *SHAPE)
    result = experiment.model(x)
    pairs = zip(result.q, result.p, strict=True)
    expected = sum(diagonal_kl(p, q) if name == "reverse_kl" else diagonal_kl(q, p) for q, p in pairs)
    terms = experiment.objective(x, result)
    torch.testing.assert_close(terms.divergence, expected)
    torch.testing.assert_close(terms.loss, (terms.nll + weight * expected).mean())


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("dual", [False, True])
def test_the_geometric_js_is_taken_of_every_group(alpha, dual, digits):
    experiment = deep(divergence="dual_gjs" if dual else "gjs", alpha=alpha)
    assert isinstance(experiment.objective.divergence, GeometricJS)
    history = fit(experiment, digits, TrainConfig(epochs=2, **OPTIONS))
    assert history["loss"][-1] < history["loss"][0]
    result = experiment.model(experiment.as_input(digits.images[:5]))
    groups = experiment.objective.group_divergences(result)
    expected = [GeometricJS(alpha, dual=dual)(q, p) for q, p in zip(result.q, result.p, strict=True)]
    for ours, theirs in zip(groups, expected, strict=True):
        torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(experiment.objective.total_divergence(result), sum(groups))


@pytest.mark.parametrize("gamma", ["learned", "computed", "optimal", "per-image"])
def test_every_gamma_policy_trains(gamma, digits):
    experiment = deep("cr_hierarchical_vae", gamma=gamma)
    history = fit(experiment, digits, TrainConfig(epochs=2, **OPTIONS))
    assert history["loss"][-1] < history["loss"][0]
    assert math.isfinite(history["gamma"][-1])


def test_the_iwae_bound_is_tighter_and_trains(digits):
    torch.manual_seed(0)
    experiment = Experiment(Hierarchy(SHAPE, **SMALL), IWAEObjective(Normal(0.3), samples=4), SHAPE)
    history = fit(experiment, digits, TrainConfig(epochs=2, **OPTIONS))
    assert history["loss"][-1] < history["loss"][0]
    x = experiment.as_input(digits.images)
    with torch.no_grad():
        tight = experiment(x).loss
        loose = Experiment(experiment.model, IWAEObjective(Normal(0.3), samples=1), SHAPE)(x).loss
    assert tight < loose


def test_the_report_says_what_the_latents_are(trained, digits):
    few = {"samples": 10, "nll_images": 30, "small_probe_labels": 50, "samplers": {}}
    found = metrics.report(trained, (digits, load("digits", "test", limit=150)), **few)
    assert any("noise of several groups" in note for note in found.notes)
    assert not any("lowest of several layers" in note for note in found.notes)
    assert found.settings["latents"] == trained.model.latent


def test_a_chosen_group_has_a_marginal_posterior(trained, digits):
    """In coordinates in which its prior is N(0, I); together the groups are what `encode` returns."""
    whole = trained.encode(digits)
    parts = [MarginalPosterior.from_model(trained, digits, group=k) for k in range(2)]
    assert [part.mean.shape[1] for part in parts] == trained.model.sizes
    torch.testing.assert_close(torch.cat([part.mean for part in parts], 1), whole.mean)
    rates = trained.group_rates(digits)
    for part, rate in zip(parts, rates, strict=True):
        ours = diagonal_kl(Gaussian(part.mean, part.logvar), Gaussian.standard())
        torch.testing.assert_close(ours, rate, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(rates.sum(0), trained.rate(digits))
    assert math.isfinite(parts[0].kl_to_prior(seed=0).value)
    with pytest.raises(InvalidValue, match=r"^group must be at most 1 in a model with 2 of them, got 2\.$"):
        trained.encode(digits, group=2)
    with pytest.raises(InvalidValue, match=r"^group must be at least 0, got -1\.$"):
        MarginalPosterior.from_model(trained, digits, group=-1)


def test_both_groups_of_two_layers_can_be_chosen(digits):
    torch.manual_seed(0)
    experiment = recipes.two_layer_iwae(SHAPE, 6, top=3)
    result = experiment.mean_pass(digits)
    q = experiment.encode(digits, group=1)
    torch.testing.assert_close(q.mean, result.q[1].mean)  # its prior is N(0, I)
    ours = diagonal_kl(experiment.encode(digits, group=0), Gaussian.standard())
    torch.testing.assert_close(ours, experiment.group_rates(digits)[0], rtol=1e-4, atol=1e-4)


def test_interventions_replay_to_the_same_weights(digits):
    changes = [(3, "alpha", 0.5, 0.2), (5, "weight", 1.0, 0.5), (7, "gamma", 0.3, 0.2), (8, "lr", 1e-3, 2e-3)]
    plan = Interventions(changes)
    ours, again = (deep(divergence="gjs", alpha=0.5) for _ in range(2))
    history = fit(ours, digits, TrainConfig(epochs=2, **OPTIONS), interventions=plan)
    assert [change.name for change in history.interventions] == ["alpha", "weight", "gamma", "lr"]
    fit(again, digits, TrainConfig(epochs=2, **OPTIONS), interventions=history.replay())
    assert all(torch.equal(a, b) for a, b in zip(ours.state_dict().values(), again.state_dict().values(), strict=True))


@pytest.mark.parametrize("cells", ["plain", "nvae"])
def test_a_training_resumes_bit_for_bit(cells, digits, tmp_path):
    whole, parts, resumed = (deep(cells=cells) for _ in range(3))
    config = {"ema_decay": 0.9, **OPTIONS}
    history = fit(whole, digits, TrainConfig(epochs=3, **config))
    fit(parts, digits, TrainConfig(epochs=1, checkpoints=tmp_path, **config))
    again = fit(resumed, digits, TrainConfig(epochs=3, checkpoints=tmp_path, **config), resume=True)
    assert again["loss"] == history["loss"]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_many_are_each_trained_as_if_alone(digits):
    settings = [{"alpha": alpha, "seed": 3} for alpha in (0.1, 0.5, 0.9)]
    config = TrainConfig(epochs=1, **OPTIONS)

    def make(alpha, seed):
        return recipes.hierarchical_vae(SHAPE, divergence="gjs", alpha=alpha, **SMALL)

    histories = fit_many(make, settings, digits, config)
    assert histories.method.startswith("one by one")
    torch.manual_seed(3)
    alone = recipes.hierarchical_vae(SHAPE, divergence="gjs", alpha=0.5, **SMALL)
    history = fit(alone, digits, TrainConfig(epochs=1, seed=3, **OPTIONS))
    assert history["loss"] == histories[1]["loss"]


def linear_hierarchy():
    """z1 ~ N(0, 1), z2 = 0.8 z1 + 0.6 e, x = w1 z1 + w2 z2 + 0.5 noise, with the true posteriors.

    Returns:
        The experiment and the density of x [3].
    """
    torch.manual_seed(0)
    w = torch.randn(3, 2, dtype=torch.float64)
    model = Hierarchy((3, 1, 1), groups=((1, 2),), latent=1, width=3).double()
    step, spread, gamma = 0.8, 0.6, 0.5
    first, second = model.levels
    mixed = w[:, 0] + step * w[:, 1]  # of z1 in x
    inner = spread**2 * w[:, 1].outer(w[:, 1]) + gamma**2 * torch.eye(3, dtype=torch.float64)
    covariance = mixed.outer(mixed) + inner
    # q(z1|x), and q(z2|z1, x), whose coordinate is e
    pull1 = torch.linalg.solve(covariance, mixed)
    var1 = 1 - float(mixed @ pull1)
    pull2 = spread * torch.linalg.solve(inner, w[:, 1])
    var2 = 1 - spread * float(w[:, 1] @ pull2)

    def layer(weight, bias):
        conv = nn.Conv2d(weight.shape[1], weight.shape[0], 1).double()
        with torch.no_grad():
            conv.weight.copy_(weight[:, :, None, None])
            conv.bias.copy_(torch.as_tensor(bias))
        return conv

    def raw(variance):
        """The output of a network whose scale, by softplus, has this variance."""
        return math.log2(2 ** math.sqrt(variance) - 1)

    zero = torch.zeros(3, dtype=torch.float64)
    unit = torch.eye(3, dtype=torch.float64)
    model.stem = model.bottom_up["1"] = nn.Identity()  # the features are x
    first.cell = second.cell = nn.Identity()
    first.from_latent, second.from_latent = (layer(unit[:, k : k + 1], zero) for k in (0, 1))
    second.to_prior = layer(torch.stack([step * unit[0], zero]), [0.0, raw(spread**2)])
    first.to_residual = layer(torch.stack([torch.cat([zero, pull1]), zero.repeat(2)]), [0.0, raw(var1)])
    second.to_residual = layer(
        torch.stack([torch.cat([-float(pull2 @ mixed) * unit[0], pull2]), zero.repeat(2)]), [0.0, raw(var2)]
    )
    model.head = layer(torch.stack([w[:, 0], w[:, 1], zero], 1), zero)
    objective = Objective(Normal(gamma, squash=False), KL())
    return Experiment(model, objective, (3, 1, 1)).double(), torch.distributions.MultivariateNormal(zero, covariance)


def test_a_linear_hierarchy_meets_its_exact_density():
    """With the true posteriors every draw has the weight p(x), and the ELBO has no gap in the mean."""
    experiment, density = linear_hierarchy()
    x = density.sample((50,))
    images, truth = x[:, :, None, None], density.log_prob(x)
    torch.testing.assert_close(metrics.nll(experiment, images, 3).per_image, -truth)
    torch.testing.assert_close(metrics.bound(experiment, images).elbo, truth)
    with eval_mode(experiment), torch.no_grad():
        result = experiment.model(images, 4000)
        terms = experiment.objective(images.repeat(4000, 1, 1, 1), result)
    gaps = (terms.nll + terms.divergence).unflatten(0, (4000, -1)).mean(1) + truth.mean()
    assert abs(float(gaps.mean())) < 3 * float(gaps.std()) / 4000**0.5
    assert float(terms.divergence.mean()) > 0.5


@pytest.mark.parametrize("cells", ["plain", "nvae"])
def test_the_rate_of_every_group_is_that_of_draws(cells):
    """E ln q(z_l|x, z_<l)/p(z_l|z_<l), group by group, within 3 standard errors."""
    torch.manual_seed(2)
    model = Hierarchy(SHAPE, groups=((2, 2), (4, 1)), latent=2, width=8, cells=cells).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    x = torch.rand(1, *SHAPE, dtype=torch.float64)
    with eval_mode(model), torch.no_grad():
        result = model(x, 3000)
    for q, p, z in zip(result.q, result.p, result.z, strict=True):
        difference = diagonal_kl(q, p) - (q.log_prob(z) - p.log_prob(z))
        assert abs(float(difference.mean())) < 3 * float(difference.std()) / 3000**0.5


def test_what_contradicts_gets_one_sentence():
    with pytest.raises(InvalidValue, match=r"^divergence must be .*got 'js'"):
        deep(divergence="js")
    with pytest.raises(InvalidValue, match=r"^alpha must be .*got 2"):
        deep(alpha=2.0)
    with pytest.raises(InvalidValue, match=r"gamma must not be given for a Bernoulli"):
        deep(likelihood="bernoulli")
    assert isinstance(deep(likelihood="bernoulli", gamma=0.5**0.5).objective.likelihood, Bernoulli)
