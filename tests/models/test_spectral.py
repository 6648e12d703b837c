"""The penalty on spectral norms, and batch statistics for samples at a temperature."""

import copy

import pytest
import torch
from torch import nn

from vaelab import Experiment, TrainConfig, fit, recipes
from vaelab._utils.errors import InvalidValue
from vaelab.models.hierarchical import Hierarchy
from vaelab.models.recalibration import recalibrate
from vaelab.models.spectral import SpectralPenalty

SHAPE = (1, 8, 8)
OPTIONS = {"progress": False, "device": "cpu", "batch_size": 10}


def deep(spectral=0.01, recipe="hierarchical_vae", **options):
    torch.manual_seed(0)
    options = {"groups": ((2, 1), (4, 1)), "latent": 2, "width": 8, "cells": "nvae", **options}
    return getattr(recipes, recipe)(SHAPE, spectral=spectral, **options)


def data():
    return torch.rand(40, *SHAPE, generator=torch.Generator().manual_seed(1))


def layers(model, kind):
    return [layer for layer in model.modules() if isinstance(layer, kind)]


def exact(model):
    """The penalty at weight 1, by a singular value decomposition."""
    norms = [torch.linalg.matrix_norm(layer.weight.flatten(1), 2) for layer in layers(model, nn.Conv2d)]
    return sum(norms) + sum(layer.weight.abs().max() for layer in layers(model, nn.BatchNorm2d))


def test_the_penalty_and_its_gradient_are_those_of_the_singular_values():
    experiment = deep(0.3).double()
    penalty = experiment.objective.penalty.train()
    for _ in range(100):
        value = penalty()
    truth = 0.3 * exact(experiment.model)
    assert float(value.detach()) == pytest.approx(float(truth.detach()), rel=1e-4)
    weights = [layer.weight for layer in layers(experiment.model, nn.Conv2d)]
    ours, theirs = (torch.autograd.grad(total, weights) for total in (value, truth))
    for a, b in zip(ours, theirs, strict=True):
        assert float((a - b).norm()) < 0.1 * float(b.norm())


def test_it_is_in_the_loss_only_and_its_weights_are_those_of_the_model():
    experiment, plain = deep(0.3), deep(0.0)
    torch.manual_seed(1)
    ours = experiment(data())
    torch.manual_seed(1)
    others = plain(data())
    difference, truth = ours.loss.detach() - others.loss.detach(), 0.3 * exact(plain.model).detach()
    assert float(difference) == pytest.approx(float(truth), rel=0.02)
    assert torch.equal(ours.nll, others.nll)
    assert torch.equal(ours.divergence, others.divergence)
    assert sum(p.numel() for p in experiment.parameters()) == sum(p.numel() for p in plain.parameters())
    assert [name for name in experiment.state_dict() if "objective.penalty" in name and "left" not in name] == [
        "objective.penalty.weight"
    ]
    twin = copy.deepcopy(experiment)
    with torch.no_grad():
        for parameter in twin.model.parameters():
            parameter.zero_()
    assert float(twin.objective.penalty().detach()) == 0
    assert float(experiment.objective.penalty().detach()) > 1


@pytest.mark.parametrize("recipe", ["hierarchical_vae", "cr_hierarchical_vae"])
def test_it_lowers_the_norms_and_resumes_bit_for_bit(recipe, tmp_path):
    plain, strong, parts, resumed = (deep(weight, recipe) for weight in (0.0, 3.0, 3.0, 3.0))
    config = {"lr": 3e-3, "ema_decay": 0.9, **OPTIONS}
    fit(plain, data(), TrainConfig(epochs=6, **config))
    history = fit(strong, data(), TrainConfig(epochs=6, **config))
    assert float(exact(strong.model).detach()) < 0.9 * float(exact(plain.model).detach())
    fit(parts, data(), TrainConfig(epochs=3, checkpoints=tmp_path, **config))
    again = fit(resumed, data(), TrainConfig(epochs=6, checkpoints=tmp_path, **config), resume=True)
    assert again["loss"] == history["loss"]
    assert all(
        torch.equal(a, b) for a, b in zip(strong.state_dict().values(), resumed.state_dict().values(), strict=True)
    )


def test_evaluation_changes_no_vector_and_a_compiled_step_traces_whole():
    experiment = deep()
    before = {name: value.clone() for name, value in experiment.state_dict().items()}
    experiment.eval()(data())
    assert all(torch.equal(value, before[name]) for name, value in experiment.state_dict().items())
    assert torch.isfinite(torch.compile(experiment.train(), fullgraph=True, backend="eager")(data()).loss)


def test_the_statistics_become_those_of_samples_at_the_temperature():
    """The model in evaluation mode then decodes as one that normalizes by the batch itself."""
    experiment = deep(0.0)
    fit(experiment, data(), TrainConfig(epochs=4, lr=3e-3, **OPTIONS))
    model, temperature = experiment.model, 0.3
    before = {name: value.clone() for name, value in model.state_dict().items()}
    z = temperature * model.prior_sample(2000)

    def error():
        with torch.no_grad():
            by_batch = copy.deepcopy(model).train().decode(z)
            return float((copy.deepcopy(model).eval().decode(z) - by_batch).square().mean().sqrt())

    wrong = error()
    recalibrate(model, temperature, passes=20, n=200)
    assert error() < 0.3 * wrong
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert all("running" in name for name in changed)
    assert not any("to_residual" in name or "bottom_up" in name for name in changed)
    assert any("levels.1.cell" in name for name in changed)
    assert model.training
    assert {layer.momentum for layer in layers(model, nn.BatchNorm2d)} == {0.05}


def test_what_has_no_such_layers_is_refused_in_one_sentence():
    with pytest.raises(InvalidValue, match=r"^spectral is for cells='nvae', got 0\.1 with cells='plain'\.$"):
        deep(0.1, cells="plain")
    with pytest.raises(InvalidValue, match=r"^spectral must be at least 0, got -1\.0\.$"):
        deep(-1.0)
    plain = Hierarchy(SHAPE, groups=((2, 1),), latent=1, width=4)
    with pytest.raises(InvalidValue, match=r"^recalibrate needs a model with batch norm, got Hierarchy"):
        recalibrate(plain)
    with pytest.raises(InvalidValue, match=r"^temperature must be positive, got 0\.0\.$"):
        recalibrate(deep().model, temperature=0.0)
    with pytest.raises(InvalidValue, match=r"^spectral needs a model with convolutions, got Linear\.$"):
        SpectralPenalty(nn.Linear(2, 2))
    assert isinstance(deep(), Experiment)
