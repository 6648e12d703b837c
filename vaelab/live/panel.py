"""A panel: controls, the picture they move, its numbers in words; a film-strip where there is no kernel."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, partial
from typing import Any, NamedTuple

import ipywidgets as widgets

from vaelab._utils.errors import InvalidValue
from vaelab.live import controls as hand
from vaelab.live import images, readout
from vaelab.live.controls import Control
from vaelab.live.figure import Values
from vaelab.live.frame import frame
from vaelab.live.readout import Row
from vaelab.live.worker import worker
from vaelab.plots import Style

PACE = 0.08  # seconds between two draws while the hand moves: 13 pictures a second, whatever comes in
REST = 0.1  # seconds without an event after which the hand is taken to rest


class View(NamedTuple):
    """How a panel shows its values.

    picture(values): image bytes of size (width, height) in pixels, while the hand moves; fine(values): the same
    picture without loss, for when it rests, if there is a difference.
    words(values): the readout's rows, and one sentence that says what the picture shows.
    strip(): the film-strip as PNG bytes; alt(): what it shows; caption: what to look for.
    """

    picture: Callable[[Values], bytes]
    size: tuple[int, int]
    words: Callable[[Values], tuple[Sequence[Row], str]]
    strip: Callable[[], bytes]
    alt: Callable[[], str]
    caption: str
    fine: Callable[[Values], bytes] | None = None


class Panel:
    """Controls bound to a `View`; show it with `vaelab.live.show(panel)`.

    `panel.set(alpha=0.3)` moves the controls by code, `panel.settle()` waits until the picture follows.
    A callback only stores its value and wakes the worker; the newest values are drawn, older ones skipped.

    Raises InvalidValue for a control that starts outside its range.
    """

    def __init__(
        self,
        controls: Sequence[Control],
        view: View,
        presets: Mapping[str, Mapping[str, Any]],
        style: Style = "notebook",
    ) -> None:
        self._view, self._specs = view, {c.name: c for c in controls}
        self._start = {c.name: hand.accept(c, c.start) for c in controls}
        self._values: dict[str, Any] = dict(self._start)
        self._lock, self._settled = threading.RLock(), threading.Condition()
        self._wanted, self._shown, self._touched, self._next, self.draws = 0, -1, 0.0, 0.0, 0
        self._waiting = 0  # how many wait in `settle`
        self.controls = {c.name: hand.build(c) for c in controls}
        for name, control in self.controls.items():
            control.observe(partial(self._store, name), "value")
        self.presets = {label: dict(values) for label, values in presets.items()}
        self._build(controls, style)
        worker.wake(self._draw)
        self.settle()

    def _build(self, controls: Sequence[Control], style: Style) -> None:
        """The widgets around the picture, each of a fixed size, so that the page never jumps."""
        width, height = (f"{n}px" for n in self._view.size)
        layout = {"width": width, "max_width": "100%", "height": height, "object_fit": "contain"}
        self.picture = widgets.Image(layout=widgets.Layout(**layout))
        self.message = widgets.HTML(layout=widgets.Layout(**layout, display="none"))
        self.readout = widgets.HTML(layout=widgets.Layout(width=width, max_width="100%", height="6em"))
        buttons = [hand.button("Reset", self.reset, "back to the start")]
        buttons += [hand.button(k, partial(self.set, **v), f"jump to: {k}") for k, v in self.presets.items()]
        rows = hand.rows(controls, self.controls, buttons)
        self.box = frame([*rows, self.picture, self.message, self.readout], style)

    @property
    def values(self) -> dict[str, Any]:
        """Where the controls stand."""
        with self._lock:
            return dict(self._values)

    def set(self, **values: Any) -> None:
        """Move several controls at once; one redraw.

        Raises InvalidValue for a name that this panel does not have, or a value outside its slider.
        """
        if unknown := values.keys() - self.controls.keys():
            raise InvalidValue(f"no control {min(unknown)!r} here; this panel has {', '.join(self.controls)}.")
        accepted = {name: hand.accept(self._specs[name], value) for name, value in values.items()}
        with self._lock:  # the worker reads the values under this lock, so it sees all of them or none
            for name, value in accepted.items():
                self.controls[name].value = value

    def reset(self) -> None:
        """Back to the start."""
        self.set(**self._start)

    def settle(self, timeout: float = 30.0) -> bool:
        """Wait until the final picture of the newest values is shown; False if that took more than `timeout` s."""
        with self._settled:
            if self._shown == self._wanted:
                return True
            self._waiting += 1
            worker.wake(self._draw)
            try:
                return self._settled.wait_for(lambda: self._shown == self._wanted, timeout)
            finally:
                self._waiting -= 1

    def _store(self, name: str, change: Mapping[str, Any]) -> None:
        with self._lock:
            self._values[name] = change["new"]
            self._wanted += 1
            self._touched = time.monotonic()
        worker.wake(self._draw, self._next)

    def _draw(self) -> None:
        """On the worker's thread: show the newest values, or say in one sentence why they cannot be shown."""
        with self._lock:
            values, wanted = dict(self._values), self._wanted
            if wanted == self._shown:
                return
            now, hurry = time.monotonic(), self._waiting > 0
            rests = hurry or now - self._touched >= REST
        if now < self._next and not hurry:  # woken by an event during the last draw, which knew no better
            worker.wake(self._draw, self._next)
            return
        try:
            self._show(values, self._view.fine if rests and self._view.fine else self._view.picture)
        except Exception as error:  # anything: a sentence in the panel beats a traceback in a log
            with suppress(Exception):
                self.message.value, self.readout.value = readout.apology(values, error), ""
                self._swap(self.message, self.picture)
        self.draws += 1
        self._next = time.monotonic() + PACE
        if self._view.fine is not None and not rests:
            worker.wake(self._draw, self._touched + REST)
            return
        with self._settled:
            self._shown = wanted
            self._settled.notify_all()

    def _show(self, values: Values, draw: Callable[[Values], bytes]) -> None:
        picture, (rows, sentence) = draw(values), self._view.words(values)
        self.picture.value = picture
        self.readout.value = readout.readout(rows, sentence)
        self._swap(self.picture, self.message)

    @staticmethod
    def _swap(shown: widgets.DOMWidget, hidden: widgets.DOMWidget) -> None:
        shown.layout.display, hidden.layout.display = None, "none"

    @cached_property
    def alt(self) -> str:
        """What the film-strip shows, from its numbers."""
        return self._view.alt()

    @property
    def caption(self) -> str:
        """What to look for."""
        return self._view.caption

    @cached_property
    def strip(self) -> bytes:
        """The film-strip as PNG bytes."""
        return self._view.strip()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """The living widget and, for readers without a kernel, the film-strip with its alt text."""
        still = {"text/plain": self.alt, "image/png": images.base64_text(self.strip)}
        return {**self.box._repr_mimebundle_(), **still}, {"image/png": {"alt": self.alt}}
