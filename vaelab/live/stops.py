"""A slider over given numbers: it shows and returns exactly the number that is used.

The sliders of ipywidgets send their number, or its logarithm, through the browser, which rounds it and returns
0.33 for a start of 1/3 as soon as it is displayed, or 0.99763 for 1. This one sends the index of a number, and
Python keeps the number.
"""

import math
from collections.abc import Iterable
from typing import Any

import ipywidgets as widgets
from traitlets import validate

# In each decade: from 1 to 2 in tenths, to 5 in fifths, to 10 in halves.
MANTISSAS = (*range(10, 20), *range(20, 50, 2), *range(50, 100, 5))


def round_numbers(low: float, high: float) -> tuple[float, ...]:
    """Return low, high and the round numbers between them, at most 10 % apart.

    Example:
        >>> round_numbers(0.9, 1.5)
        (0.9, 0.95, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5)
    """
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    numbers = {float(f"{m}e{k - 1}") for k in decades for m in MANTISSAS}  # decimals, without rounding errors
    return tuple(sorted({float(low), float(high), *(x for x in numbers if low < x < high)}))


def even_numbers(low: float, high: float, step: float) -> tuple[float, ...]:
    """Return low, high and the numbers between them in equal steps from low.

    Example:
        >>> even_numbers(-0.1, 0.26, 0.1)
        (-0.1, 0.0, 0.1, 0.2, 0.26)
    """
    numbers = {round(low + k * step, 10) + 0.0 for k in range(math.ceil((high - low) / step))}  # no -0.0
    return tuple(sorted({float(low), float(high), *(x for x in numbers if low < x < high)}))


def label(number: float) -> str:
    """Return the shortest decimal that is exactly this number, without a zero behind the point.

    Example:
        >>> label(1.0), label(0.05), label(1e-05), label(1 / 3)
        ('1', '0.05', '1e-05', '0.3333333333333333')
    """
    return repr(float(number)).removesuffix(".0")


class StopSlider(widgets.SelectionSlider):
    """A slider over numbers, for every front end: to it, this is a `SelectionSlider`.

    A number that Python sets between two stops takes the place of the nearest one, and is used exactly;
    beyond the ends it is the end. The number of stops stays, since the key End goes to the last of those
    that the slider was built with.

    Args:
        stops: The numbers, rising.
        kept: Stops that keep their place.
        only: Whether the nearest stop is taken for every other number.
        traits: Traits of `SelectionSlider`, among them the value.

    Example:
        >>> slider = StopSlider(round_numbers(0.1, 10), value=1.0)
        >>> slider.value = 0.37
        >>> slider.value, slider.label
        (0.37, '0.37')
    """

    def __init__(
        self, stops: Iterable[float], *, kept: Iterable[float] = (), only: bool = False, **traits: Any
    ) -> None:
        self._kept, self._only = {float(x) for x in (*kept, traits["value"])}, only
        self._stops = tuple(sorted({*map(float, stops), *self._kept}))
        super().__init__(options=_labeled(self._stops), **traits)
        self.add_class("vaelab-stops")

    @validate("value")
    def _validate_value(self, proposal: Any) -> float:
        number = min(max(float(proposal.value), self._stops[0]), self._stops[-1])
        if number not in self._options_values:
            if self._only:
                number = min(self._stops, key=lambda stop: abs(stop - number))
            else:
                self._insert(number)
        return self._options_values[self._options_values.index(number)]

    def _insert(self, number: float) -> None:
        """Put a number in the place of the nearest stop that need not be kept, in one message to the browser."""
        free = [stop for stop in self._stops[1:-1] if stop not in self._kept and number not in self._stops]
        replaced = min(free, key=lambda stop: abs(stop - number), default=None)
        stops = sorted({*self._stops, number} - {replaced})
        with self.hold_sync():
            self._initializing_traits_ = True  # else the first option would be selected
            self.options = _labeled(stops)
            self._initializing_traits_ = False
            self.label = label(number)


def _labeled(stops: Iterable[float]) -> tuple[tuple[str, float], ...]:
    return tuple((label(stop), stop) for stop in stops)
