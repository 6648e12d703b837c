"""The importance weighted bound: where the truth is known, its gradients, and the two-layer model."""

import math

import pytest
import torch
from torch import nn

from vaelab import Experiment, Train, fit, load, recipes
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.divergences import KL, Gaussian
from vaelab.metrics import log_likelihood
from vaelab.models.vae import VAE
from vaelab.objectives.iwae import IWAEObjective
from vaelab.objectives.likelihoods import Normal
from vaelab.objectives.objective import Objective
from vaelab.posterior import LinearGaussian

SHAPE = (1, 8, 8)
PIXELS, LATENT, GAMMA = 6, 2, 0.5


@pytest.fixture(scope="module")
def linear():
    """A linear-Gaussian VAE in float64: x = W z + b + noise, an encoder of diagonal posteriors that is near the true
    one, and the exact ln p(x) of some data."""
    generator = torch.Generator().manual_seed(0)
    weight = 0.5 * torch.randn(PIXELS, LATENT, dtype=torch.float64, generator=generator)
    truth = LinearGaussian(weight, torch.zeros(PIXELS), GAMMA)
    experiment = truth.experiment()
    with torch.no_grad():
        experiment.model.encoder[1][0].bias[LATENT:] += 0.4  # wider than best
    x = torch.randn(40, PIXELS, dtype=torch.float64, generator=generator)
    return experiment.model, experiment.objective.likelihood, x, truth.log_prob(x)


def bound(linear, k, copies=400, gradient="plain"):
    """L_k per image, and its standard error, by many independent repeats."""
    model, likelihood, x, _ = linear
    objective = IWAEObjective(likelihood, k, gradient).double()
    torch.manual_seed(k)
    many = x.repeat(copies, 1)
    with torch.no_grad():
        values = -objective.per_sample(many, model(many, k)).loss.unflatten(0, (copies, -1))
    return values.mean(1)


def test_9_the_bound_rises_with_k_to_the_exact_evidence(linear):
    exact = linear[3].mean()
    means, errors = zip(
        *((v.mean(), v.std() / math.sqrt(len(v))) for v in (bound(linear, k) for k in (1, 5, 50))), strict=True
    )
    assert means[0] + 5 * errors[0] < means[1]
    assert means[1] + 5 * errors[1] < means[2]
    assert means[2] < exact + 3 * errors[2]
    assert exact - means[2] < 0.2 * (exact - means[0])


def test_with_one_draw_it_is_the_elbo(linear):
    """L_1 = -(nll + rate); in the mean over draws the rate is KL(q‖p), so it is the loss of the VAE."""
    model, likelihood, x, _ = linear
    many = x.repeat(3000, 1)
    one = IWAEObjective(likelihood, 1).double().per_sample(many, model(many, 1))
    torch.testing.assert_close(one.loss, one.nll + one.divergence)
    plain = Objective(likelihood, KL()).double().per_sample(many, model(many))
    difference = (one.loss - plain.loss).unflatten(0, (3000, -1)).mean(1)
    assert abs(difference.mean()) < 4 * difference.std() / math.sqrt(3000)
    assert (one.divergence - plain.divergence).std() > 0.1  # by Monte Carlo, not in closed form


def test_10_what_the_elbo_lacks_is_the_distance_to_the_true_posterior(linear):
    model, _, x, exact = linear
    with torch.no_grad():
        q, w = model.posterior(x), model.decoder[0][0].weight
        precision = w.T @ w / GAMMA**2 + torch.eye(LATENT, dtype=torch.float64)
        true = torch.distributions.MultivariateNormal(q.mean, precision_matrix=precision.expand(len(x), LATENT, LATENT))
        own = torch.distributions.MultivariateNormal(q.mean, torch.diag_embed(q.logvar.exp()))
        gap = torch.distributions.kl_divergence(own, true)
    values = bound(linear, 1, copies=4000)
    assert gap.mean() > 0.02
    assert float(values.mean()) == pytest.approx(
        float((exact - gap).mean()), abs=4 * float(values.std()) / math.sqrt(len(values))
    )


def test_9_the_exact_posterior_makes_all_weights_equal():
    """A one-latent model, whose true posterior is diagonal."""
    torch.manual_seed(1)
    w = torch.randn(PIXELS, 1, dtype=torch.float64)
    precision = (w.T @ w / GAMMA**2 + 1).item()
    model = VAE(nn.Linear(PIXELS, 2), nn.Linear(1, PIXELS, bias=False), 1).double()
    with torch.no_grad():
        model.decoder.weight.copy_(w)
        model.encoder.weight.copy_(torch.cat([w.T / GAMMA**2 / precision, torch.zeros(1, PIXELS)]))
        model.encoder.bias.copy_(torch.tensor([0.0, -math.log(precision)]))
        x = torch.randn(10, PIXELS, dtype=torch.float64)
        objective = IWAEObjective(Normal(GAMMA, squash=False), 7).double()
        nll, _, rate = objective.parts(x, model(x, 7))
        covariance = w @ w.T + GAMMA**2 * torch.eye(PIXELS, dtype=torch.float64)
        exact = torch.distributions.MultivariateNormal(torch.zeros(PIXELS).double(), covariance).log_prob(x)
    assert (nll + rate).std(0).max() < 1e-6
    torch.testing.assert_close(-(nll + rate)[0], exact, atol=1e-6, rtol=0)


def test_the_loss_is_at_most_what_its_parts_add_up_to(linear):
    """Jensen: ln of the mean weight is above the mean of ln w, for every image."""
    model, likelihood, x, _ = linear
    t = IWAEObjective(likelihood, 8).double().per_sample(x, model(x, 8))
    assert (t.loss < t.nll + t.divergence).all()
    assert t.loss.shape == t.nll.shape == t.mse.shape == (len(x),)


def test_plain_gradients_are_weighted_means_over_the_draws(linear):
    """Eq. 13 of the paper: Σ w~ grad ln w."""
    model, likelihood, x, _ = linear
    objective = IWAEObjective(likelihood, 4).double()
    model.zero_grad()
    torch.manual_seed(0)
    objective.per_sample(x, model(x, 4)).loss.sum().backward()
    whole = model.encoder[1][0].weight.grad.clone()
    model.zero_grad()
    torch.manual_seed(0)
    nll, _, rate = objective.parts(x, model(x, 4))
    share = (-nll - rate).detach().softmax(0)
    (share * (nll + rate)).sum().backward()
    torch.testing.assert_close(whole, model.encoder[1][0].weight.grad)


@pytest.mark.parametrize("k", [1, 6])
def test_the_doubly_reparameterized_gradient_has_the_same_mean_and_less_noise(linear, k):
    model, likelihood, x, _ = linear
    few = x[:4].repeat(2000, 1)

    def gradient(kind):
        """Of the encoder's logvar bias, one per repeat."""
        objective = IWAEObjective(likelihood, k, kind).double()
        torch.manual_seed(3)
        q = model.posterior(few)
        shift = torch.zeros_like(q.logvar, requires_grad=True)
        wide = Gaussian(q.mean.detach().repeat(k, 1), (q.logvar.detach() + shift).repeat(k, 1))
        z = wide.sample()
        result = VAE(nn.Identity(), model.decoder, LATENT)
        passed = type(model(x[:1]))((wide,), (Gaussian.standard(z),), (z,), result.decoder(z))
        objective.per_sample(few, passed).loss.sum().backward()
        return shift.grad.sum(1).unflatten(0, (2000, 4)).mean(1)

    plain, better = gradient("plain"), gradient("dreg")
    difference = plain - better
    assert abs(difference.mean()) < 4 * difference.std() / math.sqrt(2000)
    assert abs(plain.mean()) > 4 * plain.std() / math.sqrt(2000)  # there is something to agree on
    assert better.var() < 0.7 * plain.var()
    sticking = gradient("stl")
    if k == 1:
        torch.testing.assert_close(sticking, better)
    else:
        apart = plain - sticking
        assert abs(apart.mean()) > 4 * apart.std() / math.sqrt(2000)  # it is biased


def digits_experiment(samples, **options):
    torch.manual_seed(0)
    return recipes.iwae(SHAPE, 4, hidden=(16,), likelihood="bernoulli", samples=samples, **options)


def test_training_with_more_draws_gives_every_gradient_and_a_finite_loss():
    digits = load("digits").images[:300]
    for options in ({}, {"gradient": "dreg"}, {"gradient": "stl"}):
        e = digits_experiment(5, **options)
        config = Train(epochs=3, batch_size=50, binarize="dynamic", progress=False, device="cpu")
        history = fit(e, digits, config)
        assert history["loss"][-1] < history["loss"][0]
    assert all(p.grad is not None for p in e.parameters())


def test_the_bound_of_many_draws_is_the_evidence():
    e = digits_experiment(4000).eval()
    x = load("digits", "test").images[:20].gt(127).to(torch.uint8) * 255
    with torch.no_grad():
        bound = -float(e(x).loss)
    assert bound == pytest.approx(float(log_likelihood.log_evidence(e, x, 4000).mean()), abs=0.1)


@pytest.mark.parametrize("gamma", ["optimal", "per-image"])
def test_the_evidence_is_at_rest_and_of_a_gamma_that_stands_still(gamma):
    """An image is worth the same alone and among others, and the spectral norms do not move."""
    torch.manual_seed(0)
    e = recipes.vae(SHAPE, 2, network="infogan", hidden=(4, 4, 8), gamma=gamma)
    x = torch.rand(6, *SHAPE)
    e(x)
    before = {name: value.clone() for name, value in e.state_dict().items()}
    alone, among = log_likelihood.log_evidence(e, x[:1], 4000), log_likelihood.log_evidence(e, x, 4000)
    assert all(torch.equal(before[name], value) for name, value in e.state_dict().items())
    assert e.training
    torch.testing.assert_close(alone, among[:1], atol=0.2, rtol=0)


def test_two_stochastic_layers_bound_an_evidence_that_is_known():
    """With linear maps of fixed widths everything is Gaussian, so ln p(x) is exact; L_k must rise to it from below."""
    torch.manual_seed(0)
    e = recipes.two_layer_iwae((PIXELS,), 2, top=1, samples=3, likelihood="normal", gamma=0.7)
    e.objective.likelihood.squash = False
    model = e.model.double()
    e.double()
    model.decoder, model.down = nn.Linear(2, PIXELS).double(), nn.Linear(1, 4).double()
    with torch.no_grad():
        model.down.weight[2:] = 0  # the variance of h1 given h2 does not depend on h2
        w1, w2 = model.decoder.weight, model.down.weight[:2]
        of_h1 = w2 @ w2.T + torch.diag(model.down.bias[2:].exp())
        middle = w1 @ model.down.bias[:2] + model.decoder.bias
        covariance = w1 @ of_h1 @ w1.T + 0.49 * torch.eye(PIXELS, dtype=torch.float64)
        x = torch.rand(30, PIXELS, dtype=torch.float64)
        exact = torch.distributions.MultivariateNormal(middle, covariance).log_prob(x)
    found = [log_likelihood.log_evidence(e, x.repeat(n, 1), k).mean() for k, n in ((1, 500), (30, 20), (20_000, 1))]
    assert found[0] < found[1] < found[2]
    assert float(found[2]) == pytest.approx(float(exact.mean()), abs=0.05)


def test_the_two_layer_model_trains_samples_and_decodes():
    digits = load("digits").images[:300]
    torch.manual_seed(0)
    e = recipes.two_layer_iwae(SHAPE, 8, top=4, samples=3)
    config = Train(epochs=3, batch_size=50, binarize="dynamic", progress=False, device="cpu")
    assert fit(e, digits, config)["loss"][-1] < 45  # of 64 ln 2 at the start
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in e.parameters())
    assert e.sample(5).shape == (5, *SHAPE)
    traced = torch.compile(e, fullgraph=True, backend="eager")(torch.rand(4, *SHAPE))
    assert torch.isfinite(traced.loss)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: recipes.iwae(SHAPE, 3, samples=0), InvalidValue, "samples.*0"),
        (lambda: recipes.iwae(SHAPE, 3, samples=True), InvalidType, "samples.*True"),
        (lambda: recipes.two_layer_iwae(SHAPE, 3, top=0), InvalidValue, "top.*0"),
        (lambda: recipes.two_layer_iwae(SHAPE, 3, top="x"), InvalidType, "top.*'x'"),
    ],
)
def test_counts_that_are_none_get_one_sentence(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_what_cannot_be_is_said():
    with pytest.raises(InvalidValue, match="gradient"):
        recipes.iwae(SHAPE, 3, gradient="doubly")
    two = recipes.two_layer_iwae(SHAPE, 3, top=2)
    wrong = Experiment(two.model, IWAEObjective(two.objective.likelihood, 2, "stl"), SHAPE)
    with pytest.raises(InvalidValue, match="plain for 2 latent groups"):
        wrong(torch.rand(2, *SHAPE))
