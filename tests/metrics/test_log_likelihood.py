"""NLL, ELBO and rate against a model where all are known, and the mistakes of published code."""

import copy
import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from figures.gjs.importance_sampling import DIMENSIONS, NOISE, linear_gaussian, toy_images
from vaelab import Experiment, Objective, metrics, recipes
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.divergences import KL, Gaussian, GeometricJS
from vaelab.metrics import Adapter
from vaelab.metrics.adapter import adapted
from vaelab.metrics.log_likelihood import importance_weights
from vaelab.models.vae import VAE
from vaelab.objectives.likelihoods import Normal
from vaelab.posterior import LinearGaussian


def exact(x, variance=1.04):
    """ln p(x) of x = z + noise: N(0, 1 + 0.04)."""
    return -0.5 * (x**2 / variance + math.log(2 * math.pi * variance)).sum(1)


def misfit(factor):
    """The toy with a proposal whose variance is off by a factor."""
    experiment = linear_gaussian()
    with torch.no_grad():
        experiment.model.encoder[1][0].bias[DIMENSIONS:] += math.log(factor)
    return experiment


@pytest.fixture
def correlated():
    """A model with a full W, whose posterior no diagonal q fits, and images of another seed than the estimators'."""
    weight = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    model = LinearGaussian(weight, torch.zeros(5), 0.7)
    return model, model.sample(400, seed=2026)[0]


def test_the_nll_of_a_linear_gaussian_model_is_exact_within_its_errors(correlated):
    model, x = correlated
    found = metrics.nll(adapted(model.experiment()), x, 1000)
    assert abs(found.by_images.value + float(model.log_prob(x).mean())) < 3 * found.by_draws
    assert 0 < found.by_draws < 0.01
    wide = metrics.nll(adapted(misfit(1.5)), toy_images(300), 512)
    assert abs(wide.by_images.value + float(exact(toy_images(300)).mean())) < 3 * wide.by_draws
    right = metrics.nll(adapted(linear_gaussian()), toy_images(300), 7)
    assert right.effective == pytest.approx(7)
    assert right.by_draws == pytest.approx(0, abs=1e-6)


def test_both_errors_are_those_of_repetition(correlated):
    model, x = correlated
    runs = [metrics.nll(adapted(model.experiment()), x, 100, seed=seed) for seed in range(40)]
    spread = float(torch.tensor([run.by_images.value for run in runs]).std())
    assert spread == pytest.approx(sum(run.by_draws for run in runs) / 40, rel=0.35)
    images = (model.sample(100, seed)[0] for seed in range(5000, 5040))
    means = [metrics.nll(adapted(model.experiment()), some, 100).by_images for some in images]
    spread = float(torch.tensor([mean.value for mean in means]).std())
    assert spread == pytest.approx(sum(mean.standard_error for mean in means) / 40, rel=0.35)


def test_one_sample_is_the_elbo_and_more_come_closer_to_the_truth(correlated):
    model, x = correlated
    elbo = metrics.bound(adapted(model.experiment()), x).elbo
    once = importance_weights(adapted(model.experiment()), x.repeat(20, 1), 1)
    difference = once.log_mean.unflatten(0, (20, -1)).mean(0) - elbo
    assert abs(float(difference.mean())) < 4 * float(difference.std()) / math.sqrt(len(x))
    ladder = [-metrics.nll(adapted(model.experiment()), x, k).by_images.value for k in (1, 5, 50)]
    assert ladder == sorted(ladder)
    exact = model.bound(x, model.best_diagonal(x))
    difference = exact.log_prob - elbo - exact.approximation  # one draw of z: right in the mean
    assert abs(float(difference.mean())) < 4 * float(difference.std()) / math.sqrt(len(x))
    assert float(exact.approximation.mean()) > 0.2


def test_the_rate_is_in_closed_form_and_the_distortion_right_in_the_mean(correlated):
    model, x = correlated
    found = metrics.bound(adapted(model.experiment()), x)
    q = model.best_diagonal(x)
    exact = model.bound(x, q)
    torch.testing.assert_close(found.rate, exact.rate)
    torch.testing.assert_close(found.error, (q.mean @ model.weight.T - x).square().mean(1))
    difference = found.distortion - exact.distortion
    assert abs(float(difference.mean())) < 4 * float(difference.std()) / math.sqrt(len(x))


@pytest.mark.parametrize("samples", [1, 10, 150, 333])
@pytest.mark.parametrize("chunk", [1, 100, 4096])
def test_the_number_of_samples_is_exact_for_any_batch(correlated, samples, chunk):
    """pythae's get_nll rounds them to whole batches: of 10 or 150 asked for it draws 100."""
    model, x = correlated
    x, drawn, together = x[:7], torch.zeros(7), []
    adapter = adapted(model.experiment())

    def counting(z, seen):
        drawn.add_((seen[:, None] == x).all(-1).sum(0))
        together.append(len(z))
        return adapter.nll(z, seen)

    found = metrics.nll(replace(adapter, nll=counting), x, samples, chunk=chunk)
    assert drawn.tolist() == [samples] * 7
    assert max(together) <= max(chunk, 1)
    assert found.samples == samples
    assert 1 - 1e-9 <= found.effective <= samples + 1e-9


def recorded(model, x, samples):
    """ln w of every draw, [K, n], by hand, and what `nll` makes of the same draws."""
    adapter, terms = adapted(model.experiment()), []

    def recording(z, seen):
        q = adapter.encode(seen)
        terms.append(Gaussian.standard(z).log_prob(z) - q.log_prob(z) - adapter.nll(z, seen))
        return adapter.nll(z, seen)

    found = metrics.nll(replace(adapter, nll=recording), x, samples, chunk=len(x) * samples)
    return torch.cat(terms).unflatten(0, (samples, -1)), found


def test_the_number_is_the_log_of_the_mean_weight_and_no_self_normalized_average(correlated):
    """pythae reports Σ w ln w / Σ w, which lies above ln mean w: an NLL that is too good."""
    model, x = correlated
    log_w, found = recorded(model, x[:20], 10)
    torch.testing.assert_close(-found.per_image, log_w.logsumexp(0) - math.log(10))
    optimistic = (log_w.softmax(0) * log_w).sum(0)
    assert float((optimistic + found.per_image).mean()) > 0.1
    mean_of_logs = log_w.mean(0)  # the ELBO, too pessimistic
    assert float((mean_of_logs + found.per_image).mean()) < -0.1


def test_weights_hundreds_of_nats_apart_do_not_overflow():
    adapter = adapted(misfit(1.0))
    offsets = itertools.cycle([0.0, -2000.0, 2000.0, 0.0])
    shifted = replace(adapter, nll=lambda z, x: adapter.nll(z, x) + next(offsets))
    found = importance_weights(shifted, toy_images(3), 4, chunk=1)
    assert bool(torch.isfinite(found.log_mean[:1]).all())
    assert float(found.log_mean[0]) == pytest.approx(float(exact(toy_images(3))[0]) + 2000 - math.log(4))
    assert float(found.effective[0]) == pytest.approx(1)


def test_neither_beta_nor_another_divergence_enters():
    torch.manual_seed(0)
    plain = recipes.vae((1, 4, 4), 2, hidden=(8,), gamma=0.3)
    beta = Experiment(plain.model, Objective(plain.objective.likelihood, KL(), 7.0), plain.shape)
    other = Experiment(plain.model, Objective(plain.objective.likelihood, GeometricJS(0.3)), plain.shape)
    images = torch.rand(30, 1, 4, 4)
    for trained_otherwise in (beta, other):
        found, same = (metrics.bound(adapted(model), images) for model in (plain, trained_otherwise))
        for a, b in zip(found, same, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_gamma_is_that_of_the_decoder():
    """p(x|z) = N(decoded, gamma²): constants and all."""
    experiment = linear_gaussian()
    assert isinstance(experiment.objective.likelihood, Normal)
    x, z = toy_images(5), toy_images(5, seed=1)
    by_hand = torch.distributions.Normal(z, NOISE).log_prob(x).sum(1)
    torch.testing.assert_close(adapted(experiment).nll(z, x), -by_hand)
    torch.testing.assert_close(metrics.normal(experiment.encode, lambda z: z, NOISE).nll(z, x), -by_hand)


def test_the_bernoulli_of_probabilities_is_that_of_logits():
    torch.manual_seed(0)
    experiment = recipes.vae((1, 4, 4), 2, hidden=(8,), likelihood="bernoulli")
    x, z = torch.rand(6, 1, 4, 4).round(), torch.randn(6, 2)
    ours, theirs = adapted(experiment), metrics.bernoulli(experiment.encode, experiment.decode)
    torch.testing.assert_close(theirs.nll(z, x), ours.nll(z, x))
    assert ours.binary
    assert theirs.binary
    assert not adapted(linear_gaussian()).binary


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_bernoulli_of_logits_does_not_saturate(dtype):
    """A black pixel at logit 17 costs 17 nats; as a probability in float32 it is 1, which costs 100."""
    size = torch.tensor([0.0, 5, 17, 30, 90], dtype=dtype)
    logit, x = torch.cat([size, -size])[:, None, None, None], torch.zeros(10, 1, 1, 1, dtype=dtype)
    x[5:] = 1

    def encode(x):
        return Gaussian(x.flatten(1), torch.zeros_like(x.flatten(1)))

    adapter = metrics.bernoulli(encode, lambda z: z.view(-1, 1, 1, 1), logits=True, dtype=dtype)
    adapter.check(x)
    torch.testing.assert_close(adapter.nll(logit.flatten(1), x), torch.nn.functional.softplus(size).repeat(2))
    torch.testing.assert_close(adapter.decode(logit.flatten(1)), torch.sigmoid(logit))
    with pytest.raises(InvalidType, match="logits must be True or False, got 'yes'"):
        metrics.bernoulli(encode, lambda z: z, logits="yes")


def test_two_layers_are_weighed_by_all_their_latents():
    """Against the density of both layers, term by term, at draws of one's own."""
    torch.manual_seed(0)
    experiment = recipes.two_layer_iwae((1, 4, 4), 6, top=3)
    x, k = torch.rand(40, 1, 4, 4).round(), 200
    adapter = adapted(experiment)
    found = metrics.nll(adapter, x, k)
    with torch.no_grad():
        weights = torch.stack([_joint_ratio(experiment, x) for _ in range(k)]).double()
    reference = math.log(k) - weights.logsumexp(0)
    assert abs(found.by_images.value - float(reference.mean())) < 4 * math.sqrt(2) * found.by_draws
    elbos = torch.stack([metrics.bound(adapter, x, seed=seed).elbo.mean() for seed in range(30)])
    single = weights[:30].mean(1)
    assert abs(float(elbos.mean() - single.mean())) < 4 * float(torch.cat([elbos, single]).std()) * math.sqrt(2 / 30)
    torch.testing.assert_close(
        metrics.nll(adapter, x, 5).per_image, metrics.nll(adapter, x, 5).per_image, rtol=0, atol=0
    )


def _joint_ratio(experiment, x):
    """ln p(x|h1) p(h1|h2) p(h2) - ln q(h1|x) q(h2|h1), by torch.distributions."""

    def density(gaussian, z):
        return torch.distributions.Normal(gaussian.mean, gaussian.logvar.mul(0.5).exp()).log_prob(z).sum(1)

    out = experiment.model(x)
    chance = torch.distributions.Bernoulli(logits=out.out).log_prob(x).flatten(1).sum(1)
    return chance + sum(density(p, z) - density(q, z) for q, p, z in zip(out.q, out.p, out.z, strict=True))


def test_one_draw_knows_no_error_and_no_images_are_refused():
    torch.manual_seed(0)
    experiment = recipes.vae((1, 4, 4), 2, hidden=(8,))
    x = torch.rand(6, 1, 4, 4)
    assert math.isnan(metrics.nll(experiment, x, 1).by_draws)
    assert metrics.nll(experiment, x, 2).by_draws > 0
    for images in (x[:0], x[:, None], torch.rand(6, 1, 4, 5)):
        with pytest.raises(InvalidValue, match=r"images must .*(at least 1|\(1, 4, 4\))"):
            metrics.nll(experiment, images, 5)


class Unsettled(nn.Module):
    """Batch norm and dropout around the latents."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(16, 6), nn.BatchNorm1d(6), nn.Dropout(0.5))
        self.fixed = nn.Dropout(0.5)

    def forward(self, x):
        return self.fixed(self.body(x))


def test_measuring_is_at_rest_and_leaves_the_model_as_it_was():
    torch.manual_seed(0)
    decoder = nn.Sequential(nn.Linear(3, 16), nn.Dropout(0.5), nn.Unflatten(1, (1, 4, 4)))
    experiment = Experiment(VAE(Unsettled(), decoder, 3), Objective(Normal(0.5), KL()), (1, 4, 4)).train()
    experiment.model.encoder.fixed.eval()
    before, images = copy.deepcopy(experiment.state_dict()), torch.rand(20, 1, 4, 4)
    first = metrics.bound(adapted(experiment), images)
    again = metrics.bound(adapted(experiment), images, chunk=7)
    torch.testing.assert_close(first.rate, again.rate)
    once, twice = (metrics.nll(adapted(experiment), images, 3).per_image for _ in range(2))
    torch.testing.assert_close(once, twice, rtol=0, atol=0)
    assert experiment.training
    assert experiment.model.encoder.body.training
    assert not experiment.model.encoder.fixed.training
    for name, value in experiment.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


IMAGES = torch.zeros(4, 1, 4, 4)


def broken(**parts):
    good = {
        "encode": lambda x: Gaussian(x.new_zeros(len(x), 2), x.new_zeros(len(x), 2)),
        "decode": lambda z: z.new_zeros(len(z), 1, 4, 4),
        "nll": lambda z, x: z.new_zeros(len(z)),
    }
    return Adapter(**{**good, **parts})


@pytest.mark.parametrize(
    ("parts", "error", "words"),
    [
        ({"encode": lambda x: (x.new_zeros(2, 2), x.new_zeros(2, 2))}, InvalidType, "Gaussian"),
        ({"encode": lambda x: Gaussian(x.new_zeros(2, 1, 2), x.new_zeros(2, 1, 2))}, InvalidValue, r"\[b, latent\]"),
        ({"encode": lambda x: Gaussian(x.new_full((2, 2), math.nan), x.new_zeros(2, 2))}, InvalidValue, "nan"),
        (
            {"encode": lambda x: Gaussian(x.new_zeros(2, 2), x.new_zeros(2, 3))},
            InvalidValue,
            "logvar must have the shape",
        ),
        ({"decode": lambda z: z.new_zeros(len(z), 16)}, InvalidValue, r"decode.*got \[2, 16\]"),
        ({"decode": lambda z: z.new_full((len(z), 1, 4, 4), math.nan)}, InvalidValue, "nan"),
        ({"decode": lambda z: z.tolist()}, InvalidType, "decode.*list"),
        ({"nll": lambda z, x: 0.0}, InvalidType, "nll.*float"),
        ({"nll": lambda z, x: z.new_zeros(())}, InvalidValue, r"nll must return \[2\].*got \[\]"),
        ({"nll": lambda z, x: z.new_full((len(z),), math.inf)}, InvalidValue, "inf"),
    ],
)
def test_an_adapter_that_is_off_gets_one_sentence(parts, error, words):
    broken().check(IMAGES)
    with pytest.raises(error, match=words):
        broken(**parts).check(IMAGES)
    with pytest.raises(error, match=words):
        metrics.report(broken(**parts), (IMAGES, IMAGES))


@pytest.mark.parametrize(
    ("decode", "words"),
    [
        (lambda z: z.new_full((len(z), 1, 4, 4), -1.5), r"got -1\.5 to -1\.5.*logits=True"),
        (lambda z: z.new_full((len(z), 1, 4, 4), 1.1), r"to 1\.1.*logits=True"),
        (lambda z: z.new_zeros(len(z), 17), r"decode.*got \[2, 17\]"),
    ],
)
def test_a_bernoulli_of_logits_or_of_another_shape_is_refused(decode, words):
    """The shape before the likelihood, which would fail with an error of torch."""
    encode = broken().encode
    with pytest.raises(InvalidValue, match=words):
        metrics.report(metrics.bernoulli(encode, decode), (IMAGES, IMAGES))


def test_the_mean_of_a_normal_may_leave_the_range_of_images():
    metrics.normal(broken().encode, lambda z: z.new_full((len(z), 1, 4, 4), -0.1), 0.5).check(IMAGES)


def test_the_error_for_a_third_party_module_names_the_adapters():
    with pytest.raises(InvalidType, match=r"got Linear.*metrics\.bernoulli"):
        metrics.report(nn.Linear(2, 2), (IMAGES, IMAGES))


@pytest.mark.parametrize("samples", [0, -3])
def test_fewer_than_one_sample_is_refused(correlated, samples):
    model, x = correlated
    with pytest.raises(InvalidValue, match=str(samples)):
        metrics.nll(adapted(model.experiment()), x, samples)
