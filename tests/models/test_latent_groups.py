"""More than one group of latents, from training to every measurement."""

import math

import pytest
import torch
from torch import nn

from vaelab import Experiment, Objective, Train, fit, fit_many, load, metrics, recipes
from vaelab._utils.errors import InvalidValue
from vaelab.divergences import KL, Gaussian, kl
from vaelab.metrics.adapter import adapted
from vaelab.metrics.log_likelihood import log_evidence
from vaelab.models.two_layers import TwoLayers
from vaelab.models.vae import VAE, ForwardPass, total_rate
from vaelab.objectives.iwae import sampled_rate
from vaelab.objectives.likelihoods import Normal
from vaelab.posterior import rescale
from vaelab.runs.round_robin import Run, curve, train_round_robin

PIXELS, STEP, SPREAD, GAMMA = 3, 0.8, 0.6, 0.5


class TopDown(VAE):
    """p(z1) p(z2|z1) p(x|z2) and q(z1|x) q(z2|z1, x), every map linear; the decoder takes z2."""

    groups = 2

    def __init__(self, shape, latent=1):
        pixels = math.prod(shape)
        encoder = nn.Sequential(nn.Flatten(), nn.Linear(pixels, 2 * latent))
        decoder = nn.Sequential(nn.Linear(latent, pixels), nn.Unflatten(1, shape))
        super().__init__(encoder, decoder, latent)
        self.up, self.down = nn.Linear(pixels + latent, 2 * latent), nn.Linear(latent, 2 * latent)

    def through(self, x, draw):
        q1 = Gaussian(*self.encoder(x).chunk(2, 1))
        z1 = draw(q1)
        q2 = Gaussian(*self.up(torch.cat([x.flatten(1), z1], 1)).chunk(2, 1))
        z2 = draw(q2)
        p2 = Gaussian(*self.down(z1).chunk(2, 1))
        return ForwardPass((q1, q2), (Gaussian.standard(z1), p2), (z1, z2), self.decoder(z2))

    def forward(self, x, samples=1):
        return self.through(x.repeat(samples, *[1] * (x.dim() - 1)), Gaussian.sample)

    def mean_pass(self, x):
        return self.through(x, lambda q: q.mean)

    def posterior(self, x):
        return self.mean_pass(x).q[1]

    def prior_sample(self, n):
        z1 = torch.randn(n, self.latent, dtype=self.down.weight.dtype)
        return Gaussian(*self.down(z1).chunk(2, 1)).sample()


@pytest.fixture
def exact():
    """The top-down model with its true posteriors, some data of its own, and their ln p(x)."""
    torch.manual_seed(0)
    model = TopDown((PIXELS,)).double()
    w = model.decoder[0].weight.detach()[:, 0].clone()
    noise = GAMMA**2 * torch.eye(PIXELS, dtype=torch.float64)
    covariance = w.outer(w) * (STEP**2 + SPREAD**2) + noise
    pull = STEP * torch.linalg.solve(covariance, w)
    precision = 1 / SPREAD**2 + float(w @ w) / GAMMA**2
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.zero_()
        model.decoder[0].weight[:, 0] = w
        model.down.weight[0, 0], model.down.bias[1] = STEP, 2 * math.log(SPREAD)
        model.encoder[1].weight[0] = pull
        model.encoder[1].bias[1] = math.log(1 - STEP * float(pull @ w))
        model.up.weight[0, :PIXELS] = w / GAMMA**2 / precision
        model.up.weight[0, PIXELS] = STEP / SPREAD**2 / precision
        model.up.bias[1] = -math.log(precision)
    objective = Objective(Normal(GAMMA, squash=False), KL())
    density = torch.distributions.MultivariateNormal(covariance.new_zeros(PIXELS), covariance)
    x = density.sample((50,))
    return Experiment(model, objective, (PIXELS,)).double(), x, density.log_prob(x)


def test_weights_over_all_groups_give_the_exact_log_likelihood(exact):
    """With the true posteriors every single draw has the weight p(x)."""
    experiment, x, truth = exact
    torch.testing.assert_close(log_evidence(experiment, x, 2), truth)
    torch.testing.assert_close(metrics.nll(experiment, x, 3).per_image, -truth)
    torch.testing.assert_close(metrics.bound(experiment, x).elbo, truth)


def test_the_closed_form_rate_of_a_pass_is_in_the_mean_that_of_the_draws(exact):
    experiment, x, truth = exact
    with torch.no_grad():
        result = experiment.model(x, 2000)
        nll = experiment.objective.likelihood.nll(result.out, x.repeat(2000, 1))
        terms = (total_rate(result), sampled_rate(result), nll)
        rates, drawn, nll = (term.unflatten(0, (2000, -1)) for term in terms)
    for apart in (rates - drawn, rates + nll + truth):
        assert abs(apart.mean()) < 4 * float(apart.mean(1).std()) / math.sqrt(2000)


@pytest.fixture(params=["two layers", "top down"], scope="module")
def trained(request):
    torch.manual_seed(0)
    digits = load("digits", limit=300)
    two_layers = request.param == "two layers"
    model = TwoLayers((1, 8, 8), 6, 3, (16,), (8,)) if two_layers else TopDown((1, 8, 8), 4)
    experiment = Experiment(model, Objective(Normal(0.3), KL()), (1, 8, 8))
    history = fit(experiment, digits, Train(epochs=6, batch_size=50, lr=3e-3, progress=False))
    assert history.rows[-1]["loss"] < history.rows[0]["loss"]
    return experiment, digits


def test_the_rate_is_the_sum_of_the_groups_at_the_means_and_draws_nothing(trained):
    experiment, digits = trained
    state = torch.get_rng_state()
    rate, rebuilt = experiment.rate(digits.images), experiment.reconstruct(digits.images)
    result = experiment.mean_pass(digits.images)
    posteriors = result.q
    assert torch.equal(torch.get_rng_state(), state)
    each = [kl(q, p) for q, p in zip(result.q, result.p, strict=True)]
    assert len(each) == len(posteriors) == experiment.model.groups == 2
    torch.testing.assert_close(rate, each[0] + each[1])
    for q, z in zip(posteriors, result.z, strict=True):
        assert torch.equal(q.mean, z)
    assert rebuilt.shape == digits.images.shape
    assert any(torch.equal(experiment.encode(digits.images).mean, q.mean) for q in posteriors)
    assert not rate.requires_grad


def test_every_measurement_takes_all_groups(trained):
    experiment, digits = trained
    x, rebuilt = digits.images / 255, experiment.reconstruct(digits.images)
    error, rate = float((x - rebuilt).square().mean()) * 64, float(experiment.rate(x).mean())
    found = metrics.rate_distortion(experiment, digits.images, chunk=70)
    assert found == pytest.approx((error, rate, rate), rel=1e-5)
    found = metrics.evaluate(experiment, digits.images)
    assert found["reconstruction"] == pytest.approx(error, rel=1e-5)
    assert found["rate"] == found["divergence"] > 0
    assert float(metrics.bound(experiment, x).error.mean()) == pytest.approx(error / 64, rel=1e-5)
    report = metrics.report(experiment, (digits, digits), samples=5, nll_images=40, samplers={})
    assert report.to_prior is None
    assert math.isfinite(report.nll.by_images.value)
    assert any("several layers" in note for note in report.notes)
    assert adapted(experiment).deeper.prior(7).shape == (7, experiment.model.latent)


def test_two_layers_train_round_robin(tmp_path):
    options = {"top": 3, "samples": 2}
    run = Run("two_layer_iwae", options, "digits", 6, "burda", (16,), epochs=2, limit=200)
    train_round_robin([run], tmp_path, device="cpu")
    assert all(math.isfinite(row.rate) and row.rate > 0 for row in curve(run, tmp_path))
    assert len(curve(run, tmp_path)) == 2


def test_what_knows_one_group_says_so(trained):
    experiment, digits = trained
    with pytest.raises(InvalidValue, match="one group of latents, and this model has 2"):
        rescale(experiment, digits.images)
    with pytest.raises(InvalidValue, match="proposal must be None"):
        log_evidence(experiment, digits.images, proposal=lambda q: q)

    def make(seed):
        return recipes.two_layer_iwae((1, 8, 8), 4, top=2, samples=2, hidden=(8,))

    config = Train(epochs=1, progress=False)
    found = fit_many(make, [{"seed": 0}, {"seed": 1}], digits, config)
    assert found.method == "one by one: fewer than 3 experiments are faster alone"


def test_a_flat_model_gives_the_same_by_either_way():
    torch.manual_seed(0)
    experiment = recipes.gjs_vae((1, 8, 8), 3, hidden=(16,))
    x = torch.rand(20, 1, 8, 8)
    (q,) = experiment.mean_pass(x).q
    assert torch.equal(q.mean, experiment.encode(x).mean)
    assert torch.equal(experiment.reconstruct(x), experiment.decode(q.mean))
    torch.testing.assert_close(experiment.rate(x), kl(q, Gaussian.standard(q.mean)))
    assert experiment.training
