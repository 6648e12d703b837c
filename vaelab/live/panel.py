"""Panels: the picture, the readout and the alt text that follow the controls, from one declaration each."""

import html
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from vaelab import plots
from vaelab._utils import checks
from vaelab._utils.typed import typed
from vaelab.live.control_panel import ControlPanel
from vaelab.live.figure import Values
from vaelab.live.lifetime import Closed, check_alive, weakly
from vaelab.live.process import Process
from vaelab.live.spec import PanelSpec
from vaelab.live.worker import worker
from vaelab.runs.executors import reason_of

MIN_INTERVAL = 0.08  # seconds between two pictures while the user drags
IDLE = 0.1  # seconds without an event after which the final picture is drawn
HIDDEN = {"width": "1px", "height": "1px", "margin": "0", "overflow": "hidden"}  # not to screen readers


class Panel(ControlPanel):
    """A picture, a readout and an alt text that follow controls; display it with `vaelab.live.show(panel)`.

    A callback only stores its value and wakes the worker. The newest values are drawn, older ones
    skipped. A panel with a process, such as a training, also has the methods and attributes of the process.

    Args:
        spec: The declaration.
        style: "notebook", "paper" or "talk", which enlarges labels and buttons.

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
    def __init__(self, spec: PanelSpec, style: plots.Style = "notebook") -> None:
        self.spec, self.style = spec, style
        self.process = None if spec.process is None else spec.process(weakref.proxy(self))
        self._picture = (False, spec.open_picture(style)) if spec.prepare is None else None
        caption = f"{spec.caption} {spec.still}".strip()
        strip: dict[str, Any] = {"filmstrip": spec.draw_filmstrip, "alt": spec.filmstrip_alt, "caption": caption}
        super().__init__(spec.controls, spec.presets, **strip, unused=spec.unused)
        self._values: dict[str, Any] = dict(self._start)
        self._settled = threading.Condition()
        self._version, self._drawn_version, self._last_event, self._next, self.draws = 0, -1, 0.0, 0.0, 0
        self._waiting = 0  # number of threads in `settle`
        self._ready = spec.prepare is None
        self._redraw = weakly(self._draw)
        for name, control in self.controls.items():
            control.observe(weakly(self._store, name=name), "value")
        self._build(self._size())
        if spec.prepare is None:
            self.redraw()
            self.settle()
        else:  # not a daemon: the interpreter waits for its end, and would abort inside torch
            work = spec.prepare, check_alive(self), weakly(self._begin)
            threading.Thread(target=_prepare, args=work, name="vaelab-prepare").start()

    def _size(self) -> tuple[int, int]:
        """Return width and height of the picture in pixels."""
        if self._picture is not None:
            return self._picture[1].size
        with plots.style(self.style):
            canvas: Any = plots.new_figure(*plots.size_for(self.spec.sizes, self.style)).canvas
            size: tuple[int, int] = canvas.get_width_height()
        return size

    def _build(self, size: tuple[int, int]) -> None:
        """Build the widgets, each of a fixed size, so that the page does not move."""
        width = {"width": f"{size[0]}px", "max_width": "100%"}
        frame = {**width, "height": f"{size[1]}px", "object_fit": "contain"}
        self.picture = _named("picture", widgets.Image(layout={**frame, "display": None if self._ready else "none"}))
        self.picture_alt = _named("alt", widgets.HTML(layout=HIDDEN))
        self.live_caption = _named("caption", widgets.HTML(_caption(self.spec.caption), layout=width))
        self.theme = _named("theme", widgets.ToggleButton(description="dark", layout={"display": "none"}))
        self.theme.observe(weakly(self._change_theme), "value")
        buttons = [self._button("Reset", self.reset, "back to the start"), *self._preset_buttons()]
        status, readout, actions, below = {**frame, "display": "none"}, "6em", list[Any](), list[Any]()
        if self.process is not None:
            status, readout = {**width, "height": "3.2em"}, "7.5em"
            self._background["process"] = self.process.halt
            actions, below = self.process.build(width)
        self.message = _named("status", widgets.HTML(layout=status))
        self.readout = _named("readout", widgets.HTML(layout={**width, "height": readout}))
        rows = [*self._rows(self.spec.controls, buttons), *actions]
        controls = _named("controls", widgets.VBox([*rows, self.notes]))
        picture = [self.message, self.picture, self.picture_alt, self.theme]
        self.box = self._container([controls, *picture, self.readout, *below, self.live_caption], self.style)
        if not self._ready:
            self._fail("Computing: the picture comes in some seconds.")

    @property
    def values(self) -> dict[str, Any]:
        """Values of the controls, by name."""
        with self._lock:
            return dict(self._values)

    def settle(self, timeout: float = 30.0) -> bool:
        """Wait for the final picture, and for the end of a process; return whether it came within `timeout` s."""
        checks.in_range("timeout", timeout, 0, threading.TIMEOUT_MAX)
        end = time.monotonic() + timeout
        if self.process is not None and not self.process.join(timeout):
            return False
        with self._settled:
            if self._drawn_version == self._version:
                return True
            self._waiting += 1
            worker.wake(self._redraw)
            left = max(end - time.monotonic(), 0.0)
            try:
                return self._settled.wait_for(lambda: self._drawn_version == self._version, left)
            finally:
                self._waiting -= 1

    def close(self) -> None:
        """Close the widgets and free the memory; a second call does nothing."""
        settled = self.__dict__.get("_settled", threading.Condition())
        super().close()
        with settled:
            settled.notify_all()  # who waits for the picture hears that there will be none

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Offer what the process has."""
            process = self.__dict__.get("process")
            if process is not None and not name.startswith("_") and hasattr(process, name):
                return getattr(process, name)
            return super().__getattr__(name)

    def redraw(self) -> None:
        """Draw the picture again: something else than a control has changed."""
        with self._lock:
            self._version += 1
        worker.wake(self._redraw, self._next)

    @typed
    def say(self, sentence: str) -> None:
        """Show a sentence in the status line."""
        self.message.value = f"<p style='margin:0.4em 0'>{html.escape(sentence)}</p>"

    def _begin(self) -> None:
        """Draw the first picture: what it needs has been prepared."""
        self._ready = True
        self.redraw()

    def _store(self, change: Mapping[str, Any], name: str) -> None:
        with self._lock:
            self._values[name] = change["new"]
            self._version += 1
            self._last_event = time.monotonic()
        if self.process is not None:
            self.process.steer(name, change["new"])
        worker.wake(self._redraw, self._next)

    def _change_theme(self, _: Any) -> None:
        self.redraw()

    def _reasons(self, values: Mapping[str, Any]) -> dict[str, str]:
        reasons = super()._reasons(values)
        return reasons if self.process is None else self.process.reasons(reasons)

    def _note(self, reasons: Mapping[str, str]) -> None:
        super()._note(reasons)
        if self.process is not None:
            self.notes.value += html.escape(self.process.note(reasons))

    def _draw(self) -> None:
        """On the worker's thread: show the newest values, or the reason why there is no picture."""
        with self._lock:
            values, version = dict(self._values), self._version
            if version == self._drawn_version or not self._ready:
                return
            now, urgent = time.monotonic(), self._waiting > 0
            final = urgent or now - self._last_event >= IDLE
        if now < self._next and not urgent:  # an event during the last draw set an earlier time
            worker.wake(self._redraw, self._next)
            return
        runs = self.process is not None and self.process.active  # its pictures follow each other: none is final
        try:
            complete = self._show(values, final and not runs)
        except Exception as error:  # show it in the panel: the thread has no visible log
            complete = final
            with suppress(Exception):
                self._fail(_describe_error(values, error, self.process))
        self.draws += 1
        self._next = time.monotonic() + (MIN_INTERVAL if self.process is None else self.process.interval)
        if not complete and not runs:
            worker.wake(self._redraw, self._last_event + IDLE)
            return
        with self._settled:
            self._drawn_version = version
            self._settled.notify_all()

    def _show(self, values: Values, final: bool) -> bool:
        """Show picture, readout and alt text; return whether the picture is without loss."""
        dark = self.theme.value
        if self._picture is None or self._picture[0] != dark:
            self._picture = dark, self.spec.open_picture(self.style, dark)
        picture = self._picture[1]
        shown = values if self.process is None else self.process.look(values)
        drawn = picture.render(shown) if final else picture.preview(shown)
        readout, alt = self.spec.readout(shown), self.spec.alt(shown)
        self.picture.value, self.readout.value, self.picture_alt.value = drawn, readout.html(), html.escape(alt)
        if self.process is None:
            self.picture.layout.display, self.message.layout.display = None, "none"
        else:
            self.process.refresh()
        return final or picture.lossless

    def _fail(self, sentence: str) -> None:
        """Show a sentence in place of the picture; a process keeps its picture."""
        self.say(sentence)
        if self.process is None:
            self.readout.value = self.picture_alt.value = ""
            self.message.layout.display, self.picture.layout.display = None, "none"

    def _display(self, caption: str | None = None, alt: str | None = None) -> None:
        if caption is not None:
            self.live_caption.value = _caption(caption)
        super()._display(caption, alt)


def _prepare(work: Callable[[Callable[[], None]], Any], check: Callable[[], None], begin: Callable[..., None]) -> None:
    """On a thread of its own: do slow work, then let the panel draw, which meets the same error if there is one.

    When the panel is closed, the work ends at its next step.
    """
    try:
        check()
        work(check)
    except Closed:
        return
    except Exception:
        pass
    begin()


def _named(name: str, widget: Any) -> Any:
    """Return a widget with the CSS class by which CSS and script of the page find it."""
    widget.add_class(f"vaelab-{name}")
    return widget


def _caption(sentence: str) -> str:
    return f"<em>{html.escape(sentence)}</em>"


def _describe_error(values: Values, error: Exception, process: Process | None) -> str:
    """Explain why there is no picture."""
    if process is not None:
        return f"No picture: {reason_of(error)}; {process.remedy}"
    where = ", ".join(f"{k} = {v:.3g}" if isinstance(v, float) else f"{k} = {v}" for k, v in values.items())
    return f"No picture at {where}: {reason_of(error)}. Move a slider or press Reset."
