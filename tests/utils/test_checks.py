"""Checks of arguments: what passes, and one sentence with name and value for the rest."""

import math

import numpy as np
import pytest
import torch

from vaelab._utils import checks
from vaelab._utils.errors import InvalidType, InvalidValue


def test_good_values_come_back_as_plain_numbers():
    assert checks.positive_int("n", np.int64(3)) == 3
    assert type(checks.positive_int("n", np.int64(3))) is int
    assert (checks.positive("x", 2), checks.not_negative("x", 0), checks.in_range("x", 1, 0, 1)) == (2.0, 0.0, 1.0)
    assert (checks.rate(1), checks.seed(2**32 - 1)) == (1.0, 2**32 - 1)
    assert checks.skew(0.5) == 0.5
    x = torch.ones(2)
    assert checks.float_tensor("x", x) is x


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: checks.positive_int("n", 2.5), InvalidType, "n must be an integer, got 2.5."),
        (lambda: checks.positive_int("n", True), InvalidType, "n must be an integer, got True."),
        (lambda: checks.positive_int("n", 0), InvalidValue, "n must be at least 1, got 0."),
        (lambda: checks.positive_int("n", 1, at_least=2), InvalidValue, "n must be at least 2, got 1."),
        (lambda: checks.positive("gamma", 0), InvalidValue, "gamma must be positive, got 0."),
        (lambda: checks.positive("gamma", math.nan), InvalidValue, "gamma must be finite, got nan."),
        (lambda: checks.positive("gamma", "a"), InvalidType, "gamma must be a number, got 'a'."),
        (lambda: checks.not_negative("weight", -1), InvalidValue, "weight must be at least 0, got -1."),
        (lambda: checks.in_range("hue", 0.7, 0, 0.5), InvalidValue, "hue must be in [0, 0.5], got 0.7."),
        (lambda: checks.in_range("hue", math.nan, 0, 0.5), InvalidValue, "hue must be in [0, 0.5], got nan."),
        (lambda: checks.rate(1.5), InvalidValue, "rate must be in (0, 1], got 1.5."),
        (lambda: checks.seed(-1), InvalidValue, "seed must be from 0 to 2**32 - 1, got -1."),
        (lambda: checks.skew(1.2), InvalidValue, "alpha must be in [0, 1], got 1.2."),
        (lambda: checks.skew(torch.tensor(1.0000001)), InvalidValue, "alpha must be in [0, 1], got 1.0000001"),
        (lambda: checks.skew(torch.tensor([0.5, -1.0])), InvalidValue, "alpha must be in [0, 1], got -1."),
        (lambda: checks.float_tensor("z", [1]), InvalidType, "z must be a torch tensor, got list ([1])."),
        (
            lambda: checks.float_tensor("z", torch.ones(1).int()),
            InvalidType,
            "z must be floating point, got",
        ),
        (lambda: checks.float_tensor("z", torch.tensor(math.inf)), InvalidValue, "z must be finite, got inf."),
    ],
)
def test_a_bad_value_gets_one_sentence(call, error, sentence):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).startswith(sentence)
