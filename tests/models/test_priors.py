"""Learned priors: their densities, their rates, and every step from training to the report."""

import math

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from vaelab import Experiment, MarginalPosterior, TrainConfig, divergences, fit, fit_many, metrics, priors, recipes
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.divergences.gaussian import Gaussian, diagonal_kl
from vaelab.metrics.log_likelihood import bound, log_evidence
from vaelab.models.vae import VAE, total_rate
from vaelab.posterior import rescale
from vaelab.training import checkpoints

SHAPE = (1, 8, 8)
LEARNED = ("mixture:4", "vamp:4", "flow:3")
QUIET = {"batch_size": 50, "progress": False}


def perturbed(experiment, seed=0):
    """Return an experiment whose prior is not the one it starts with."""
    generator, size = torch.Generator().manual_seed(seed), 0.1 if "Flow" in experiment.model.prior.name else 0.3
    with torch.no_grad():
        for parameter in experiment.model.prior.parameters():
            parameter += size * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
    return experiment


def small(prior, latent=2, **design):
    torch.manual_seed(0)
    return recipes.vae(SHAPE, latent, hidden=(16,), prior=prior, **design)


def images(n=200):
    return torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(1))


def two_clusters(n=600):
    """Points whose best latents lie in two clumps: two narrow clusters in three dimensions."""
    generator = torch.Generator().manual_seed(0)
    side = torch.randint(2, (n, 1), generator=generator) * 2.0 - 1
    return 3 * side * torch.tensor([1.0, 1.0, -1.0]) + 0.3 * torch.randn(n, 3, generator=generator)


@pytest.mark.parametrize("word", ["mixture:4", "vamp:4"])
def test_a_density_is_that_of_torch_distributions(word):
    prior = perturbed(small(word, latent=3).double()).model.prior
    z = 2 * torch.randn(500, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    log_weights, parts = prior.components()
    truth = MixtureSameFamily(
        Categorical(logits=log_weights), Independent(Normal(parts.mean, torch.exp(0.5 * parts.logvar)), 1)
    )
    torch.testing.assert_close(prior.log_prob(z), truth.log_prob(z), rtol=0, atol=1e-6)


def test_components_of_a_vamp_prior_are_the_posteriors_of_its_pseudo_inputs():
    model = perturbed(small("vamp:4")).model
    _, parts = model.prior.components()
    inputs = model.prior.pseudo_inputs
    assert inputs.min() >= 0
    assert inputs.max() <= 1
    torch.testing.assert_close(parts.mean, model.posterior(inputs).mean)
    points = perturbed(recipes.vae((3,), 2, squash=False, prior="vamp:4"), 3).model.prior
    assert points.pseudo_inputs.min() < 0  # data of the domain "real" are not clamped


def test_points_in_parts_have_the_same_density(monkeypatch):
    prior = small("mixture:4").model.prior
    z = torch.randn(50, 2)
    whole = prior.log_prob(z)
    monkeypatch.setattr("vaelab.models.priors._mixtures.NUMBERS", 7 * 8)
    torch.testing.assert_close(prior.log_prob(z), whole)


@pytest.mark.parametrize("word", LEARNED)
def test_a_density_integrates_to_one(word):
    prior = perturbed(small(word).double()).model.prior
    axis = torch.linspace(-14, 14, 701, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        total = prior.log_prob(grid).exp().sum() * (axis[1] - axis[0]) ** 2
    assert total.item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("word", LEARNED)
def test_samples_are_of_the_density(word):
    """The mean of ln p over samples is minus the entropy, which a grid gives."""
    prior = perturbed(small(word).double()).model.prior
    axis = torch.linspace(-14, 14, 701, dtype=torch.float64)
    with torch.no_grad():
        logs = prior.log_prob(torch.cartesian_prod(axis, axis))
        expected = (logs.exp() * logs).sum() * (axis[1] - axis[0]) ** 2
        torch.manual_seed(0)
        found = prior.log_prob(prior.sample(20_000).double())
    assert abs(found.mean() - expected) < 4 * found.std() / math.sqrt(len(found))


def test_a_flow_has_an_inverse_and_an_exact_determinant():
    flow = perturbed(small("flow:5", latent=3).double()).model.prior
    noise = torch.randn(4, 3, dtype=torch.float64)
    for coupling in flow.couplings:
        z = coupling(noise)
        back, log_scale = coupling.inverse(z)
        torch.testing.assert_close(back, noise)
        rows = range(len(noise))
        whole = torch.autograd.functional.jacobian(coupling, noise)  # [b, latent, b, latent]
        jacobians = torch.stack([whole[i, :, i] for i in rows])
        torch.testing.assert_close(log_scale.sum(1), jacobians.det().abs().log())


def test_the_standard_prior_is_as_before():
    experiment = small("standard", gamma=0.3)
    x = images(20)
    torch.manual_seed(3)
    terms = experiment(x)
    torch.manual_seed(3)
    result = experiment.model(x)
    nll = experiment.objective.likelihood.nll(result.out, x)
    assert torch.equal(terms.divergence, diagonal_kl(result.q[0], Gaussian.standard(result.z[0])))
    assert torch.equal(terms.loss, (nll + terms.divergence).mean())
    assert torch.equal(total_rate(result), terms.divergence)
    torch.manual_seed(3)
    drawn = experiment.model.prior_sample(7)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.randn(7, 2))
    assert "prior" not in " ".join(experiment.state_dict())


def test_the_rate_by_draws_agrees_with_the_closed_form():
    """A mixture of one component N(0, I) is N(0, I)."""
    prior = priors.Mixture(1, latent=3)
    with torch.no_grad():
        prior.mean.zero_()
        prior.logvar.zero_()
    q = Gaussian(torch.tensor([[1.0, -0.5, 0.2]]), torch.tensor([[-1.0, 0.3, -3.0]]))
    many = Gaussian(*(part.expand(40_000, 3) for part in q))
    torch.manual_seed(0)
    found, exact = prior.rate(many), priors.Standard(3).rate(q)
    assert abs(found.mean() - exact) < 3 * found.std() / math.sqrt(len(found))
    assert torch.equal(exact, diagonal_kl(q, Gaussian.standard()))


@pytest.mark.parametrize("word", LEARNED)
def test_a_loss_is_the_elbo_with_ln_p_at_the_draws(word):
    experiment, x = perturbed(small(word, gamma=0.3)), images(20)
    torch.manual_seed(3)
    terms = experiment(x)
    torch.manual_seed(3)
    (q,), _, (z,), out = experiment.model(x)
    nll = experiment.objective.likelihood.nll(out, x)
    rate = q.log_prob(z) - experiment.model.prior.log_prob(z)
    torch.testing.assert_close(terms.divergence, rate)
    torch.testing.assert_close(terms.loss, (nll + rate).mean())
    terms.loss.backward()
    assert all(bool(parameter.grad.abs().sum() > 0) for parameter in experiment.model.prior.parameters())


@pytest.mark.parametrize("word", LEARNED)
@pytest.mark.parametrize("recipe", ["iwae", "cr_vae", "balanced_vae", "two_layer_iwae", "cr_iwae"])
def test_recipes_train_with_a_learned_prior(recipe, word):
    torch.manual_seed(0)
    if (recipe, word[:4]) == ("two_layer_iwae", "vamp"):
        with pytest.raises(InvalidValue, match="prior must not need a Gaussian"):
            recipes.two_layer_iwae(SHAPE, 4, top=2, prior=word)
        return
    own = {"top": 2} if recipe == "two_layer_iwae" else {"hidden": (8,)}
    experiment = getattr(recipes, recipe)(SHAPE, 4, prior=word, **own)
    before = [parameter.clone() for parameter in experiment.model.prior.parameters()]
    fit(experiment, images(100), TrainConfig(epochs=1, **QUIET))
    assert any(not torch.equal(a, b) for a, b in zip(before, experiment.model.prior.parameters(), strict=True))
    assert experiment.sample(3).shape == (3, *SHAPE)


@pytest.mark.parametrize("word", ["mixture:4", "vamp:20", "flow:3"])
def test_a_bimodal_aggregate_posterior_gives_a_learned_prior_a_higher_elbo(word):
    """The clusters are far apart in units of the decoder's noise, so the posteriors are two clumps."""
    x, elbos = two_clusters(), {}
    for prior in ("standard", word):
        torch.manual_seed(0)
        experiment = recipes.vae((3,), 2, hidden=(32,), squash=False, gamma=0.3, prior=prior)
        fit(experiment, x, TrainConfig(epochs=60, lr=3e-3, **QUIET))
        elbos[prior] = bound(experiment, x).elbo
    gain = elbos[word] - elbos["standard"]
    assert gain.mean() > max(0.3, 5 * gain.std() / math.sqrt(len(gain)))


def test_importance_sampling_uses_the_learned_prior():
    """One latent: the integral over a grid is the truth."""
    torch.manual_seed(0)
    experiment = perturbed(recipes.vae((2,), 1, hidden=(8,), squash=False, prior="mixture:3").double())
    x, z = torch.randn(5, 2, dtype=torch.float64), torch.linspace(-12, 12, 4001, dtype=torch.float64)[:, None]
    with torch.no_grad():
        out = experiment.model.decode(z)
        nll = torch.stack([experiment.objective.likelihood.nll(out, row.expand(len(z), 2)) for row in x])
        truth = (experiment.model.prior.log_prob(z) - nll).logsumexp(1) + math.log(float(z[1] - z[0]))
    torch.testing.assert_close(log_evidence(experiment, x, 50_000), truth, rtol=0, atol=0.02)


@pytest.mark.parametrize("word", LEARNED)
def test_the_report_measures_against_the_learned_prior(word):
    experiment = perturbed(small(word))
    data = (torch.rand(30, *SHAPE), torch.rand(60, *SHAPE))
    report = metrics.report(experiment, data, views=None, samplers={}, samples=4)
    rows = {row.name: row for row in metrics.rows(report)}
    assert 0 < rows["rate_error_by_draws"].value < 1
    assert "standard error from the draws" in str(report)
    assert "The prior is learned" in str(report)
    assert rows["variance_active"].unit == ""
    assert report.settings["prior"] == experiment.model.prior.name
    posterior = MarginalPosterior.from_model(experiment, data[1])
    found = posterior.kl_to_prior(4000, prior=experiment.model.prior)
    assert abs(found.value - report.to_prior.value) < 5 * math.hypot(
        found.standard_error, report.to_prior.standard_error
    )
    assert abs(found.value - posterior.kl_to_prior(4000).value) > 5 * found.standard_error
    # mean rate = mutual information + KL(Q‖p)
    total = report.information.leave_one_in.value + report.to_prior.value
    assert total == pytest.approx(rows["rate"].value, abs=0.15)


def test_the_error_of_a_rate_is_that_of_its_draws():
    experiment = perturbed(small("mixture:4"))
    x = images(40)
    errors = bound(experiment, x).rate_error
    spread = torch.stack([bound(experiment, x, seed=seed).rate for seed in range(40)]).std(0)
    assert errors.mean() == pytest.approx(spread.mean().item(), rel=0.15)
    assert not bound(small("standard"), x).rate_error.any()


@pytest.mark.parametrize("word", LEARNED)
def test_a_training_resumes_bit_for_bit(tmp_path, word):
    x = images(100)
    whole = small(word)
    fit(whole, x, TrainConfig(epochs=4, **QUIET))
    fit(small(word), x, TrainConfig(epochs=2, checkpoints=tmp_path, **QUIET))
    again = small(word)
    fit(again, x, TrainConfig(epochs=4, checkpoints=tmp_path, **QUIET), resume=True)
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), again.state_dict().values(), strict=True))


def test_a_checkpoint_without_a_prior_is_still_that_of_the_standard_one():
    """Checkpoints from before there were other priors name no module for N(0, I)."""
    from vaelab.training.identity import describe_model

    with_prior = small("standard").model
    without = small("standard").model
    del without._modules["prior"]
    assert describe_model(with_prior) == describe_model(without)
    assert describe_model(small("mixture:4").model) != describe_model(without)


@pytest.mark.parametrize("word", LEARNED)
def test_stacked_experiments_are_those_trained_alone(word):
    def make(weight, seed):
        return recipes.beta_vae(SHAPE, 2, hidden=(8,), beta=weight, prior=word)

    settings = [{"weight": 1.0 + i, "seed": i} for i in range(3)]
    config = TrainConfig(epochs=2, **QUIET)
    histories = fit_many(make, settings, images(100), config)
    assert histories.method == "stacked: 3 dense networks"
    for setting, history in zip(settings, histories, strict=True):
        torch.manual_seed(setting["seed"])
        alone = fit(make(**setting), images(100), TrainConfig(epochs=2, seed=setting["seed"], **QUIET))
        assert history["loss"] == pytest.approx(alone["loss"], rel=1e-4)


def test_pseudo_inputs_start_at_the_mean_of_the_data_once():
    experiment, x = small(priors.VampPrior(300)), images()
    experiment.init_from_data(x)
    pixels = experiment.model.prior.pixels.detach().clone()
    torch.testing.assert_close(pixels.mean(0), x.mean(0), rtol=0, atol=0.05)
    torch.testing.assert_close(pixels.std(0), 0.5 * x.std(0), rtol=0.25, atol=0)
    experiment.init_from_data(x)
    assert torch.equal(pixels, experiment.model.prior.pixels)
    given = small(priors.VampPrior(3, images=(255 * x[:3]).round().to(torch.uint8)))
    given.init_from_data(x)
    torch.testing.assert_close(given.model.prior.pseudo_inputs, x[:3], rtol=0, atol=1 / 255)


def test_one_prior_for_two_models_is_copied():
    prior = priors.Mixture(3)
    first, second = small(prior), small(prior)
    assert first.model.prior.mean is not second.model.prior.mean
    assert torch.equal(first.model.prior.mean, second.model.prior.mean)  # of one seed
    sized = priors.Mixture(3, latent=2)
    assert small(sized).model.prior.mean is not sized.mean


def test_a_prior_without_a_closed_form_refuses_other_divergences():
    for recipe in ("gjs_vae", "reverse_kl_vae", "mmd_vae"):
        with pytest.raises(InvalidValue, match="divergence must be the KL for a learned prior, Mixture"):
            getattr(recipes, recipe)(SHAPE, 2, prior="mixture:3")
        getattr(recipes, recipe)(SHAPE, 2, prior="standard")
    with pytest.raises(InvalidValue, match="free bits must be per group"):
        recipes.free_bits_vae(SHAPE, 2, prior="flow")
    with pytest.raises(InvalidValue, match="rescale needs the prior"):
        rescale(small("mixture:3"), images(5))


@pytest.mark.parametrize("word", LEARNED)
def test_the_first_group_of_a_hierarchy_has_a_learned_prior(word):
    torch.manual_seed(0)
    experiment = recipes.hierarchical_vae(SHAPE, 2, groups=((2, 1), (4, 1)), width=8, free_nats=None, prior=word)
    x, prior = images(50), experiment.model.prior
    result = experiment.model(x)
    assert result.p[0] is prior
    assert (prior.latent, experiment.sample(3).shape) == (8, (3, *SHAPE))
    before = [parameter.clone() for parameter in prior.parameters()]
    fit(experiment, x, TrainConfig(epochs=2, **QUIET))
    assert any(not torch.equal(a, b) for a, b in zip(before, prior.parameters(), strict=True))
    report = metrics.report(experiment, (x, x), views=None, samplers={}, samples=4)
    assert report.nll is None or report.nll.samples == 4
    if word[:4] == "vamp":
        _, parts = prior.components()
        torch.testing.assert_close(parts.mean, experiment.model(prior.pseudo_inputs).q[0].mean)


def test_free_bits_of_a_group_are_those_of_the_estimated_rate():
    rates = torch.tensor([0.1, 0.3])
    assert divergences.modules.FreeBits(1.0, per="group").of_rate(rates).tolist() == [1, 1]
    assert torch.equal(divergences.modules.FreeBits(0.1, per="group").of_rate(rates), rates)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: priors.Mixture(0), InvalidValue, "k must be at least 1, got 0"),
        (lambda: priors.Mixture("3"), InvalidType, "k must be an integer, got '3'"),
        (lambda: priors.VampPrior(0), InvalidValue, "k must be at least 1, got 0"),
        (lambda: priors.VampPrior("many"), InvalidType, "k must be an integer, got 'many'"),
        (lambda: priors.Flow(0), InvalidValue, "layers must be at least 1, got 0"),
        (lambda: small("flow", latent=1), InvalidValue, "latent must be at least 2 for a flow"),
        (
            lambda: small(priors.Mixture(3, latent=5)),
            InvalidValue,
            "prior must have the 2 latents of the model, got Mix",
        ),
        (lambda: small(priors.Standard(5)), InvalidValue, "prior must have the 2 latents of the model, got N"),
        (lambda: small(priors.VampPrior(3, shape=(1, 9, 9))), InvalidValue, "pseudo-inputs must have the shape"),
        (lambda: small(priors.VampPrior(3, images=torch.rand(3, 1, 9, 9))), InvalidValue, "must have the shape"),
        (lambda: small(priors.VampPrior(3, images=torch.rand(4, *SHAPE))), InvalidValue, "images must be 3, one for"),
        (lambda: small(priors.VampPrior(3, images=2 + torch.rand(3, *SHAPE))), InvalidValue, "must be in \\[0, 1\\]"),
        (lambda: small("vamp"), InvalidValue, "prior must be standard, mixture:K"),
        (lambda: small("standard:3"), InvalidValue, "prior must be standard, mixture:K"),
        (lambda: small("vamp:x"), InvalidValue, "with a whole number, got 'vamp:x'"),
        (lambda: small("mixture:0"), InvalidValue, "k must be at least 1, got 0"),
        (lambda: small("vampp:3"), InvalidValue, "did you mean vamp"),
        (lambda: small(3), InvalidType, "prior must be a text or Prior, got 3"),
        (lambda: priors.Mixture(3).sample(2), InvalidValue, "latent must be known"),
        (lambda: priors.Mixture(3).log_prob(torch.zeros(1, 2)), InvalidValue, "latent must be known"),
        (
            lambda: priors.Mixture(3, 2).log_prob(torch.zeros(1, 3)),
            InvalidValue,
            "z must be \\[b, 2\\], got \\(1, 3\\)",
        ),
        (lambda: VAE(torch.nn.Identity(), torch.nn.Identity(), 2, priors.VampPrior(3)), InvalidValue, "shape must be"),
    ],
)
def test_bad_input_ends_in_one_sentence(make, error, message):
    with pytest.raises(error, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_the_command_line_takes_a_prior(vaelab, tmp_path):
    options = ("--epochs", "1", "--latent", "2", "--out", str(tmp_path / "out"))
    status, out, err = vaelab("train", "digits", "--prior", "vamp:3", *options)
    assert status == 0, out + err
    state = checkpoints.load_latest(tmp_path / "out" / "checkpoints", lambda latest: latest["experiment"])
    assert state["model.prior.pixels"].shape[0] == 3
    status, out, err = vaelab("train", "digits", "--prior", "vampp:3", *options)
    assert status != 0
    assert "did you mean vamp" in out + err


def test_an_experiment_survives_pickle_and_deepcopy():
    import copy
    import pickle

    experiment = perturbed(small("vamp:3"))
    z = torch.randn(4, 2)
    for copied in (copy.deepcopy(experiment), pickle.loads(pickle.dumps(experiment))):
        assert isinstance(copied, Experiment)
        with torch.no_grad():
            before = experiment.model.prior.log_prob(z)
            torch.testing.assert_close(copied.model.prior.log_prob(z), before)
            next(copied.model.encoder.parameters()).add_(1.0)  # its own encoder, not that of the first
            assert not torch.equal(copied.model.prior.log_prob(z), before)
            torch.testing.assert_close(experiment.model.prior.log_prob(z), before)
