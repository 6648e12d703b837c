"""The linear-Gaussian VAE: closed forms against scikit-learn, quadrature, sampling and a training."""

import math

import pytest
import torch
from sklearn.decomposition import PCA

from vaelab import Train, fit, metrics, quadrature, recipes
from vaelab._utils.errors import InvalidValue
from vaelab.divergences import Gaussian
from vaelab.metrics.log_likelihood import importance_weights
from vaelab.posterior import LinearGaussian, active_latents, best_gamma, next_gamma, optimal_rate, principal_axes

MIXING = torch.tensor([[2.0, 0.3], [-1.0, 1.0], [0.5, 0.8], [0.0, -1.2]])


@pytest.fixture(scope="module")
def data():
    generator = torch.Generator().manual_seed(0)
    z, noise = torch.randn(1000, 2, generator=generator), torch.randn(1000, 4, generator=generator)
    return z @ MIXING.T + 0.5 * noise + 3


def model(d=2, pixels=5, gamma=0.7, seed=1):
    """Return a model whose W has correlated columns, with eight data of it."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(pixels, d, dtype=torch.float64, generator=generator)
    found = LinearGaussian(weight, torch.arange(float(pixels)), gamma)
    return found, found.sample(8, seed)[0]


def some_q(n, d, seed=5):
    generator = torch.Generator().manual_seed(seed)
    return Gaussian(*torch.randn(2, n, d, dtype=torch.float64, generator=generator))


# -- ln p(x) and its greatest value


def test_ln_p_is_scikit_learn_s_for_its_probabilistic_pca(data):
    pca = PCA(2).fit(data.double().numpy())
    scale = torch.tensor(pca.explained_variance_ - pca.noise_variance_).sqrt()
    theirs = LinearGaussian(torch.tensor(pca.components_.T) * scale, torch.tensor(pca.mean_), pca.noise_variance_**0.5)
    score = torch.tensor(pca.score_samples(data.double().numpy()))
    torch.testing.assert_close(theirs.log_prob(data), score, rtol=0, atol=1e-9)
    ours = LinearGaussian.from_data(data, 2)
    assert ours.gamma**2 == pytest.approx(pca.noise_variance_ * (len(data) - 1) / len(data))  # theirs is unbiased
    assert 0 < float(ours.log_prob(data).mean() - theirs.log_prob(data).mean()) < 1e-5


@pytest.mark.parametrize("gamma", [None, 0.3, 1.3, 5.0])
def test_no_other_parameters_have_a_greater_likelihood(data, gamma):
    best, generator = LinearGaussian.from_data(data, 2, gamma), torch.Generator().manual_seed(3)
    greatest = float(best.log_prob(data).mean())
    for _ in range(100):
        weight = best.weight + 0.03 * torch.randn(4, 2, dtype=torch.float64, generator=generator)
        bias = best.bias + 0.03 * torch.randn(4, dtype=torch.float64, generator=generator)
        assert float(LinearGaussian(weight, bias, best.gamma).log_prob(data).mean()) < greatest
    if gamma is None:
        others = [LinearGaussian.from_data(data, 2, best.gamma * factor) for factor in (0.9, 0.99, 1.01, 1.1)]
        assert all(float(other.log_prob(data).mean()) < greatest for other in others)


def test_ln_p_and_the_elbo_are_those_of_quadrature_in_one_latent():
    truth, x = model(d=1)
    grid, q = quadrature.line(-40, 40, 20_001), some_q(8, 1)
    bound = truth.bound(x, q)
    for i in range(8):
        means = grid.points[:, None] * truth.weight[:, 0] + truth.bias
        joint = torch.distributions.Normal(means, truth.gamma).log_prob(x[i]).sum(1)
        joint = joint + torch.distributions.Normal(0.0, 1.0).log_prob(grid.points)
        evidence = float(grid.integrate(joint.exp()).log())
        log_q = torch.distributions.Normal(q.mean[i], (0.5 * q.logvar[i]).exp()).log_prob(grid.points)
        elbo = float(grid.integrate(log_q.exp() * (joint - log_q)))
        assert float(bound.log_prob[i]) == pytest.approx(evidence, abs=1e-8)
        assert float(bound.elbo[i]) == pytest.approx(elbo, abs=1e-8)
        density = (joint - evidence).exp()
        exact = truth.posterior(x[i : i + 1])
        assert float(grid.integrate(density * grid.points)) == pytest.approx(float(exact.mean), abs=1e-8)
        second = float(grid.integrate(density * (grid.points - float(exact.mean)) ** 2))
        assert second == pytest.approx(float(exact.cov), rel=1e-8)


def test_samples_have_the_covariance_of_the_model():
    truth, _ = model()
    x, z = truth.sample(200_000, seed=2)
    torch.testing.assert_close(torch.cov(x.T), truth.covariance, rtol=0.03, atol=0.05)
    torch.testing.assert_close(torch.cov(z.T), torch.eye(2).double(), rtol=0, atol=0.02)
    residual = x - z @ truth.weight.T - truth.bias
    assert float(residual.square().mean()) == pytest.approx(truth.gamma**2, rel=0.01)


# -- the ELBO and its gaps


def test_ln_p_is_the_elbo_plus_the_kl_to_the_posterior():
    truth, x = model(d=3)
    bound = truth.bound(x, some_q(8, 3))
    torch.testing.assert_close(bound.elbo, -bound.distortion - bound.rate)
    torch.testing.assert_close(bound.log_prob, bound.elbo + bound.approximation + bound.amortization)
    assert float(bound.approximation.min()) > 0.01
    assert float(bound.amortization.min()) > 0.01


def test_the_best_diagonal_gaussian_is_the_best():
    truth, x = model(d=3)
    best, generator = truth.best_diagonal(x), torch.Generator().manual_seed(3)
    greatest = truth.bound(x, best)
    torch.testing.assert_close(greatest.amortization, torch.zeros(8).double(), rtol=0, atol=1e-12)
    for _ in range(100):
        mean, logvar = 0.1 * torch.randn(2, 8, 3, dtype=torch.float64, generator=generator)
        other = truth.bound(x, Gaussian(best.mean + mean, best.logvar + logvar))
        assert bool((other.elbo < greatest.elbo).all())
        assert bool((other.amortization > 0).all())


def test_turning_the_latents_leaves_ln_p_and_opens_the_approximation_gap():
    weight, angle = torch.tensor([[2.0, 0.0], [0.0, 0.7], [0.0, 0.0]]).double(), math.pi / 4
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]).double()
    straight, turned = (LinearGaussian(w, torch.zeros(3), 0.5) for w in (weight, weight @ turn))
    x = straight.sample(50)[0]
    torch.testing.assert_close(straight.log_prob(x), turned.log_prob(x))
    gaps = [world.bound(x, world.best_diagonal(x)).approximation for world in (straight, turned)]
    torch.testing.assert_close(gaps[0], torch.zeros(50).double(), rtol=0, atol=1e-12)
    m = turned.precision
    by_hand = 0.5 * float(m.diagonal().log().sum() - torch.logdet(m))
    torch.testing.assert_close(gaps[1], torch.full((50,), by_hand).double())
    assert by_hand > 0.1


def test_the_metrics_measure_the_exact_values():
    truth, x = model(d=2)
    experiment = truth.experiment()
    q, exact = experiment.encode(x), truth.bound(x, truth.best_diagonal(x))
    torch.testing.assert_close(q.mean, truth.best_diagonal(x).mean)
    torch.testing.assert_close(q.logvar, truth.best_diagonal(x).logvar)
    many = x.repeat(4000, 1)
    found = metrics.bound(experiment, many)
    torch.testing.assert_close(found.rate[:8], exact.rate)
    error = found.elbo.unflatten(0, (4000, 8)).std(0) / math.sqrt(4000)
    difference = found.elbo.unflatten(0, (4000, 8)).mean(0) - exact.elbo
    assert bool((difference.abs() < 4.5 * error).all())
    weights = importance_weights(experiment, x, 20_000)
    torch.testing.assert_close(weights.log_mean, exact.log_prob, rtol=0, atol=0.03)


# -- the optimum as a function of gamma


@pytest.mark.parametrize("gamma", [0.3, 0.8, 1.2, 1.7, 3.0])
def test_the_optimum_has_the_stated_active_latents_rate_and_error(data, gamma):
    variances, _ = principal_axes(data)
    best = LinearGaussian.from_data(data, 3, gamma)
    q = best.best_diagonal(data)
    bound = best.bound(data, q)
    norms = best.weight.norm(dim=0)
    assert int((norms > 0).sum()) == active_latents(variances, 3, gamma)
    assert float(bound.rate.mean()) == pytest.approx(optimal_rate(variances, 3, gamma), abs=1e-9)
    squares = (data.double() - best.bias - q.mean @ best.weight.T).square().sum(1)
    error = (squares + q.logvar.exp() @ best.weight.square().sum(0)).mean() / 4
    assert next_gamma(variances, 3, gamma) ** 2 == pytest.approx(float(error))
    assert float(bound.approximation.max()) < 1e-12  # orthogonal columns: a diagonal q is exact


def test_gamma_of_the_error_descends_to_the_best_one_at_the_stated_rate(data):
    variances, _ = principal_axes(data)
    best = best_gamma(variances, 2)
    assert next_gamma(variances, 2, best) == pytest.approx(best, rel=1e-12)
    for gamma in (0.01, 10.0):
        gaps = []
        for _ in range(40):
            gamma = next_gamma(variances, 2, gamma)
            gaps.append(gamma**2 - best**2)
        assert gamma == pytest.approx(best, rel=1e-9)
        assert gaps[10] / gaps[9] == pytest.approx(2 / 4)  # latent / D


def test_a_linear_vae_trains_to_the_exact_optimum(data):
    torch.manual_seed(0)
    variances, _ = principal_axes(data)
    experiment = recipes.linear_vae((4,), 2, gamma="learned")
    config = Train(steps=3000, batch_size=1000, lr=0.05, lr_schedule="cosine", progress=False)
    fit(experiment, data, config)
    truth, found = LinearGaussian.from_data(data, 2), LinearGaussian.from_experiment(experiment)
    bound = found.bound(data, experiment.encode(data))
    greatest = float(truth.log_prob(data).mean())
    assert found.gamma == pytest.approx(best_gamma(variances, 2), rel=2e-3)
    assert float(bound.rate.mean()) == pytest.approx(optimal_rate(variances, 2, truth.gamma), rel=1e-2)
    assert float(bound.elbo.mean()) == pytest.approx(greatest, abs=2e-3)
    assert float(bound.elbo.mean()) <= float(bound.log_prob.mean()) <= greatest + 1e-9
    torch.testing.assert_close(found.covariance, truth.covariance, rtol=0, atol=0.06)


# -- arguments


def test_a_model_survives_the_way_through_an_experiment():
    truth, _ = model()
    again = LinearGaussian.from_experiment(truth.experiment())
    torch.testing.assert_close(again.weight, truth.weight)
    torch.testing.assert_close(again.bias, truth.bias)
    assert again.gamma == pytest.approx(truth.gamma)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LinearGaussian(torch.zeros(3), torch.zeros(3), 1.0), r"weight must be \[D, d\]"),
        (lambda: LinearGaussian(torch.zeros(3, 1), torch.zeros(2), 1.0), r"bias must be \[3\], got \(2,\)"),
        (lambda: LinearGaussian(torch.zeros(3, 1), torch.zeros(3), 0.0), "gamma must be positive, got 0"),
        (lambda: LinearGaussian.from_data(torch.randn(9, 3), 3), "beyond the first 3 must not all be 0"),
        (lambda: LinearGaussian.from_data(torch.randn(9, 3), 4, 0.5), "latent must be at most 3"),
        (lambda: LinearGaussian.from_experiment(recipes.vae((3,), 2)), "normal likelihood with squash=False"),
        (lambda: LinearGaussian.from_experiment(recipes.vae((3,), 2, squash=False)), "must have a linear decoder"),
        (lambda: model()[0].log_prob(torch.zeros(4, 3)), r"x must be \[n, 5\]"),
        (lambda: model()[0].bound(torch.zeros(4, 5), some_q(3, 2)), r"q must be \[4, 2\], got \(3, 2\)"),
        (lambda: principal_axes(torch.zeros(1, 3)), "n at least 2"),
        (lambda: active_latents(torch.tensor([1.0, 2.0]), 1, 1.0), "the largest first"),
        (lambda: recipes.linear_vae((3,), 2, hidden=(4,)), "linear_vae sets hidden itself"),
    ],
)
def test_bad_arguments_are_named(call, message):
    torch.manual_seed(0)
    with pytest.raises(InvalidValue, match=message):
        call()
