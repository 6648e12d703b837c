"""The hierarchy of latent groups: its posteriors, its coordinates, and what it refuses."""

import pytest
import torch

from vaelab import Experiment, Objective, metrics, recipes
from vaelab._utils.errors import InvalidValue
from vaelab.divergences.gaussian import KL, Gaussian, diagonal_kl
from vaelab.models.hierarchical import Hierarchy, log_scale
from vaelab.models.vae import VAE, eval_mode, total_rate
from vaelab.objectives.likelihoods import Bernoulli
from vaelab.runs.run import Run

SHAPE = (1, 8, 8)


def perturbed(model, scale=0.3):
    """A model whose weights are far from their initial values."""
    with torch.no_grad():
        for p in model.parameters():
            p.add_(scale * torch.randn_like(p))
    return model.double()


@pytest.fixture(params=["plain", "nvae"])
def model(request):
    torch.manual_seed(0)
    return perturbed(Hierarchy(SHAPE, groups=((2, 2), (4, 1)), latent=2, width=8, cells=request.param))


@pytest.fixture
def x():
    return torch.rand(6, *SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_the_rate_is_that_of_the_residuals(model, x):
    """KL(q‖p) = ½ Σ (d² + f² - ln f² - 1), with q = N(mean_p + sigma_p d, (sigma_p f)²)."""
    with eval_mode(model):
        result, noise = model.mean_pass(x), model.posterior(x)
    residual = 0.5 * (noise.mean**2 + noise.logvar.exp() - noise.logvar - 1).sum(1)
    assert torch.allclose(total_rate(result), residual, rtol=0, atol=1e-10)
    assert float(residual.detach().min()) > 1e-3


def test_the_sum_of_the_rates_is_that_of_draws(model, x):
    """E ln q(z|x)/p(z), by draws of all groups, within 3 standard errors."""
    torch.manual_seed(1)
    with eval_mode(model), torch.no_grad():
        result = model(x[:1], 4000)
    log_ratio = sum(q.log_prob(z) - p.log_prob(z) for q, p, z in zip(result.q, result.p, result.z, strict=True))
    difference = total_rate(result) - log_ratio
    assert abs(float(difference.mean())) < 3 * float(difference.std()) / 4000**0.5


def test_the_noise_of_a_pass_decodes_to_its_output(model, x):
    with eval_mode(model):
        result = model.mean_pass(x)
        assert torch.allclose(model.decode(model.posterior(x).mean), result.out, rtol=0, atol=1e-10)
    assert model.prior_sample(3).shape == (3, model.latent) == (3, sum(model.sizes))


def test_without_a_residual_the_posterior_is_the_prior(x):
    model = Hierarchy(SHAPE, groups=((2, 1), (4, 1)), latent=2, width=8).double()
    with torch.no_grad():
        for group in model.levels:
            group.to_residual[-1].weight.zero_()
            group.to_residual[-1].bias.zero_()
    assert float(total_rate(model.mean_pass(x)).detach().abs().max()) < 1e-12


def test_one_group_is_the_flat_vae_loss_for_loss(x):
    """With the same networks around the same latents, both compute the same loss."""
    torch.manual_seed(0)
    deep = perturbed(Hierarchy(SHAPE, groups=((2, 1),), latent=3, width=8))
    group = deep.levels[0]

    class Encode(torch.nn.Module):
        def forward(self, images):
            features = deep._up(images)[2]
            q = group.posterior(deep.start.expand(len(images), -1, -1, -1), features, Gaussian.standard(x))
            return torch.cat([q.mean, q.logvar], 1)

    class Decode(torch.nn.Module):
        def forward(self, z):
            return deep.head(group.merge(deep.start.expand(len(z), -1, -1, -1), z))

    flat = VAE(Encode(), Decode(), 12)
    losses = []
    for network in (deep, flat):
        torch.manual_seed(3)
        losses.append(Experiment(network, Objective(Bernoulli(), KL()), SHAPE).double()(x))
    assert torch.equal(losses[0].loss, losses[1].loss)
    assert torch.equal(losses[0].divergence, losses[1].divergence)


@pytest.mark.parametrize("scales", ["softplus", "clamped"])
def test_scales_start_at_one_and_do_not_explode(scales):
    raw = torch.tensor([0.0, 50.0, -50.0, 1e4], dtype=torch.float64, requires_grad=True)
    values = log_scale(raw, scales)
    assert float(values[0].detach()) == pytest.approx(0, abs=1e-12)
    assert float(values.detach().exp().max()) < 1.001e4
    assert torch.isfinite(values).all()
    assert torch.isfinite(torch.autograd.grad(values.sum(), raw)[0]).all()


@pytest.mark.parametrize("side", [5, 8, 14, 28])
def test_any_side_is_padded_and_cut_back(side):
    model = Hierarchy((3, side, side), groups=((2, 1), (4, 1)), latent=1, width=4)
    assert model(torch.rand(2, 3, side, side)).out.shape == (2, 3, side, side)


def test_a_measurement_averages_over_all_groups(x):
    experiment = Experiment(
        Hierarchy(SHAPE, groups=((2, 1), (4, 1)), latent=1, width=4), Objective(Bernoulli(), KL()), SHAPE
    )
    measured = metrics.nll(experiment, (x[:4] > 0.5).float(), samples=16)
    assert torch.isfinite(measured.per_image).all()
    assert experiment.sample(3).shape == (3, *SHAPE)
    assert experiment.encode(x).mean.shape == (6, experiment.model.latent)
    assert diagonal_kl(experiment.encode(x), Gaussian.standard(x)).shape == (6,)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"groups": ()}, "groups must be pairs"),
        ({"groups": ((4, 0),)}, "groups must be at least 1, got 0"),
        ({"groups": ((3, 1), (8, 1))}, "got 3 and then 8"),
        ({"groups": ((8, 1), (4, 1))}, "got 8 and then 4"),
        ({"groups": ((16, 1),)}, "up to that of the image, 8, got 16"),
        ({"groups": ((4, 1, 2),)}, "pairs of side and number"),
        ({"shape": (1, 8, 6)}, r"side, side\) for a hierarchy, got \(1, 8, 6\)"),
        ({"cells": "vd"}, "cells"),
    ],
)
def test_what_cannot_be_built_gets_one_sentence(options, words):
    with pytest.raises(InvalidValue, match=words):
        Hierarchy(**{"shape": SHAPE, "groups": ((2, 1),), "width": 4, **options})


def test_the_recipe_is_a_hierarchy_like_any_experiment():
    experiment = recipes.hierarchical_vae((1, 8, 8), groups=((2, 1), (4, 1)), latent=2, width=8)
    assert isinstance(experiment.model, Hierarchy)
    assert experiment(torch.rand(3, 1, 8, 8)).loss.isfinite()


def test_the_recipe_refuses_a_network_and_runs_from_the_command_line():
    with pytest.raises(InvalidValue, match="network='conv'"):
        recipes.hierarchical_vae((1, 8, 8), network="conv")
    run = Run("hierarchical_vae", {"width": 4}, "digits", 1, "mlp", None, 1)
    assert run.recipe == "hierarchical_vae"
