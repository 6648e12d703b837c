"""What the hand touches: sliders, switches and buttons, as plain lists."""

from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

import ipywidgets as widgets

from vaelab.errors import InvalidValue


class Slider(NamedTuple):
    """A number between low and high; arrow keys move it by one step."""

    name: str
    label: str
    low: float
    high: float
    start: float
    step: float = 0.01


class Switch(NamedTuple):
    """One of two states, each with its own word."""

    name: str
    off: str
    on: str
    start: bool = False


Control = Slider | Switch


def build(control: Control) -> widgets.ValueWidget:
    """The widget of one control; core ipywidgets only, so that every front end has it."""
    if isinstance(control, Slider):
        return widgets.FloatSlider(
            value=control.start,
            min=control.low,
            max=control.high,
            step=control.step,
            description=control.label,
            readout_format=".2f",
            style={"description_width": "6.5em"},
            layout=widgets.Layout(width="300px"),
        )
    return widgets.ToggleButtons(
        value=control.start,
        options=[(control.off, False), (control.on, True)],
        style={"button_width": "auto"},
        layout=widgets.Layout(width="auto"),
    )


def button(label: str, press: Callable[[], None], hint: str) -> widgets.Button:
    """A button that calls `press`."""
    made = widgets.Button(description=label, tooltip=hint, layout=widgets.Layout(width="auto"))
    made.on_click(lambda _: press())
    return made


def rows(
    controls: Sequence[Control], made: Mapping[str, Any], buttons: Sequence[widgets.Button]
) -> list[widgets.Widget]:
    """Sliders three to a row, then the switches, then the buttons; nothing changes size with the values."""
    sliders = [made[c.name] for c in controls if isinstance(c, Slider)]
    switches = [made[c.name] for c in controls if isinstance(c, Switch)]
    wrap = widgets.Layout(flex_flow="row wrap")
    lines = [widgets.HBox(sliders[i : i + 3], layout=wrap) for i in range(0, len(sliders), 3)]
    if switches:
        lines.append(widgets.HBox(switches, layout=wrap))
    return [*lines, widgets.HBox(list(buttons), layout=wrap)]


def accept(control: Control, value: Any) -> Any:
    """`value` as the control takes it.  Raises InvalidValue where the widget would bend it silently."""
    if isinstance(control, Switch):
        if not isinstance(value, bool):
            raise InvalidValue(f"{control.name} is a switch, got {value!r}; give True or False.")
        return value
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number or not control.low <= float(value) <= control.high:
        span = f"{control.low:g} to {control.high:g}"
        raise InvalidValue(f"{control.name} moves from {span}, got {value!r}; choose a number within.")
    return float(value)
