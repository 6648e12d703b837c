"""Controls of a panel: sliders, switches and choices."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import ipywidgets as widgets

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import check_fields
from vaelab.live.stops import StopSlider, even_numbers, round_numbers


class Slider(NamedTuple):
    """A number in an interval; the arrow keys change it by one step.

    Args:
        name: Key of the value.
        label: Text beside the slider.
        low: Smallest value.
        high: Largest value.
        start: Value at the start and after a reset.
        step: Step of a slider that is neither logarithmic nor whole; it also stops at its start and at presets.
        log: Whether the slider is logarithmic: it moves over round numbers, its start and those of the presets.
        whole: Whether only whole numbers are allowed.
        stops: The only numbers allowed; empty: every number from low to high.
        expert: Whether it is folded away until asked for.

    Example:
        >>> accept(Slider("beta", "beta", 0.1, 10, 1.0, log=True), 3)
        3.0
    """

    name: str
    label: str
    low: float
    high: float
    start: float
    step: float = 0.01
    log: bool = False
    whole: bool = False
    stops: tuple[float, ...] = ()
    expert: bool = False


class Switch(NamedTuple):
    """A choice between two states, False and True.

    Args:
        name: Key of the value.
        off: Label of False.
        on: Label of True.
        start: State at the start and after a reset.
        expert: Whether it is folded away until asked for.
    """

    name: str
    off: str
    on: str
    start: bool = False
    expert: bool = False


class Choice(NamedTuple):
    """A choice from a list.

    Args:
        name: Key of the value.
        label: Text beside the list.
        options: Possible values.
        start: Value at the start and after a reset.
        expert: Whether it is folded away until asked for.

    Example:
        >>> accept(Choice("data", "data", ("digits", "fashion"), "digits"), "fashion")
        'fashion'
    """

    name: str
    label: str
    options: tuple[str, ...]
    start: str
    expert: bool = False


Control = Slider | Switch | Choice
LABEL_STYLE = {"description_width": "initial"}  # the style sheet of the page places labels
KEYS = "Arrow keys or [ and ]: one stop; Page Up, Page Down; Home and End"


def check_control(control: Control) -> None:
    """Raise InvalidType or InvalidValue for a control of which no widget can be built."""
    check_fields(control)
    if isinstance(control, Slider):
        checks.positive("step", control.step)
        if not control.low <= control.high or (control.log and control.low <= 0):
            least = "0 < low" if control.log else "low"
            raise InvalidValue(f"{control.name} must have {least} <= high, got {control.low} and {control.high}.")
    accept(control, control.start)


def build(control: Control, presets: Iterable[float] = ()) -> widgets.ValueWidget:
    """Return the widget of a control, from core ipywidgets: no front end needs an extension.

    Args:
        control: A slider, switch or choice.
        presets: Values that a slider reaches exactly, besides its start.
    """
    start, auto = control.start, {"width": "auto"}
    if isinstance(control, Switch):
        states = [(control.off, False), (control.on, True)]
        return widgets.ToggleButtons(value=start, options=states, style={"button_width": "auto"}, layout=auto)
    label: dict[str, Any] = {"style": LABEL_STYLE, "description": control.label}
    if isinstance(control, Choice):
        return widgets.Dropdown(value=start, options=control.options, layout=auto, **label)
    low, high, step = control.low, control.high, control.step
    label["layout"] = {"width": "auto"}
    if control.whole:
        return widgets.IntSlider(value=int(start), min=int(low), max=int(high), **label)
    if control.stops:
        return StopSlider(control.stops, value=start, only=True, **label)
    stops = round_numbers(low, high) if control.log else even_numbers(low, high, step)
    kept = {low, high, start, *presets, *({1.0} if low <= 1 <= high else ())}
    return StopSlider(stops, kept=kept, value=start, **label)


def accept(control: Control, value: Any) -> Any:
    """Return a value as the control takes it, where the widget itself would clip it silently.

    Raises:
        InvalidType, InvalidValue: If the control cannot show it.
    """
    if isinstance(control, Choice):
        checks.one_of(control.name, value, control.options)
        return value
    if isinstance(control, Switch):
        return checks.flag(control.name, value)
    low, high, number = control.low, control.high, checks.number(control.name, value)
    if control.stops and number not in control.stops:
        raise InvalidValue(f"{control.name} must be one of {', '.join(map(repr, control.stops))}, got {value!r}.")
    if not low <= number <= high or (control.whole and number != int(number)):
        kind = "whole number" if control.whole else "number"
        raise InvalidValue(f"{control.name} must be a {kind} between {low:.15g} and {high:.15g}, got {value!r}.")
    return int(number) if control.whole else float(number)


def only_value(control: Control) -> str:
    """Return why a control cannot be moved at all; empty if it can."""
    if isinstance(control, Choice):
        return "there is only one" if len(control.options) == 1 else ""
    return "there is only one" if isinstance(control, Slider) and control.low == control.high else ""


def explain(control: widgets.ValueWidget, reason: str) -> None:
    """Disable a control that has no effect, with the reason as its tooltip; without a reason, enable it."""
    control.disabled = bool(reason)
    if control.description:
        hint = KEYS if isinstance(control, widgets.IntSlider | widgets.SelectionSlider) else None
        setattr(control, "tooltip" if control.has_trait("tooltip") else "description_tooltip", reason or hint)
