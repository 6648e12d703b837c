"""TrainConfig: schedules of the learning rate, numbers of steps, and invalid settings."""

import numpy as np
import pytest
import torch

from vaelab import Train, fit, load, recipes
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
