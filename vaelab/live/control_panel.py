"""The base of all panels: controls, presets, and a filmstrip for readers without a kernel."""

import html
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from vaelab._utils.errors import InvalidValue
from vaelab.live.controls import Control, accept, build, check_control, explain, only_value
from vaelab.live.lifetime import Closed, hold, tree, weakly
from vaelab.live.outputs import FILMSTRIP, show_picture, show_sentence, show_widget
from vaelab.live.page import page
from vaelab.live.worker import drawing, worker
from vaelab.plots import Style

Unused = Callable[[Mapping[str, Any]], Mapping[str, str]]
Presets = Mapping[str, Mapping[str, Any] | Callable[[], Mapping[str, Any]]]
NOTES = {"min_height": "var(--jp-widgets-inline-height)", "max_width": "100%"}  # so that the page does not move


class ControlPanel:
    """Controls, presets, and a filmstrip for readers without a kernel.

    A panel is kept by the variables that hold it, and by the cell that displays it until this cell runs
    again. When nothing keeps it, its widgets are closed and its memory is freed, as `close` does at once.

    Args:
        controls: Sliders, switches and choices.
        presets: Values of some or all controls, or a function that returns them, by the label of their button.
        filmstrip: Returns the filmstrip as PNG bytes.
        alt: Returns the alt text of the filmstrip.
        caption: What to look for.
        unused: unused(values) -> why a control has no effect at some values, by its name. Such a control is
            disabled, and the panel says why.

    Raises:
        InvalidType, InvalidValue: If a control or a preset is outside its range, or two controls have one name.
    """

    box: widgets.VBox

    def __init__(
        self,
        controls: Sequence[Control],
        presets: Presets,
        *,
        filmstrip: Callable[[], bytes],
        alt: Callable[[], str],
        caption: str,
        unused: Unused | None = None,
    ) -> None:
        for control in controls:
            check_control(control)
        self._specs = {c.name: c for c in controls}
        if len(self._specs) < len(controls):
            raise InvalidValue(f"names of controls must differ, got {', '.join(c.name for c in controls)}.")
        self._start = {c.name: accept(c, c.start) for c in controls}
        self._lock = threading.RLock()
        self._background: dict[str, Callable[[], None]] = {}  # how to stop what runs, by name
        self._presets = {label: v if callable(v) else self._accepted(v) for label, v in presets.items()}
        known = [values for values in self._presets.values() if not callable(values)]
        self.controls = {c.name: build(c, [p[c.name] for p in known if c.name in p]) for c in controls}
        self._draw_filmstrip, self._describe, self.caption = filmstrip, alt, caption
        self._unused, self._fixed = unused, {c.name: why for c in controls if (why := only_value(c))}
        shown = unused is not None or self._fixed
        self.notes = widgets.HTML(layout={**NOTES, "display": None if shown else "none"})
        self.notes.add_class("vaelab-notes")
        for control in self.controls.values():
            control.observe(weakly(self._explain), "value")
        self._explain()

    @property
    def presets(self) -> dict[str, dict[str, Any]]:
        """Values of some or all controls, by the label of their button."""
        return {label: self._accepted(v()) if callable(v) else v for label, v in self._presets.items()}

    @cached_property
    def alt(self) -> str:
        """Alt text of the filmstrip, with its numbers."""
        return self._describe()

    @cached_property
    def filmstrip(self) -> bytes:
        """The filmstrip as PNG bytes."""
        return self._draw_filmstrip()

    def set(self, **values: Any) -> None:
        """Set several controls at once, with one redraw.

        Args:
            values: New values by the names of the controls.

        Raises:
            InvalidType, InvalidValue: If a name is unknown, a value outside its range, or a control without
                effect at these values; nothing is set then.
        """
        valid = self._accepted(values)
        present = {name: control.value for name, control in self.controls.items()}
        for name, why in self._reasons({**present, **valid}).items():
            if valid.get(name, present[name]) != present[name]:
                raise InvalidValue(f"{name} must stay at {present[name]!r}, since {why}, got {valid[name]!r}.")
        self._move(**valid)

    def _move(self, **values: Any) -> None:
        """Set controls to valid values, also those without effect."""
        with self._lock:  # so that the worker, which reads under it, sees all values or none
            for name, value in values.items():
                self.controls[name].value = value

    def _accepted(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values as the controls take them."""
        if unknown := values.keys() - self._specs.keys():
            raise InvalidValue(f"control must be one of {', '.join(self._specs)}, got {min(unknown)!r}.")
        return {name: accept(self._specs[name], value) for name, value in values.items()}

    def reset(self) -> None:
        """Set all controls to their start."""
        self._move(**self._start)

    def _reasons(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return why controls have no effect at some values, by their names."""
        return {**self._fixed, **(self._unused(values) if self._unused else {})}

    def _explain(self, *_: Any) -> None:
        """Disable the controls that have no effect now, and say why in a line below the controls."""
        reasons = self._reasons({name: control.value for name, control in self.controls.items()})
        for name, control in self.controls.items():
            explain(control, reasons.get(name, ""))
        self._note(reasons)

    def _note(self, reasons: Mapping[str, str]) -> None:
        listed = "; ".join(f"{self._label(name)} ({why})" for name, why in reasons.items())
        self.notes.value = html.escape(f"Without effect now: {listed}." if listed else "")

    def _label(self, name: str) -> str:
        return getattr(self._specs[name], "label", name)

    def close(self) -> None:
        """Stop what runs, close the widgets and free the memory; a second call does nothing."""
        with drawing:  # so that no picture is half-drawn
            if self.__dict__:
                self._free()
                self.__dict__.clear()

    def rest(self) -> None:
        """Stop what runs; pictures and controls stay."""
        for stop in self._background.values():
            stop()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Say that a closed panel, which has no attributes, is closed."""
            if self.__dict__ or name.startswith(("__", "_ipython_", "_repr_")):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            raise Closed("the panel must be open, but it was closed: build it again.")

    def _rows(self, controls: Sequence[Control], buttons: Sequence[widgets.Button]) -> list[widgets.Widget]:
        """Arrange the controls in a grid, those of experts in one that is folded away, and the buttons in a row."""
        plain, expert = ([self.controls[c.name] for c in controls if c.expert is folded] for folded in (False, True))
        rows = [_box(widgets.Box, plain, "vaelab-grid")] * bool(plain)
        if not expert:
            return [*rows, _box(widgets.HBox, buttons)]
        # The style sheet folds: at once, also while the kernel is busy.
        unfold = widgets.ToggleButton(description="More choices", tooltip="show or hide the other choices")
        unfold.add_class("vaelab-unfold")
        buttons = _box(widgets.HBox, [*buttons, unfold])
        return [*rows, buttons, _box(widgets.Box, expert, "vaelab-grid", "vaelab-more")]

    def _preset_buttons(self) -> list[widgets.Button]:
        return [self._button(label, self._take, f"set: {label}", label=label) for label in self._presets]

    def _take(self, label: str) -> None:
        self._move(**self.presets[label])

    @staticmethod
    def _button(label: str, press: Callable[..., None], hint: str, /, **values: Any) -> widgets.Button:
        """Return a button that calls a method of the panel with some values."""
        button, act = widgets.Button(description=label, tooltip=hint, layout={"width": "auto"}), weakly(press, **values)
        button.on_click(lambda _: act())
        return button

    def _container(self, children: Sequence[widgets.Widget], style: Style) -> widgets.VBox:
        """Arrange controls and what they show, which live as long as the panel; style="talk" enlarges labels."""
        controls, *shown = children
        picture = next(part for part in shown if isinstance(part, widgets.Image))
        size = (picture.layout.width, picture.layout.height)
        # The browser takes its aspect ratio from these, before it is loaded and at every width.
        picture.width, picture.height = width, _ = [side.removesuffix("px") for side in size]
        view = _box(widgets.VBox, shown, "vaelab-view")
        # As wide as the picture, or three quarters of it where the controls then stand beside it.
        view.layout.flex, view.layout.max_width = f"1 1 {0.75 * int(width):.0f}px", f"{width}px"
        css = widgets.HTML(page(), layout={"width": "0", "height": "0", "margin": "0", "overflow": "hidden"})
        css.add_class("vaelab-page")
        box = _box(widgets.VBox, [css, controls, view], "vaelab-panel")
        if style == "talk":
            box.add_class("vaelab-talk")
        self._free = weakref.finalize(self, _free, box, self._background)
        self._free.atexit = False
        return box

    def _display(self, caption: str | None = None, alt: str | None = None) -> None:
        """Display the widget, then draw and display the filmstrip for readers without a kernel, then the caption.

        A filmstrip that cannot be drawn is replaced by a sentence that says why.

        Args:
            caption: In place of the panel's own.
            alt: In place of the filmstrip's own.
        """
        caption = caption or self.caption
        hold(self)
        show_widget(self.box.model_id)
        try:
            strip, alt = self.filmstrip, alt or self.alt
        except Exception as error:  # the panel is on the page and works
            show_sentence(f"No filmstrip: {error or type(error).__name__}", FILMSTRIP)
        else:
            show_picture(strip, alt, filmstrip=True)
        show_sentence(caption, FILMSTRIP)

    def _ipython_display_(self) -> None:
        self._display()


def _free(box: widgets.VBox, background: Mapping[str, Callable[[], None]]) -> None:
    """Stop what runs, and close the widgets: called when a panel is closed or dropped."""
    for stop in background.values():
        stop()
    for part in tree(box):
        part.close()
    worker.rest()


def _box(kind: type[widgets.Box], children: Sequence[widgets.Widget], *classes: str) -> widgets.Box:
    """Return a box with CSS classes."""
    box = kind(children)
    for name in classes:
        box.add_class(name)
    return box
