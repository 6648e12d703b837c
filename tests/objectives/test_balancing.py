"""Weights of latent groups while the divergence is annealed."""

import pytest
import torch

from vaelab import TrainConfig, fit, recipes
from vaelab._utils.errors import InvalidValue
from vaelab.objectives.annealing import Linear
from vaelab.objectives.balancing import FLOOR, group_weights

SHAPE = (1, 8, 8)
SMALL = {"groups": ((2, 2), (4, 1)), "latent": 2, "width": 8}


def deep(recipe="hierarchical_vae", steps=100, **options):
    torch.manual_seed(0)
    options = {"annealing": Linear(steps), "balance": True, "free_nats": None, **SMALL, **options}
    experiment = getattr(recipes, recipe)(SHAPE, **options)
    with torch.no_grad():
        for parameter in experiment.model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return experiment


def test_the_weights_are_those_of_the_definition():
    """w ∝ n D / d, 1 in the mean: two groups of 8 latents on one scale, one of 32."""
    divergences = [torch.tensor([1.0, 3.0]), torch.tensor([0.0, 0.0]), torch.tensor([8.0, 10.0])]
    costs = torch.tensor([2 * (2 + FLOOR) / 8, 2 * FLOOR / 8, (9 + FLOOR) / 32])
    torch.testing.assert_close(group_weights(divergences, [8, 8, 32]), costs * 3 / costs.sum())


def test_groups_whose_latents_cost_the_same_have_the_weight_1():
    divergences = [torch.full((2,), 1.0 - FLOOR), torch.full((2,), 4.0 - FLOOR)]
    torch.testing.assert_close(group_weights(divergences, [4, 16]), torch.ones(2))
    assert torch.equal(group_weights([torch.zeros(2)] * 3, [4] * 3), torch.ones(3))


def test_the_loss_has_the_weights_and_the_terms_have_not():
    experiment, x = deep(), torch.rand(6, *SHAPE)
    result = experiment.model(x)
    terms, factor = experiment.objective(x, result), experiment.objective.annealing.factor
    groups = experiment.objective.group_divergences(result)
    weights = group_weights(groups, experiment.model.sizes)
    assert float(weights.std()) > 0.1
    torch.testing.assert_close(terms.divergence, sum(groups))
    expected = terms.nll + factor * sum(w * g for w, g in zip(weights, groups, strict=True))
    torch.testing.assert_close(terms.loss, expected.mean())


def test_the_weights_carry_no_gradient():
    """The gradient is that of a sum with constant weights."""
    experiment, x = deep(), torch.rand(6, *SHAPE)
    result = experiment.model(x)
    parameters = list(experiment.model.parameters())
    ours = torch.autograd.grad(experiment.objective(x, result).loss, parameters, retain_graph=True)
    groups = experiment.objective.group_divergences(result)
    constant = group_weights(groups, experiment.model.sizes).tolist()
    nll = experiment.objective.likelihood.nll(result.out, x)
    factor = experiment.objective.annealing.factor
    loss = (nll + factor * sum(w * g for w, g in zip(constant, groups, strict=True))).mean()
    for a, b in zip(ours, torch.autograd.grad(loss, parameters), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


def test_balancing_ends_with_the_annealing():
    x = torch.rand(6, *SHAPE)
    for steps, equal in ((1, True), (2, False)):  # the factor of the first step is 1/steps
        ours, plain = deep(steps=steps), deep(steps=steps, balance=False)
        result = ours.model(x)
        same = torch.equal(ours.objective(x, result).loss, plain.objective(x, result).loss)
        assert same == equal


@pytest.mark.parametrize("recipe", ["hierarchical_vae", "cr_hierarchical_vae"])
@pytest.mark.parametrize("free_nats", [None, 1.0])
def test_it_trains_compiles_and_resumes_bit_for_bit(recipe, free_nats, tmp_path):
    x = torch.rand(40, *SHAPE, generator=torch.Generator().manual_seed(1))
    options = {"batch_size": 10, "progress": False, "device": "cpu"}
    whole, parts, resumed = (deep(recipe, steps=6, free_nats=free_nats) for _ in range(3))
    fit(whole, x, TrainConfig(epochs=3, **options))
    fit(parts, x, TrainConfig(epochs=1, checkpoints=tmp_path, **options))
    fit(resumed, x, TrainConfig(epochs=3, checkpoints=tmp_path, **options), resume=True)
    assert all(
        torch.equal(a, b) for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    )
    other = deep(recipe, steps=6, free_nats=free_nats, balance=False)
    with pytest.raises(InvalidValue, match="balance"):
        fit(other, x, TrainConfig(epochs=3, checkpoints=tmp_path, **options), resume=True)
    assert torch.isfinite(torch.compile(whole, fullgraph=True, backend="eager")(x[:4]).loss)


def test_one_group_is_not_changed_and_balance_needs_annealing():
    x, (plain, balanced) = torch.rand(4, *SHAPE), (deep(groups=((2, 1),), balance=b) for b in (False, True))
    losses = []
    for experiment in (plain, balanced):
        torch.manual_seed(2)
        losses.append(experiment(x).loss)
    torch.testing.assert_close(*losses)
    with pytest.raises(InvalidValue, match=r"^balance needs an annealing schedule.*got annealing=None\.$"):
        recipes.hierarchical_vae(SHAPE, balance=True, **SMALL)
