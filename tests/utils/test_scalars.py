"""Scalars given as numbers: exact in float64, and never in float64 where a module trains."""

import math

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vaelab import Gaussian, Train, fit, load, recipes
from vaelab.divergences.modules import FreeBits, GeometricJS
from vaelab.objectives.annealing import Cyclical, Linear, PIController
from vaelab.objectives.denoising import DenoisingExperiment
from vaelab.objectives.gamma import Fixed, Learned
from vaelab.objectives.objective import Experiment

SHAPE = (1, 8, 8)


def denoising():
    plain = recipes.vae(SHAPE, 2, hidden=(4,))
    return DenoisingExperiment(plain.model, plain.objective, SHAPE, noise=0.3)


@pytest.mark.parametrize(
    ("make", "read", "value"),
    [
        (lambda: GeometricJS(0.3), lambda m: m.alpha, 0.3),
        (lambda: GeometricJS(0.3, trainable=True), lambda m: m.alpha, 0.3),
        (lambda: FreeBits(0.3), lambda m: m.nats, 0.3),
        (lambda: Fixed(0.3), lambda m: m.gamma, 0.3),
        (lambda: Learned(0.3), lambda m: m.gamma, 0.3),
        (lambda: Linear(3), lambda m: m.factor, 1 / 3),
        (lambda: PIController(0.3), lambda m: m.target, 0.3),
        (lambda: recipes.cr_vae(SHAPE, 2, consistency=0.3), lambda m: m.objective.consistency_weight, 0.3),
        (denoising, lambda m: m.noise, 0.3),
    ],
)
def test_numbers_are_exact_in_float64_unless_they_were_changed(make, read, value):
    module = make()
    assert float(read(module).detach()) == pytest.approx(value, rel=1e-6)
    for _ in range(2):
        assert float(read(module.double()).detach()) == pytest.approx(value, rel=1e-15)
        module.float().to("cpu")
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            tensor.add_(0.125)
    changed = float(read(module).detach())
    assert float(read(module.double()).detach()) == pytest.approx(changed, rel=1e-6) != pytest.approx(value, rel=1e-3)


def test_a_divergence_in_float64_has_the_value_of_its_number():
    q = Gaussian(torch.full((1, 50), 3.0).double(), torch.full((1, 50), -4.0).double())
    z = Gaussian.standard(q.mean)
    exact = GeometricJS(0.3).double()(q, z)
    again = GeometricJS(0.7).double()
    again.skew.fill_(0.3)
    assert float(exact) == float(again(q, z))


@pytest.mark.parametrize(("schedule", "steps", "factor"), [(Linear(3), 1, 2 / 3), (Cyclical(7, 0.6), 1, 1 / 7 / 0.6)])
def test_schedules_count_in_the_precision_of_their_factor(schedule, steps, factor):
    schedule.double()
    for _ in range(steps):
        schedule.update(torch.zeros(()), torch.zeros(1))
    assert float(schedule.factor) == pytest.approx(factor, rel=1e-15)


def test_a_weight_of_consistency_is_as_precise_as_the_objective():
    objective = recipes.vae(SHAPE, 2, hidden=(4,)).objective.double()
    objective.add_consistency(torch.nn.Identity(), 0.3)
    assert objective.consistency_weight.item() == 0.3


class NoFloat64(TorchDispatchMode):
    """Fails at the first float64 tensor, as an MPS device does."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            assert not (isinstance(leaf, torch.Tensor) and leaf.dtype == torch.float64), function
        return result


@pytest.mark.parametrize(
    "make",
    [
        lambda: recipes.gjs_vae(SHAPE, 2, hidden=(4,), alpha=0.3, trainable=True, gamma="learned", annealing=Linear(5)),
        lambda: recipes.cr_vae(SHAPE, 2, hidden=(4,), gamma=0.3, annealing=Cyclical(7)),
        lambda: recipes.free_bits_vae(SHAPE, 2, hidden=(4,), annealing=PIController(5.0)),
        denoising,
    ],
)
def test_training_makes_no_float64_tensor(make, monkeypatch):
    images, experiment = load("digits").images[:100], make()
    monkeypatch.setattr(Experiment, "init_from_data", lambda self, x: None)  # counts on the CPU
    with NoFloat64():
        fit(experiment, images, Train(steps=3, batch_size=50, progress=False, device="cpu", ema_decay=0.9))
    assert math.isfinite(float(experiment.objective.divergence_weight))
