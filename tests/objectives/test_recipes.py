"""Recipes: gradients, graphs and terms of the loss."""

import pytest
import torch

from vaelab import recipes
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.objectives.gamma import Fixed, policy

ALL_RECIPES = [
    recipes.vae,
    lambda *a, **k: recipes.beta_vae(*a, beta=2.0, **k),
    recipes.reverse_kl_vae,
    lambda *a, **k: recipes.gjs_vae(*a, alpha=0.3, **k),
    lambda *a, **k: recipes.gjs_vae(*a, alpha=0.3, dual=True, **k),
    lambda *a, **k: recipes.gjs_vae(*a, alpha=0.3, primed=False, **k),
    lambda *a, **k: recipes.gjs_vae(*a, alpha=0.3, dual=True, trainable=True, **k),
    recipes.mmd_vae,
]


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


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: policy("clever"), InvalidType, "clever"),
        (lambda: policy(None), InvalidType, "None"),
        (lambda: Fixed(-1.0), InvalidValue, "-1"),
        (lambda: Fixed(float("inf")), InvalidValue, "inf"),
        (lambda: recipes.vae((1, 28, 28), 0), InvalidValue, "latent.*0"),
        (lambda: recipes.vae((), 2), InvalidValue, "shape"),
        (lambda: recipes.vae((1, 28.5, 28), 2), InvalidType, "28.5"),
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


def test_a_number_as_annealing_is_that_of_the_steps_of_a_linear_rise():
    experiment = recipes.vae((1, 8, 8), 2, annealing=40)
    assert experiment.objective.annealing.factor.item() == pytest.approx(1 / 40)
    with pytest.raises(InvalidValue, match="steps must be"):
        recipes.vae((1, 8, 8), 2, annealing=0)
