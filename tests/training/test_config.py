"""TrainConfig: schedules of the learning rate, numbers of steps, and invalid settings."""

import copy
import math

import numpy as np
import pytest
import torch

from vaelab import Train, TrainConfig, fit, load, recipes
from vaelab._utils.errors import InvalidType, InvalidValue


def test_schedules():
    cosine = Train(steps=10, lr_schedule="cosine")
    assert [cosine.lr_factor(step, 5) for step in (0, 5)] == pytest.approx([1, 0.5])
    dropping = Train(epochs=6, lr_schedule="step", lr_milestones=(3, 5))
    assert [dropping.lr_factor(step, 10) for step in (0, 19, 20, 39, 40)] == pytest.approx([1, 1, 0.1, 0.1, 0.01])


def test_steps_instead_of_epochs():
    torch.manual_seed(0)
    experiment = recipes.vae((1, 8, 8), 4, hidden=(32,))
    history = fit(
        experiment, load("digits"), Train(steps=40, batch_size=50, progress=False, device="cpu", grad_clip=1.0)
    )
    assert [row["epoch"] for row in history.rows] == [1, 2]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"steps": 0}, "steps"),
        ({"grad_clip": 0.0}, "grad_clip"),
        ({"checkpoint_minutes": -1.0}, "checkpoint_minutes"),
        ({"weight_decay": -0.1}, "weight_decay"),
        ({"lr_schedule": "linear"}, "linear"),
        ({"compile": "fastest"}, "compile must be True or False or one of default.*'fastest'"),
        ({"lr_milestones": (3,)}, "lr_schedule must be 'step'"),
    ],
)
def test_invalid_settings_are_rejected(settings, words):
    with pytest.raises(InvalidValue, match=words):
        Train(**settings)


@pytest.mark.parametrize("name", ["channels_last", "compile", "progress", "cuda_graph"])
def test_switches_are_bools(name):
    with pytest.raises(InvalidType, match=f"{name} must be True or False.*, got 1"):
        Train(**{name: 1})


def test_numbers_of_numpy_become_plain():
    config = Train(epochs=np.int64(3), seed=np.int64(5), lr=np.float32(0.5), compile=np.bool_(False))
    assert [type(value) for value in (config.epochs, config.seed, config.lr, config.compile)] == [int, int, float, bool]
    assert Train(lr_schedule="step", lr_milestones=[np.int64(2)]).lr_milestones == (2,)


def test_settings_without_a_type_are_refused_when_they_are_made():
    for name, value in {"seed": "x", "device": 3, "progress": None, "checkpoints": 5, "lr_milestones": 4}.items():
        with pytest.raises(InvalidType, match=f"{name} must be .*, got {value!r}"):
            Train(**{name: value})
    with pytest.raises(InvalidValue, match=r"seed must be from 0 to 2\*\*32 - 1, got -1"):
        Train(seed=-1)


def test_the_learning_rate_rises_over_the_first_epochs_and_falls_as_a_cosine_to_its_end():
    config = TrainConfig(epochs=10, lr=1e-2, lr_schedule="cosine", lr_end=1e-4, lr_warmup=2)
    rates = [1e-2 * config.lr_factor(step, per_epoch=4) for step in range(41)]
    assert rates[:8] == pytest.approx([1e-2 * (step + 1) / 8 for step in range(8)])
    cosine = [1e-4 + (1e-2 - 1e-4) * (1 + math.cos(math.pi * (step - 8) / 32)) / 2 for step in range(8, 41)]
    assert rates[8:] == pytest.approx(cosine)
    for options in ({"lr_end": 1e-4}, {"lr_schedule": "cosine", "lr_end": 1.0}):
        with pytest.raises(InvalidValue, match=r"lr_end must be at most lr=0\.001"):
            TrainConfig(**options)


def test_checkpointed_cells_are_not_compiled():
    with pytest.raises(InvalidValue, match="compile must be False with checkpoint_cells=True, got 'default'"):
        TrainConfig(compile="default", checkpoint_cells=True)


def test_adamax_is_that_of_torch():
    images = load("digits").images[:100]
    torch.manual_seed(0)
    experiment = recipes.vae((1, 8, 8), 2, hidden=(4,), gamma="learned")
    ours, reference = copy.deepcopy(experiment), copy.deepcopy(experiment)
    options = {"lr": 0.01, "eps": 1e-3, "weight_decay": 0.1}
    fit(ours, images, TrainConfig(steps=3, batch_size=100, optimizer="adamax", progress=False, device="cpu", **options))
    torch.manual_seed(0)
    weights = [p for p in reference.parameters() if p.dim()]
    scalars = [p for p in reference.parameters() if not p.dim()]
    groups = [{"params": weights}, {"params": scalars, "weight_decay": 0.0, "lr": 0.01}]
    optimizer = torch.optim.Adamax(groups, **options)
    for _ in range(3):
        order = torch.randperm(100)
        optimizer.zero_grad()
        reference(images[order]).loss.backward()
        optimizer.step()
    for name, value in reference.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value, atol=1e-7, rtol=1e-6)
