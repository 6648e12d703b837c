"""Networks, likelihoods, gamma policies, recipes: shapes, parameter counts, and the laws they obey."""

import math

import pytest
import torch
from torch.distributions import Laplace as TorchLaplace
from torch.distributions import Normal as TorchNormal

from vaelab import networks, recipes
from vaelab.errors import InvalidType, InvalidValue
from vaelab.gamma import Computed, Fixed, Learned, policy
from vaelab.likelihoods import Bernoulli, Laplace, Normal
from vaelab.metrics import encode, evaluate
from vaelab.posterior import MarginalPosterior

ALL_RECIPES = [
    recipes.vae,
    lambda *a, **k: recipes.beta_vae(*a, beta=2.0, **k),
    recipes.reverse_kl_vae,
    lambda *a, **k: recipes.gjs_vae(*a, alpha=0.3, **k),
    lambda *a, **k: recipes.gjs_vae(*a, alpha=0.3, dual=True, **k),
    lambda *a, **k: recipes.gjs_vae(*a, alpha=0.3, primed=False, **k),
    lambda *a, **k: recipes.gjs_vae(*a, alpha=0.3, dual=True, trainable=True, **k),
    recipes.mmd_vae,
    lambda *a, **k: recipes.mmd_vae(*a, published=True, **k),
]


def parameters(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(("shape", "count"), [((1, 32, 32), 469_173), ((1, 64, 64), 502_005), ((3, 64, 64), 504_055)])
def test_burgess_has_the_published_number_of_parameters(shape, count):
    encoder, decoder = networks.burgess(shape, 10)
    assert parameters(encoder) + parameters(decoder) == count
    if shape == (1, 32, 32):
        assert (parameters(encoder), parameters(decoder)) == (235_636, 233_537)


@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (2, 33, 47), (1, 64, 64), (4, 100, 9), (3, 127, 128)]
)
@pytest.mark.parametrize("network", ["mlp", "conv", "burgess"])
def test_networks_fit_any_side(shape, network):
    if network == "burgess" and max(shape[1:]) > 64:
        with pytest.raises(InvalidValue, match="8 to 64"):
            recipes.vae(shape, 4, network=network)
        return
    experiment = recipes.vae(shape, 4, network=network)
    x = torch.rand(2, *shape)
    assert experiment.model(x).out.shape == x.shape
    assert experiment.encode(x).mean.shape == (2, 4)
    assert experiment.sample(3).shape == (3, *shape)


def test_every_side_from_8_to_128():
    for side in range(8, 129):
        encoder, decoder = networks.conv((1, side, side), 2, hidden=(2, 2, 2))
        assert decoder(torch.zeros(1, 2)).shape == (1, 1, side, side)
        assert encoder(torch.zeros(1, 1, side, side)).shape == (1, 4)


def test_burgess_pads_and_crops_what_it_padded():
    _, decoder = networks.burgess((1, 28, 28), 3)
    _, bare = networks.burgess((1, 32, 32), 3)
    bare.load_state_dict(decoder.state_dict())
    z = torch.randn(2, 3)
    torch.testing.assert_close(decoder(z), bare(z)[..., 2:-2, 2:-2])


@pytest.mark.parametrize("make", ALL_RECIPES)
@pytest.mark.parametrize("network", ["mlp", "conv", "burgess"])
@pytest.mark.parametrize(
    "design",
    [{"likelihood": "normal", "gamma": "learned"}, {"likelihood": "laplace", "gamma": "learned"}]
    + [{"likelihood": "bernoulli"}],
)
def test_gradients_reach_every_parameter(make, network, design):
    torch.manual_seed(0)
    experiment = make((1, 28, 28), 3, network=network, **design)
    experiment(torch.rand(4, 1, 28, 28)).loss.backward()
    for name, parameter in experiment.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().sum()) > 0, name


@pytest.mark.parametrize("make", ALL_RECIPES)
def test_every_recipe_traces_as_one_graph(make):
    torch._dynamo.reset()  # torch traces one piece of code at most eight times, and every recipe shares it
    experiment = make((1, 8, 8), 3, hidden=(16,), gamma="learned")
    compiled = torch.compile(experiment, fullgraph=True, backend="eager")
    x = torch.rand(4, 1, 8, 8)
    torch.manual_seed(0)
    expected = experiment(x).loss
    torch.manual_seed(0)
    torch.testing.assert_close(compiled(x).loss, expected)


def test_terms_are_per_sample_and_in_nats():
    torch.manual_seed(0)
    experiment = recipes.beta_vae((1, 8, 8), 3, beta=2.0)
    terms = experiment(torch.rand(5, 1, 8, 8))
    assert terms.nll.shape == terms.divergence.shape == (5,)
    torch.testing.assert_close(terms.loss, (terms.nll + 2 * terms.divergence).mean())


def test_alpha_zero_is_the_ordinary_vae():
    for make, alpha, dual in (
        (recipes.vae, 0.0, False),
        (recipes.reverse_kl_vae, 1.0, False),
        (recipes.vae, 1.0, True),
    ):
        torch.manual_seed(0)
        ordinary = make((1, 8, 8), 3)
        skewed = recipes.gjs_vae((1, 8, 8), 3, alpha=alpha, dual=dual)
        skewed.model.load_state_dict(ordinary.model.state_dict())
        x = torch.rand(5, 1, 8, 8)
        torch.manual_seed(1)
        expected = ordinary(x).loss
        torch.manual_seed(1)
        torch.testing.assert_close(skewed(x).loss, expected)


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


def test_the_optimum_of_gamma_is_the_root_of_the_error():
    """Balancing sheet, identity I1: argmin of D (m / 2g² + ln g) is sqrt(m), the value D/2 (1 + ln 2πm)."""
    torch.manual_seed(0)
    out, x = torch.randn(50, 1, 8, 8), torch.rand(50, 1, 8, 8)
    m = float(((x - torch.sigmoid(out)) ** 2).mean())
    best = Normal(m**0.5).nll(out, x).mean()
    assert float(best) == pytest.approx(32 * (1 + math.log(2 * math.pi * m)), rel=1e-5)
    learned = Normal(Learned(m**0.5))
    learned.nll(out, x).mean().backward()
    assert float(learned.gamma.log_gamma.grad) == pytest.approx(0, abs=1e-3)
    assert min(float(Normal(m**0.5 * f).nll(out, x).mean()) for f in (0.9, 1.1)) > float(best)


def test_computed_gamma_follows_the_error_and_only_falls():
    gamma = Computed(start=1.0, rate=0.1)
    for _ in range(200):
        gamma.update(torch.tensor(0.04), torch.zeros(1))
    assert float(gamma.gamma) == pytest.approx(0.2, rel=1e-4)
    for _ in range(50):
        gamma.update(torch.tensor(0.5), torch.zeros(1))
    assert float(gamma.gamma) == pytest.approx(0.2, rel=1e-4)
    assert float(gamma.running) > 0.4


def test_computed_gamma_starts_at_the_variance_of_the_data_once():
    torch.manual_seed(0)
    images = torch.rand(500, 1, 4, 4)
    gamma = Computed()
    gamma.begin(images)
    assert float(gamma.gamma) ** 2 == pytest.approx(float(images.flatten(1).var(0, correction=0).mean()), rel=1e-5)
    gamma.update(torch.tensor(0.01), torch.zeros(1))
    before = float(gamma.gamma)
    gamma.begin(images)
    assert float(gamma.gamma) == before
    again = Computed()
    again.load_state_dict(gamma.state_dict())
    assert float(again.gamma) == before
    assert bool(again.started)


def test_rule_b_is_biased_low_as_much_as_the_sheet_says():
    """Balancing sheet I14: stationary errors of mean 1 and 20 % variation leave gamma² near .954 after 10,000 steps."""
    torch.manual_seed(0)
    ends = []
    for _ in range(4):
        gamma = Computed(start=1.0)
        for error in 1 + 0.2 * torch.randn(10_000):
            gamma.update(error, torch.zeros(1))
        ends.append(float(gamma.gamma) ** 2)
    assert sum(ends) / len(ends) == pytest.approx(0.954, abs=0.01)


def test_the_variance_law_adds_variances_not_deviations():
    torch.manual_seed(0)
    mean, logvar = (
        torch.randn(40_000, 2) * torch.tensor([0.8, 0.01]),
        torch.log(torch.tensor([0.36, 1.0])).expand(40_000, 2),
    )
    law = MarginalPosterior(mean, logvar).variance_law()
    assert law.total.tolist() == pytest.approx([1.0, 1.0], abs=0.02)
    assert law.active.tolist() == [True, False]
    draws = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
    torch.testing.assert_close(draws.var(0), law.total, atol=0.02, rtol=0)
    with pytest.raises(InvalidValue, match=r"\[n, d\]"):
        MarginalPosterior(torch.zeros(3), torch.zeros(3))


def test_evaluate_averages_over_images_not_over_chunks():
    torch.manual_seed(0)
    experiment = recipes.gjs_vae((1, 8, 8), 3, alpha=0.4)
    images = torch.randint(0, 256, (10, 1, 8, 8), dtype=torch.uint8)
    whole, chunked = evaluate(experiment, images), evaluate(experiment, images, chunk=3)
    for name in ("reconstruction", "rate", "divergence"):
        assert chunked[name] == pytest.approx(whole[name], rel=1e-5)
    x = images / 255
    at_mean = experiment.decode(experiment.encode(x).mean)
    assert whole["reconstruction"] == pytest.approx(float(((x - at_mean) ** 2).flatten(1).sum(1).mean()), rel=1e-5)
    torch.testing.assert_close(encode(experiment, images, chunk=3).logvar, experiment.encode(images).logvar)


def test_policies_by_number_name_or_object():
    assert isinstance(policy(0.3), Fixed)
    assert isinstance(policy("learned"), Learned)
    assert isinstance(policy("computed"), Computed)
    mine = Computed(rate=0.05)
    assert policy(mine) is mine
    assert "gamma=0.3" in repr(policy(0.3))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: policy("clever"), InvalidType, "clever"),
        (lambda: policy(None), InvalidType, "None"),
        (lambda: Fixed(-1.0), InvalidValue, "-1"),
        (lambda: Fixed(float("inf")), InvalidValue, "inf"),
        (lambda: recipes.vae((1, 28, 28), 0), InvalidValue, "latent.*0"),
        (lambda: recipes.vae((), 2), InvalidValue, "shape"),
        (lambda: recipes.vae((1, 28.5, 28), 2), InvalidValue, "28.5"),
        (lambda: recipes.vae((1, 28, 28), 2, network="resnext"), InvalidValue, "resnext"),
        (lambda: recipes.vae((1, 28, 28), 2, hidden=400), InvalidType, "400"),
        (lambda: recipes.vae((1, 28, 28), 2, likelihood="poisson"), InvalidValue, "poisson"),
        (lambda: recipes.vae((1, 4, 28), 2, network="conv"), InvalidValue, r"8 to 128.*\(1, 4, 28\)"),
        (lambda: recipes.beta_vae((1, 28, 28), 2, beta=-4), InvalidValue, "-4"),
        (lambda: recipes.gjs_vae((1, 28, 28), 2, alpha=1.2), InvalidValue, "1.2"),
    ],
)
def test_bad_input_gets_one_sentence(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_weight_that_float32_rounds_is_exact_in_float64_unless_it_was_moved():
    experiment = recipes.beta_vae((1, 4, 4), 2, beta=2.7)
    assert experiment.double().objective.weight.item() == 2.7
    assert experiment.float().objective.weight.item() == torch.tensor(2.7).item()
    experiment.objective.weight.fill_(3.3)
    assert experiment.double().objective.weight.item() == torch.tensor(3.3).item()
