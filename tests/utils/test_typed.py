"""Annotations as checks: the sentences about unions, sequences and mappings."""

import gc
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
import pytest
import torch

from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab._utils.typed import check, typed

MODES = bool | Literal["fast", "slow"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (MODES, np.True_),
        (MODES, "fast"),
        (float | torch.Tensor, 3),
        (Sequence[int], np.arange(3)),
        (Sequence[int], range(3)),
        (Iterable[str], {"a", "b"}),
        (Iterable[int], iter(["read once, by the function"])),
        (Mapping[str, Sequence[float]], {"a": (1, 2.5)}),
        (tuple[int, float], [1, 2.5]),
        (Callable[[int], int], abs),
        (Callable[..., object], dict),
    ],
)
def test_what_an_annotation_names_passes(kind, value):
    check("x", kind, value)


@pytest.mark.parametrize(
    ("kind", "value", "error", "sentence"),
    [
        (MODES, "quick", InvalidValue, "x must be True or False or one of fast, slow, got 'quick'."),
        (MODES, 1, InvalidType, "x must be True or False or one of fast, slow, got 1."),
        (float | torch.Tensor, float("nan"), InvalidValue, "x must be finite, got nan."),
        (float | None, "1", InvalidType, "x must be a number, got '1'."),
        (Sequence[int], {1, 2}, InvalidType, "x must be a sequence, got {1, 2}."),
        (Sequence[int], [1, 2.5], InvalidType, "x[1] must be an integer, got 2.5."),
        (Mapping[str, int], {"a": 1.5}, InvalidType, "x['a'] must be an integer, got 1.5."),
        (tuple[int, int], (1, 2, 3), InvalidValue, "x must have 2 entries, got (1, 2, 3)."),
        (Callable[[int], int], int, InvalidType, "x must be a function, got the class int."),
        (type[torch.nn.Module], int, InvalidType, "x must be a subclass of Module, got the class int."),
    ],
)
def test_what_it_does_not_name_gets_a_sentence(kind, value, error, sentence):
    with pytest.raises(error) as caught:
        check("x", kind, value)
    assert str(caught.value) == sentence


def test_a_missing_or_unknown_argument_gets_the_sentence_of_python():
    @typed
    def double(n: int) -> int:
        return 2 * n

    with pytest.raises(TypeError, match="unexpected keyword argument 'm'"):
        double(m=3)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'n'"):
        double()


def test_an_argument_is_freed_at_once_after_a_check_of_several_types():
    class Owner:
        @typed
        def take(self, size: int | Literal["all"]) -> None:
            """Take a size."""

    gc.disable()
    try:
        owner = Owner()
        gone = weakref.ref(owner)
        owner.take("all")
        del owner
        assert gone() is None
    finally:
        gc.enable()
