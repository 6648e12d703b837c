"""The evidence estimator, against a model whose evidence is known.

The published mistake is that of `generative.ipynb` in jacobdeasy/geometric-js (Deasy et al. 2020),
which takes sigma² for the proposal's standard deviation.
"""

import math

import pytest
import torch
from torch import nn

from figures.gjs.importance_sampling import DIMENSIONS, EXACT, linear_gaussian, toy_images
from vaelab import Experiment, Objective, recipes
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.divergences import KL
from vaelab.metrics.log_likelihood import bootstrap, log_evidence
from vaelab.models.vae import VAE
from vaelab.objectives.likelihoods import Bernoulli
from vaelab.runs.measure import published_proposal


def exact(x, variance=1.04):
    """x = z + noise: N(0, 1 + 0.04)."""
    return -0.5 * (x**2 / variance + math.log(2 * math.pi * variance)).sum(1)


def test_the_toy_case_has_its_exact_evidence():
    """Exact -14.3396, met within its own interval; as published about -22.31, far below it."""
    experiment, x = linear_gaussian(), toy_images(400)
    assert float(exact(x).mean()) == pytest.approx(EXACT, abs=1e-9)
    right = log_evidence(experiment, x)
    published = log_evidence(experiment, x, proposal=published_proposal)
    low, high = bootstrap(right)
    assert low < EXACT < high
    assert float(right.mean()) == pytest.approx(EXACT, abs=1e-6)
    assert float(published.mean()) == pytest.approx(-22.31, abs=0.6)
    assert bootstrap(published)[1] < low - 5
    torch.testing.assert_close(right, exact(x), atol=1e-6, rtol=0)


def test_a_proposal_is_for_one_group_of_latents():
    deep = recipes.two_layer_iwae((1, 4, 4), 4, top=2)
    with pytest.raises(InvalidValue, match="proposal must be None"):
        log_evidence(deep, torch.rand(3, 1, 4, 4).round(), proposal=published_proposal)


def misfit(factor):
    """The toy with a proposal whose variance is off by a factor."""
    experiment = linear_gaussian()
    with torch.no_grad():
        experiment.model.encoder[1][0].bias[DIMENSIONS:] += math.log(factor)
    return experiment


def test_a_wide_proposal_stays_right_and_more_samples_come_closer():
    x = toy_images(300)
    assert float(log_evidence(misfit(1.5), x, 512).mean()) == pytest.approx(EXACT, abs=0.05)
    few, many = (float(log_evidence(misfit(0.3), x, k).mean()) for k in (4, 1024))
    assert few < many < EXACT + 0.05


def test_one_sample_is_the_elbo_in_the_mean():
    x = toy_images(4000)
    experiment = misfit(0.5)
    q = experiment.encode(x)
    nll = 0.5 * (((x - q.mean) ** 2 + q.logvar.exp()) / 0.04 + math.log(2 * math.pi * 0.04)).sum(1)
    elbo = -(nll + KL()(q, experiment.model(x).p[0])).mean()
    assert float(log_evidence(experiment, x, 1).mean()) == pytest.approx(float(elbo), abs=0.1)


def test_chunks_do_not_change_how_many_samples_are_drawn():
    """Every decoded z is counted, whatever the chunk; and the estimates agree within their noise."""
    experiment, x, decoded = misfit(1.5), toy_images(7), []
    experiment.model.decoder.register_forward_hook(lambda module, inputs, out: decoded.append(len(out)))
    for chunk in (5, 64, 4096):
        decoded.clear()
        each = log_evidence(experiment, x, 100, chunk=chunk)
        assert sum(decoded) == 2 + 700  # two to try the model
        assert max(decoded) <= max(chunk, 100)
        torch.testing.assert_close(each, exact(x), atol=0.6, rtol=0)
    torch.testing.assert_close(log_evidence(experiment, x, 50), log_evidence(experiment, x, 50), atol=0, rtol=0)


def test_images_in_bytes_and_convolutions():
    torch.manual_seed(0)
    experiment = recipes.vae((1, 28, 28), 3, network="conv", hidden=(4, 4))
    images = torch.randint(0, 256, (6, 1, 28, 28), dtype=torch.uint8)
    each = log_evidence(experiment, images, 8, chunk=16)
    assert each.shape == (6,)
    assert each.dtype == torch.float64
    torch.testing.assert_close(each, log_evidence(experiment, images / 255, 8, chunk=16))


def test_the_bootstrap_interval_is_that_of_the_mean():
    torch.manual_seed(0)
    covered, widths = 0, []
    for seed in range(200):
        values = torch.randn(100, dtype=torch.float64)
        low, high = bootstrap(values, seed=seed)
        covered += low < 0 < high
        widths.append(high - low)
    assert 180 <= covered <= 199
    assert sum(widths) / 200 == pytest.approx(2 * 1.96 / 10, rel=0.05)


def test_bernoulli_evidence_of_a_constant_decoder_is_its_likelihood():
    """Where z says nothing and q = p, every draw has the same weight."""

    class Half(nn.Module):
        def forward(self, z):
            return z.new_zeros(len(z), 1, 2, 2)

    class Prior(nn.Module):
        def forward(self, x):
            return x.new_zeros(len(x), 6)

    experiment = Experiment(VAE(Prior(), Half(), 3), Objective(Bernoulli(), KL()), (1, 2, 2))
    each = log_evidence(experiment, torch.tensor([[[[0.0, 1.0], [1.0, 0.0]]]]), 5)
    assert float(each) == pytest.approx(4 * math.log(0.5), rel=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: log_evidence(linear_gaussian(), toy_images(2), 0), InvalidValue, "samples.*0"),
        (lambda: bootstrap(torch.tensor([1.0])), InvalidValue, "n at least 2"),
        (lambda: bootstrap([1.0, 2.0]), InvalidType, "list"),
        (lambda: bootstrap(torch.zeros(3), level=2), InvalidValue, "level.*2"),
    ],
)
def test_bad_input_gets_one_sentence(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_images_without_their_channel_or_none_at_all_are_refused():
    experiment, x = linear_gaussian(), toy_images(3)
    for wrong in (x[:0], x[:, None]):
        with pytest.raises(InvalidValue, match="images must"):
            log_evidence(experiment, wrong)
