"""The base of all panels: controls, presets, and a filmstrip for readers without a kernel."""

import base64
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import ipywidgets as widgets

from vaelab._utils.errors import InvalidValue
from vaelab.live.controls import Control, Slider, accept, build
from vaelab.plots import Style

# Only the front end knows that a kernel is gone or busy, so these two notices are written in CSS.
GONE = "The kernel was restarted: run this cell again."
BUSY = "The kernel is busy with another cell: the picture may be late."
CSS = f"""<style>
.vaelab-talk {{ --jp-widgets-font-size: 20px; --jp-widgets-inline-height: 38px; --jp-ui-font-size1: 20px;
  font-size: 20px; }}
.vaelab-panel {{ position: relative; overflow: visible; }}
.vaelab-panel::after {{ color: #b34700; font-weight: bold; background: white; }}
.vaelab-panel.jupyter-widgets-disconnected::after {{ content: "{GONE}"; padding: 0.4em 0; order: -1; }}
body:has(.jp-Notebook-ExecutionIndicator[data-status="busy"])
  .vaelab-panel:not(.jupyter-widgets-disconnected)::after {{
  content: "{BUSY}"; position: absolute; top: 0; right: 0; opacity: 0; animation: vaelab-late 0.2s 2s forwards; }}
@keyframes vaelab-late {{ to {{ opacity: 1; }} }}
</style>"""


class ControlPanel:
    """Controls, presets, and a filmstrip for readers without a kernel.

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
        self.controls = {c.name: build(c) for c in controls}
        self.presets = {label: dict(values) for label, values in presets.items()}
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

    def _rows(self, controls: Sequence[Control], buttons: Sequence[widgets.Button]) -> list[widgets.Widget]:
        """Arrange rows of three sliders, one of switches and choices, one of buttons."""
        sliders = [self.controls[c.name] for c in controls if isinstance(c, Slider)]
        others = [self.controls[c.name] for c in controls if not isinstance(c, Slider)]
        lines = [sliders[i : i + 3] for i in range(0, len(sliders), 3)] + [others] * bool(others)
        return [widgets.HBox(line, layout={"flex_flow": "row wrap"}) for line in (*lines, list(buttons))]

    def _preset_buttons(self) -> list[widgets.Button]:
        return [self._button(label, partial(self.set, **v), f"set: {label}") for label, v in self.presets.items()]

    @staticmethod
    def _button(label: str, press: Callable[[], None], hint: str) -> widgets.Button:
        button = widgets.Button(description=label, tooltip=hint, layout={"width": "auto"})
        button.on_click(lambda _: press())
        return button

    @staticmethod
    def _container(children: Sequence[widgets.Widget], style: Style) -> widgets.VBox:
        """Stack the widgets; style="talk" enlarges labels, buttons and readout."""
        css = widgets.HTML(CSS, layout={"height": "0", "margin": "0", "overflow": "hidden"})
        box = widgets.VBox([css, *children])
        box.add_class("vaelab-panel")
        if style == "talk":
            box.add_class("vaelab-talk")
        return box

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the widget and, for readers without a kernel, the filmstrip with its alt text."""
        still = {"text/plain": self.alt, "image/png": base64.b64encode(self.filmstrip).decode()}
        return {**self.box._repr_mimebundle_(), **still}, {"image/png": {"alt": self.alt}}
