"""Schedules of the divergence's weight."""

import math
from dataclasses import replace

import pytest
import torch

from tests.objectives.balances import ANNEALINGS, CONFIG, SHAPE, balanced
from vaelab import fit, recipes
from vaelab.objectives.annealing import Annealing, Cyclical, Linear, PIController


def test_the_controller_holds_the_divergence_at_its_target_and_does_not_wind_up():
    """On a made-up VAE whose divergence falls with its weight; then a target out of reach, and back."""
    annealing = PIController(target=20.0, integral=1e-3)
    for _ in range(3000):
        annealing.update(torch.zeros(()), (40 * torch.exp(-2 * annealing.factor)).expand(5))
    assert 40 * math.exp(-2 * float(annealing.factor)) == pytest.approx(20, abs=0.1)
    for _ in range(3000):
        annealing.update(torch.zeros(()), torch.full((5,), 100.0))
    assert float(annealing.factor) == 1
    annealing.update(torch.zeros(()), torch.zeros(5))
    assert float(annealing.factor) == pytest.approx(1 - 1e-3 * 20, abs=1e-4)


def test_a_linear_start_rises_by_equal_steps():
    linear, factors = Linear(4), []
    for _ in range(6):
        factors.append(float(linear.factor))
        linear.update(torch.zeros(()), torch.zeros(1))
    assert factors == [0.25, 0.5, 0.75, 1, 1, 1]


def test_cyclical_annealing_rises_stays_and_restarts():
    annealing, heats = Cyclical(period=10, rise=0.5), []
    for _ in range(20):
        heats.append(float(annealing.factor))
        annealing.update(torch.zeros(()), torch.zeros(1))
    assert heats == pytest.approx(2 * [0, 0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1, 1])


def test_annealing_is_an_option_of_every_recipe_and_of_the_bound():
    """At factor 1/4 the loss of one draw is nll + a quarter of the rate."""
    for make in (recipes.vae, recipes.gjs_vae, recipes.iwae, recipes.cr_vae, recipes.cr_iwae, recipes.mmd_vae):
        assert make(SHAPE, 3, annealing=Linear(4)).objective.annealing.steps == 4, make.__name__
    two = recipes.two_layer_iwae((1, 28, 28), 4, top=2, annealing=Linear(4))
    assert float(two.objective.divergence_weight) == 0.25
    one = recipes.iwae(SHAPE, 3, samples=1, hidden=(16,), annealing=Linear(4))
    terms = one(torch.rand(20, *SHAPE))
    expected = terms.nll.mean() + 0.25 * terms.divergence.mean()
    assert float(terms.loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)


def test_the_heat_is_a_column_of_the_history(digits):
    history = fit(balanced("linear"), digits, replace(CONFIG, steps=32))
    assert history["annealing"] == [1.0, 1.0]
    assert history.columns[-2:] == ["annealing", "seconds"]


def test_every_schedule_starts_at_its_documented_value():
    assert [float(make().factor) for make in ANNEALINGS.values()] == pytest.approx([1 / 15, 0, 0])
    assert all(isinstance(make(), Annealing) for make in ANNEALINGS.values())
