"""TrainConfig: schedules of the learning rate, numbers of steps, and invalid settings."""

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
        ({"compile": "fastest"}, "compile must be True, False or one of default.*'fastest'"),
        ({"compile": 1}, "compile.*1"),
        ({"lr_milestones": (3,)}, "lr_schedule must be 'step'"),
    ],
)
def test_invalid_settings_are_rejected(settings, words):
    with pytest.raises(InvalidValue, match=words):
        Train(**settings)


def test_channels_last_is_a_bool():
    with pytest.raises(InvalidType, match="channels_last must be True or False, got 1"):
        Train(channels_last=1)
