"""Panels: the picture and the readout that follow the controls, and the filmstrip.

A filmstrip shows a panel at a few values, for readers without a kernel.
"""

import html
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import ipywidgets as widgets
import numpy as np

from vaelab import plots
from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import check_fields, typed
from vaelab.live.control_panel import ControlPanel, Unused
from vaelab.live.controls import Control
from vaelab.live.figure import DrawFunction, LiveFigure, Pixels, Scene, Values, dismantle, png
from vaelab.live.lifetime import weakly
from vaelab.live.worker import drawing, worker
from vaelab.runs.executors import reason_of

MIN_INTERVAL = 0.08  # seconds between two pictures while the user drags
IDLE = 0.1  # seconds without an event after which the final picture is drawn


class Readout(NamedTuple):
    """Numbers and one sentence that describe a picture.

    Args:
        rows: Pairs of label and formatted number.
        sentence: What the picture shows.

    Example:
        >>> Readout([("KL", "0.5 nats")], "q is wider than p.").rows
        [('KL', '0.5 nats')]
    """

    rows: Sequence[tuple[str, str]]
    sentence: str

    def html(self) -> str:
        """Return the numbers on one wrapping line, and the sentence below it."""
        cells = [f"{html.escape(label)} <b>{html.escape(value)}</b>" for label, value in self.rows]
        spans = "".join(f"<span style='margin-right:2em;white-space:nowrap'>{cell}</span> " for cell in cells)
        return f"<div style='line-height:1.5'>{spans}<br>{html.escape(self.sentence)}</div>"


class View(NamedTuple):
    """How a panel shows the values of its controls.

    Args:
        picture: picture(values) -> image bytes, while the user drags.
        size: Width and height of the picture in pixels.
        readout: readout(values) -> `Readout`.
        filmstrip: Returns the filmstrip as PNG bytes.
        alt: Returns the alt text of the filmstrip.
        caption: What to look for.
        final_picture: The picture without loss, drawn once the values rest; None: `picture` is.
    """

    picture: Callable[[Values], bytes]
    size: tuple[int, int]
    readout: Callable[[Values], Readout]
    filmstrip: Callable[[], bytes]
    alt: Callable[[], str]
    caption: str
    final_picture: Callable[[Values], bytes] | None = None


class Panel(ControlPanel):
    """Controls bound to a `View`; display it with `vaelab.live.show(panel)`.

    A callback only stores its value and wakes the worker. The newest values are drawn, older ones
    skipped.

    Args:
        controls: Sliders, switches and choices.
        view: How their values are shown.
        presets: Values of some or all controls, by the label of their button.
        style: "talk" enlarges labels and buttons.
        unused: unused(values) -> why a control has no effect at some values, by its name.

    Raises:
        InvalidType, InvalidValue: If a control or a preset is outside its range, or two controls have one name.

    Example:
        >>> from vaelab import live
        >>> panel = live.rho_panel()
        >>> panel.set(rho=2.0)
        >>> panel.settle(), panel.values["rho"]
        (True, 2.0)
    """

    @typed
    def __init__(
        self,
        controls: Sequence[Control],
        view: View,
        presets: Mapping[str, Mapping[str, Any]],
        style: plots.Style = "notebook",
        unused: Unused | None = None,
    ) -> None:
        check_fields(view)
        super().__init__(controls, presets, filmstrip=view.filmstrip, alt=view.alt, caption=view.caption, unused=unused)
        self._view = view
        self._values: dict[str, Any] = dict(self._start)
        self._settled = threading.Condition()
        self._version, self._drawn_version, self._last_event, self._next, self.draws = 0, -1, 0.0, 0.0, 0
        self._waiting = 0  # number of threads in `settle`
        self._redraw = weakly(self._draw)
        for name, control in self.controls.items():
            control.observe(weakly(self._store, name=name), "value")
        self._build(controls, style)
        worker.wake(self._redraw)
        self.settle()

    def _build(self, controls: Sequence[Control], style: plots.Style) -> None:
        """Build the widgets, each of a fixed size, so that the page does not move."""
        width, height = (f"{n}px" for n in self._view.size)
        layout = {"width": width, "max_width": "100%", "height": height, "object_fit": "contain"}
        self.picture = widgets.Image(layout=layout)
        self.message = widgets.HTML(layout={**layout, "display": "none"})
        self.readout = widgets.HTML(layout={"width": width, "max_width": "100%", "height": "6em"})
        buttons = [self._button("Reset", self.reset, "back to the start"), *self._preset_buttons()]
        rows = self._rows(controls, buttons)
        self.box = self._container([*rows, self.notes, self.picture, self.message, self.readout], style)

    @property
    def values(self) -> dict[str, Any]:
        """Values of the controls, by name."""
        with self._lock:
            return dict(self._values)

    def settle(self, timeout: float = 30.0) -> bool:
        """Wait for the final picture; return whether it came within `timeout` seconds."""
        checks.in_range("timeout", timeout, 0, threading.TIMEOUT_MAX)
        with self._settled:
            if self._drawn_version == self._version:
                return True
            self._waiting += 1
            worker.wake(self._redraw)
            try:
                return self._settled.wait_for(lambda: self._drawn_version == self._version, timeout)
            finally:
                self._waiting -= 1

    def close(self) -> None:
        """Close the widgets and free the memory; a second call does nothing."""
        settled = self.__dict__.get("_settled", threading.Condition())
        super().close()
        with settled:
            settled.notify_all()  # who waits for the picture hears that there will be none

    def _store(self, change: Mapping[str, Any], name: str) -> None:
        with self._lock:
            self._values[name] = change["new"]
            self._version += 1
            self._last_event = time.monotonic()
        worker.wake(self._redraw, self._next)

    def _draw(self) -> None:
        """On the worker's thread: show the newest values, or the reason why there is no picture."""
        with self._lock:
            values, version = dict(self._values), self._version
            if version == self._drawn_version:
                return
            now, urgent = time.monotonic(), self._waiting > 0
            final = urgent or now - self._last_event >= IDLE
        if now < self._next and not urgent:  # an event during the last draw set an earlier time
            worker.wake(self._redraw, self._next)
            return
        view = self._view
        try:
            self._show(values, view.final_picture if final and view.final_picture else view.picture)
        except Exception as error:  # show it in the panel: the thread has no visible log
            with suppress(Exception):
                self.message.value, self.readout.value = _render_error(values, error), ""
                self._swap(self.message, self.picture)
        self.draws += 1
        self._next = time.monotonic() + MIN_INTERVAL
        if view.final_picture is not None and not final:
            worker.wake(self._redraw, self._last_event + IDLE)
            return
        with self._settled:
            self._drawn_version = version
            self._settled.notify_all()

    def _show(self, values: Values, draw: Callable[[Values], bytes]) -> None:
        picture, readout = draw(values), self._view.readout(values)
        self.picture.value, self.readout.value = picture, readout.html()
        self._swap(self.picture, self.message)

    @staticmethod
    def _swap(visible: widgets.DOMWidget, hidden: widgets.DOMWidget) -> None:
        visible.layout.display, hidden.layout.display = None, "none"


@dataclass(frozen=True, kw_only=True)
class PanelSpec:
    """Everything that one panel adds to the common machinery.

    Args:
        draw: draw(figure, stacked=False) -> `Scene`; `stacked` puts the axes below one another, for
            one frame of the filmstrip.
        sizes: Width and height in inches, by style.
        controls: Sliders, switches and choices.
        presets: Values of some or all controls, by the label of their button.
        readout: Numbers and sentence for the values of the controls.
        frames: Values of the filmstrip's frames, by title.
        alt: Returns the alt text of the filmstrip; called once, when it is needed.
        caption: What to look for.
        unused: unused(values) -> why a control has no effect at some values, by its name.
    """

    draw: Callable[..., Scene]
    sizes: Mapping[str, tuple[float, float]]
    controls: Sequence[Control]
    presets: Mapping[str, Mapping[str, Any]]
    readout: Callable[[Values], Readout]
    frames: Mapping[str, Values]
    alt: Callable[[], str]
    caption: str
    unused: Unused | None = None

    def __post_init__(self) -> None:
        check_fields(self)

    @typed
    def build(self, style: plots.Style = "notebook") -> Panel:
        """Build the panel.

        Args:
            style: "notebook", "paper" or "talk".

        Returns:
            The panel at the start of its controls.

        Raises:
            InvalidValue: If the style is unknown, or a control starts outside its range.
        """
        width, height = plots.size_for(self.sizes, style)
        figure = LiveFigure(self.draw, width, height, style)
        parts = (self.readout, self.filmstrip, self.alt, self.caption)
        view = View(figure.preview, figure.size, *parts, final_picture=figure.render)
        return Panel(self.controls, view, self.presets, style, self.unused)

    def filmstrip(self) -> bytes:
        """Return the filmstrip as PNG bytes."""
        return png(draw_filmstrip(partial(self.draw, stacked=True), self.frames), small=True)


@typed
def draw_filmstrip(draw: DrawFunction, frames: Mapping[str, Values], width: float = 9.6, height: float = 4.6) -> Pixels:
    """Draw a panel at several values side by side, in the `paper` style.

    Args:
        draw: Draws one frame on an empty figure and returns a `Scene`.
        frames: Values of each frame, by its title.
        width: Inches.
        height: Inches.

    Returns:
        [h, w, 3].

    Raises:
        InvalidType, InvalidValue: If an argument is of another type, there is no frame, or a side is not in [0.1, 600].
    """
    if not frames:
        raise InvalidValue("frames must have at least one entry, got none.")
    with drawing, plots.style("paper"):
        figure = plots.new_figure(width, height)
        figure.set_dpi(120)
        columns: Any = figure.subfigures(1, len(frames), squeeze=False)
        for part, (title, values) in zip(columns[0], frames.items(), strict=True):
            checks.instance("what draw returns", draw(part), Scene).update(values)
            part.suptitle(title)
        canvas: Any = figure.canvas
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())[..., :3].copy()
        dismantle(figure)
        return pixels


def _render_error(values: Values, error: Exception) -> str:
    """Explain in HTML why there is no picture."""
    where = ", ".join(f"{k} = {v:.3g}" if isinstance(v, float) else f"{k} = {v}" for k, v in values.items())
    return f"<p>{html.escape(f'No picture at {where}: {reason_of(error)}. Move a slider or press Reset.')}</p>"
