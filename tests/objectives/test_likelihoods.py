"""Likelihoods against those of torch."""

import math

import pytest
import torch
from torch.distributions import Laplace as TorchLaplace
from torch.distributions import Normal as TorchNormal

from vaelab.objectives.likelihoods import Bernoulli, Laplace, Normal


def test_likelihoods_are_those_of_torch():
    torch.manual_seed(0)
    out, x, gamma = torch.randn(4, 1, 3, 3), torch.rand(4, 1, 3, 3), 0.3
    mean = torch.sigmoid(out)
    normal, laplace, bernoulli = Normal(gamma), Laplace(gamma), Bernoulli()
    torch.testing.assert_close(normal.nll(out, x), -TorchNormal(mean, gamma).log_prob(x).flatten(1).sum(1))
    torch.testing.assert_close(laplace.nll(out, x), -TorchLaplace(mean, gamma / 2**0.5).log_prob(x).flatten(1).sum(1))
    torch.testing.assert_close(bernoulli.nll(out, x), -(x * mean.log() + (1 - x) * (1 - mean).log()).flatten(1).sum(1))
    torch.testing.assert_close(Normal(gamma, squash=False).mean(out), out)


def test_samples_of_the_likelihoods_have_standard_deviation_gamma():
    torch.manual_seed(0)
    out = torch.zeros(1, 200_000)
    for likelihood in (Normal(0.3), Laplace(0.3)):
        drawn = likelihood.sample(out)
        assert (float(drawn.mean()), float(drawn.std())) == pytest.approx((0.5, 0.3), abs=0.005)
    drawn = Bernoulli().sample(out + math.log(3))
    assert float(drawn.mean()) == pytest.approx(0.75, abs=0.005)
    assert set(drawn.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_laplace_noise_is_finite_at_the_ends_of_the_uniform_draws(monkeypatch, dtype):
    ends = torch.tensor([[0.0, 0.25, 0.5, 0.75, 1 - torch.finfo(dtype).eps / 2]], dtype=dtype)
    monkeypatch.setattr(torch, "rand_like", lambda out: ends.clone())
    noise = Laplace(2**0.5, squash=False).sample(torch.zeros(1, 5, dtype=dtype))
    assert noise.isfinite().all()
    assert noise[0, 1:4].tolist() == pytest.approx([-math.log(2), 0, math.log(2)], abs=0.01)
    assert noise[0, 0] < 2 * math.log(torch.finfo(dtype).eps) / 3
