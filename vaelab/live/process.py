"""What runs behind a panel and changes by itself, such as a training: its buttons, its slider over the past."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import ipywidgets as widgets

from vaelab.live.controls import LABEL_STYLE, explain
from vaelab.live.figure import Values
from vaelab.live.lifetime import tree, weakly

# The kernel cannot reach the clipboard. So the front end copies as soon as this is shown, if it may.
COPY = """<span data-press="{press}">Click into the code, then press Ctrl+A and Ctrl+C to copy it.</span>
<img hidden alt="" src="data:," onerror="
  const say = this.previousElementSibling, code = this.closest('.vaelab-panel').querySelector('textarea');
  const selected = () => {{ say.textContent = 'The code is selected: press Ctrl+C to copy it.'; }};
  code.focus(); code.select(); selected();
  navigator.clipboard?.writeText(code.value).then(
    () => {{ say.textContent = 'Copied: paste the code into a cell.'; }}, selected);">"""


class Action(NamedTuple):
    """A button of a process.

    Args:
        label: Text on the button.
        method: Name of the method that it calls.
        hint: What the button does.
    """

    label: str
    method: str
    hint: str


class Process(ABC):
    """What runs behind a panel; the panel offers its public attributes as its own.

    Args:
        panel: The panel, by a weak reference.
    """

    actions: ClassVar[tuple[Action, ...]]
    interval = 0.5  # seconds between two pictures while it runs
    remedy = "Press Restart."  # what to do when there is no picture
    no_past = ""  # why the slider over the past is disabled until there is one

    def __init__(self, panel: Any) -> None:
        self.panel = panel
        self._presses = 0

    # -- what a process declares

    @property
    @abstractmethod
    def moments(self) -> int:
        """Number of moments that the slider over the past looks back at."""

    @property
    @abstractmethod
    def active(self) -> bool:
        """Whether it runs or is paused."""

    @property
    @abstractmethod
    def status(self) -> str:
        """Its state in one sentence."""

    @property
    @abstractmethod
    def code(self) -> str:
        """A cell that reproduces the run so far."""

    @abstractmethod
    def look(self, values: Values) -> Values:
        """Return what picture, readout and alt text are made of, from the values of the controls."""

    @abstractmethod
    def off(self) -> dict[str, str]:
        """Return why buttons have no effect now, by their label."""

    @abstractmethod
    def halt(self) -> None:
        """Stop, since the panel is closed, dropped or no longer displayed."""

    @abstractmethod
    def join(self, timeout: float) -> bool:
        """Wait for the end, and return whether it came within `timeout` seconds."""

    def steer(self, name: str, value: Any) -> None:  # noqa: B027 (a process may have nothing to steer)
        """Take the new value of a control."""

    def reasons(self, reasons: dict[str, str]) -> dict[str, str]:
        """Return why controls have no effect while it runs; `reasons`: why they have none on the next run."""
        return reasons

    def note(self, reasons: Mapping[str, str]) -> str:
        """Return what the line below the controls adds to the reasons."""
        return ""

    # -- its widgets

    def build(self, width: Mapping[str, str]) -> tuple[list[widgets.Widget], list[widgets.Widget]]:
        """Return the row of buttons, and what stands below the picture: the slider over the past and the code."""
        self.scrub = self._new_scrub(self.moments)
        self.look_back = widgets.HBox([self.scrub])
        self.copied = widgets.HTML(layout={**width, "display": "none"})
        self.listing = widgets.Textarea(layout={**width, "height": "13em", "display": "none"})
        self.buttons = {a.label: self.panel._button(a.label, getattr(self, a.method), a.hint) for a in self.actions}
        row = widgets.HBox(list(self.buttons.values()), layout={"flex_flow": "row wrap"})
        return [row], [self.look_back, self.copied, self.listing]

    def refresh(self) -> None:
        """Show the state, and disable the buttons and controls that have no effect now, with the reason."""
        self.panel.say(self.status)
        self.disable()

    def disable(self) -> None:
        """Disable the buttons and controls that have no effect now, with the reason."""
        reasons = self.off()
        for action in self.actions:
            why, button = reasons.get(action.label, ""), self.buttons[action.label]
            button.disabled, button.tooltip = bool(why), why or action.hint
        self.panel._explain()

    def list_code(self) -> None:
        """Show the code below the picture, and copy it to the clipboard or select it."""
        self._presses += 1  # the same code is copied again
        self.listing.value, self.listing.layout.display = self.code, None
        self.copied.value, self.copied.layout.display = COPY.format(press=self._presses), None

    def _new_scrub(self, moments: int) -> widgets.IntSlider:
        """Return the slider over the moments of a run, disabled until there is one to look at."""
        name = {"description": "look back", "style": LABEL_STYLE, "layout": {"width": "37em"}}
        scrub, redraw = widgets.IntSlider(value=moments, min=1, max=moments, **name), weakly(self._look_again)
        scrub.observe(lambda _: redraw(), "value")
        explain(scrub, self.no_past)
        return scrub

    def _look_again(self) -> None:
        self.panel.redraw()

    def renew_scrub(self, moments: int) -> None:
        """Let the slider end at the last moment: in a browser, End goes to the end that it was built with."""
        if moments == self.scrub.max:
            self.scrub.value = moments
            explain(self.scrub, self.no_past)
            return
        old, self.scrub = self.scrub, self._new_scrub(moments)
        self.look_back.children = [self.scrub]
        for part in tree(old):
            part.close()
