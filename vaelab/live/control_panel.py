"""The base of all panels: controls, presets, and a filmstrip for readers without a kernel."""

import base64
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from vaelab._utils.errors import InvalidValue
from vaelab.live.controls import Control, Slider, accept, build
from vaelab.live.lifetime import Closed, hold, tree, weakly
from vaelab.live.worker import drawing, worker
from vaelab.plots import Style

# Only the front end knows that a kernel is gone or busy, so these two notices are written in CSS.
GONE = "The kernel was restarted: run this cell again."
BUSY = "The kernel is busy with another cell: the picture may be late."
CSS = f"""<style>
.vaelab-talk {{ --jp-widgets-font-size: 20px; --jp-widgets-inline-height: 38px; --jp-ui-font-size1: 20px;
  font-size: 20px; }}
.vaelab-panel {{ position: relative; overflow: visible; }}
.vaelab-stops .widget-readout {{ pointer-events: none; }}
.vaelab-panel::after {{ color: #b34700; font-weight: bold; background: white; }}
.vaelab-panel.jupyter-widgets-disconnected::after {{ content: "{GONE}"; padding: 0.4em 0; order: -1; }}
body:has(.jp-Notebook-ExecutionIndicator[data-status="busy"])
  .vaelab-panel:not(.jupyter-widgets-disconnected)::after {{
  content: "{BUSY}"; position: absolute; top: 0; right: 0; opacity: 0; animation: vaelab-late 0.2s 2s forwards; }}
@keyframes vaelab-late {{ to {{ opacity: 1; }} }}
</style>"""


WIDGET = "application/vnd.jupyter.widget-view+json"


class ControlPanel:
    """Controls, presets, and a filmstrip for readers without a kernel.

    A panel is kept by the variables that hold it, and by the cell that displays it until this cell runs
    again. When nothing keeps it, its widgets are closed and its memory is freed, as `close` does at once.

    Args:
        controls: Sliders, switches and choices.
        presets: Values of some or all controls, by the label of their button.
        filmstrip: Returns the filmstrip as PNG bytes.
        alt: Returns the alt text of the filmstrip.
        caption: What to look for.

    Raises:
        InvalidValue: If a control starts outside its range.
    """

    box: widgets.VBox

    def __init__(
        self,
        controls: Sequence[Control],
        presets: Mapping[str, Mapping[str, Any]],
        *,
        filmstrip: Callable[[], bytes],
        alt: Callable[[], str],
        caption: str,
    ) -> None:
        self._specs = {c.name: c for c in controls}
        self._start = {c.name: accept(c, c.start) for c in controls}
        self._lock = threading.RLock()
        self._background: dict[str, Callable[[], None]] = {}  # how to stop what runs, by name
        self.presets = {label: dict(values) for label, values in presets.items()}
        self.controls = {c.name: build(c, [p[c.name] for p in self.presets.values() if c.name in p]) for c in controls}
        self._draw_filmstrip, self._describe, self.caption = filmstrip, alt, caption

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
            InvalidValue: If a name is unknown or a value outside its range; nothing is set then.
        """
        if unknown := values.keys() - self.controls.keys():
            raise InvalidValue(f"control must be one of {', '.join(self.controls)}, got {min(unknown)!r}.")
        valid = {name: accept(self._specs[name], value) for name, value in values.items()}
        with self._lock:  # so that the worker, which reads under it, sees all values or none
            for name, value in valid.items():
                self.controls[name].value = value

    def reset(self) -> None:
        """Set all controls to their start."""
        self.set(**self._start)

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
        """Arrange rows of three sliders, one of switches and choices, one of buttons."""
        sliders = [self.controls[c.name] for c in controls if isinstance(c, Slider)]
        others = [self.controls[c.name] for c in controls if not isinstance(c, Slider)]
        lines = [sliders[i : i + 3] for i in range(0, len(sliders), 3)] + [others] * bool(others)
        return [widgets.HBox(line, layout={"flex_flow": "row wrap"}) for line in (*lines, list(buttons))]

    def _preset_buttons(self) -> list[widgets.Button]:
        return [self._button(label, self.set, f"set: {label}", **values) for label, values in self.presets.items()]

    @staticmethod
    def _button(label: str, press: Callable[..., None], hint: str, /, **values: Any) -> widgets.Button:
        """Return a button that calls a method of the panel with some values."""
        button, act = widgets.Button(description=label, tooltip=hint, layout={"width": "auto"}), weakly(press, **values)
        button.on_click(lambda _: act())
        return button

    def _container(self, children: Sequence[widgets.Widget], style: Style) -> widgets.VBox:
        """Stack the widgets, which live as long as the panel; style="talk" enlarges labels, buttons and readout."""
        css = widgets.HTML(CSS, layout={"height": "0", "margin": "0", "overflow": "hidden"})
        box = widgets.VBox([css, *children])
        box.add_class("vaelab-panel")
        if style == "talk":
            box.add_class("vaelab-talk")
        self._free = weakref.finalize(self, _free, tree(box), self._background)
        self._free.atexit = False
        return box

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the widget and, for readers without a kernel, the filmstrip with its alt text."""
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}  # ipywidgets 7 has no bundle
        still = {"text/plain": self.alt, "image/png": base64.b64encode(self.filmstrip).decode()}
        hold(self)
        return {WIDGET: view, **still}, {"image/png": {"alt": self.alt}}


def _free(parts: Sequence[widgets.Widget], background: Mapping[str, Callable[[], None]]) -> None:
    """Stop what runs, and close the widgets: called when a panel is closed or dropped."""
    for stop in background.values():
        stop()
    for part in parts:
        part.close()
    worker.rest()
