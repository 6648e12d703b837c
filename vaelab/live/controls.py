"""What the hand touches: sliders, choices, switches and buttons, as plain lists."""

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

import ipywidgets as widgets

from vaelab._utils.errors import InvalidValue


class Slider(NamedTuple):
    """A number between low and high; arrow keys move it by one step.

    log=True: the slider moves in powers of ten, by `step` of one; whole=True: it moves over whole numbers.
    """

    name: str
    label: str
    low: float
    high: float
    start: float
    step: float = 0.01
    log: bool = False
    whole: bool = False


class Switch(NamedTuple):
    """One of two states, each with its own word."""

    name: str
    off: str
    on: str
    start: bool = False


class Choice(NamedTuple):
    """One word out of several."""

    name: str
    label: str
    options: tuple[str, ...]
    start: str


Control = Slider | Switch | Choice
LABEL = {"description_width": "6.5em"}


def build(control: Control) -> widgets.ValueWidget:
    """The widget of one control; core ipywidgets only, so that every front end has it."""
    if isinstance(control, Slider):
        return _slider(control)
    if isinstance(control, Choice):
        return widgets.Dropdown(
            value=control.start,
            options=control.options,
            description=control.label,
            style=LABEL,
            layout=widgets.Layout(width="auto"),
        )
    return widgets.ToggleButtons(
        value=control.start,
        options=[(control.off, False), (control.on, True)],
        style={"button_width": "auto"},
        layout=widgets.Layout(width="auto"),
    )


def _slider(control: Slider) -> widgets.ValueWidget:
    shared: dict[str, Any] = {
        "value": control.start,
        "step": control.step,
        "description": control.label,
        "style": LABEL,
        "layout": widgets.Layout(width="22em"),
    }
    if control.log:
        low, high = math.log10(control.low), math.log10(control.high)
        return widgets.FloatLogSlider(min=low, max=high, readout_format=".2g", **shared)
    if control.whole:
        return widgets.IntSlider(
            min=int(control.low), max=int(control.high), **{**shared, "step": 1, "value": int(control.start)}
        )
    return widgets.FloatSlider(min=control.low, max=control.high, readout_format=".2f", **shared)


def button(label: str, press: Callable[[], None], hint: str) -> widgets.Button:
    """A button that calls `press`."""
    made = widgets.Button(description=label, tooltip=hint, layout=widgets.Layout(width="auto"))
    made.on_click(lambda _: press())
    return made


def rows(
    controls: Sequence[Control], made: Mapping[str, Any], buttons: Sequence[widgets.Button]
) -> list[widgets.Widget]:
    """Sliders three to a row, then choices and switches, then the buttons; nothing changes size with the values."""
    sliders = [made[c.name] for c in controls if isinstance(c, Slider)]
    words = [made[c.name] for c in controls if not isinstance(c, Slider)]
    wrap = widgets.Layout(flex_flow="row wrap")
    lines = [widgets.HBox(sliders[i : i + 3], layout=wrap) for i in range(0, len(sliders), 3)]
    if words:
        lines.append(widgets.HBox(words, layout=wrap))
    return [*lines, widgets.HBox(list(buttons), layout=wrap)]


def accept(control: Control, value: Any) -> Any:
    """`value` as the control takes it.  Raises InvalidValue where the widget would bend it silently."""
    if isinstance(control, Choice):
        if value not in control.options:
            raise InvalidValue(f"{control.name} is one of {', '.join(control.options)}, got {value!r}; choose one.")
        return value
    if isinstance(control, Switch):
        if not isinstance(value, bool):
            raise InvalidValue(f"{control.name} is a switch, got {value!r}; give True or False.")
        return value
    number = isinstance(value, Real) and not isinstance(value, bool)
    if number and control.log:  # powers of ten come back a rounding error beside the ends
        value = next((end for end in (control.low, control.high) if abs(float(value) / end - 1) < 1e-9), value)
    if not number or not control.low <= float(value) <= control.high or (control.whole and value != int(value)):
        span = f"{control.low:g} to {control.high:g}"
        what = "whole number" if control.whole else "number"
        raise InvalidValue(f"{control.name} moves from {span}, got {value!r}; choose a {what} within.")
    return int(value) if control.whole else float(value)
