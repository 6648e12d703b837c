"""The training panel: train a VAE, change its parameters meanwhile, copy the run as code."""

import copy
import html
import threading
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import ipywidgets as widgets
import numpy as np

from vaelab import plots
from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import typed
from vaelab.live.control_panel import ControlPanel
from vaelab.live.controls import LABEL_STYLE, Control, explain
from vaelab.live.figure import LiveFigure, png
from vaelab.live.lifetime import tree, weakly
from vaelab.live.panels.training_example import alt, example, filmstrip
from vaelab.live.panels.training_figure import draw, evaluate
from vaelab.live.panels.training_texts import COPY, SLIDERS, TUNABLE, progress, readout, shown
from vaelab.live.trainer import Snapshot, Trainer
from vaelab.live.training_config import TrainingChoices, check_choices, code, training_controls, unused
from vaelab.live.worker import worker
from vaelab.objectives.objective import Experiment
from vaelab.runs.executors import reason_of

SIZES = {"notebook": (10.0, 5.0), "paper": (10.0, 5.0), "talk": (14.0, 7.4)}
MIN_INTERVAL = 0.5  # seconds between two pictures of a running training
NO_EPOCH = "after the first epoch"  # why the slider over the epochs is disabled
CAPTION = (
    "A VAE in training: the two parts of the loss, gamma, and the path through the rate-distortion plane; below data, "
    "reconstructions, samples, and the latent plane. Run the cell to train it yourself and to change alpha, gamma, "
    "beta, lambda and the learning rate while it trains. The still pictures are an example of twelve epochs."
)
PRESETS: dict[str, dict[str, Any]] = {
    "ordinary VAE": {"divergence": "KL(q‖p)", "policy": "fixed", "beta": 1.0, "gamma": 0.2},
    "collapse": {"divergence": "KL(q‖p)", "policy": "fixed", "beta": 10.0, "gamma": 0.7},
    "dual at small alpha": {"divergence": "dual JS", "policy": "fixed", "alpha": 0.05, "beta": 1.0, "gamma": 0.2},
    "computed gamma": {"divergence": "KL(q‖p)", "policy": "computed", "beta": 1.0},
    "consistent": {"divergence": "KL(q‖p)", "policy": "fixed", "views": "simple", "consistency": 1.0, "beta": 1.0},
}


@typed
def training_panel(
    setup: TrainingChoices | None = None, *, style: plots.Style = "notebook", **choices: Any
) -> "TrainingPanel":
    """Build a panel that trains small VAEs in the background, once Start is pressed.

    Args:
        setup: Choices at the start; without any, their defaults.
        style: "notebook", "paper" or "talk".
        choices: Fields of `vaelab.live.TrainingChoices` that replace those of `setup`.

    Returns:
        The panel.

    Raises:
        InvalidType, InvalidValue: If a choice is unknown or out of range.

    Example:
        >>> panel = training_panel(data="digits", divergence="JS", alpha=0.5, epochs=1)
        >>> panel.set(beta=2.0)
        >>> panel.setup.divergence, panel.setup.beta
        ('JS', 2.0)
    """
    if unknown := choices.keys() - set(TrainingChoices._fields):
        raise InvalidValue(f"choice must be one of {', '.join(TrainingChoices._fields)}, got {min(unknown)!r}.")
    return TrainingPanel((setup or TrainingChoices())._replace(**choices), style)


class TrainingPanel(ControlPanel):
    """A panel that trains a VAE in the background; `training_panel` builds it.

    The methods do what the buttons of the same names do, and return at once.

    Args:
        setup: Choices at the start.
        style: "notebook", "paper" or "talk".

    Raises:
        InvalidType, InvalidValue: If a choice is unknown or out of range.
    """

    trainer: Trainer | None

    @typed
    def __init__(self, setup: TrainingChoices, style: plots.Style) -> None:
        check_choices(setup)
        choices, parameters = training_controls(setup)
        width, height = plots.size_for(SIZES, style)
        figure, name = LiveFigure(draw, width, height, style), example(setup)
        strip, describe = partial(filmstrip, name), partial(alt, name)
        self._first, self.trainer = setup, None
        super().__init__(
            [*choices, *parameters], PRESETS, filmstrip=strip, alt=describe, caption=CAPTION, unused=unused
        )
        self._figure, self._redraw = figure, weakly(self._draw)
        self._twin: tuple[Trainer, Experiment] | None = None
        for name in TUNABLE:
            self.controls[name].observe(weakly(self._steer, name=name), "value")
        self._build(choices, parameters, style)
        self.draws, self._next = 0, 0.0
        self._show_message("Select a model, then press Start.")

    def _build(self, choices: list[Control], parameters: list[Control], style: plots.Style) -> None:
        width, height = (f"{n}px" for n in self._figure.size)
        wide = {"width": width, "max_width": "100%"}
        self.picture = widgets.Image(layout={**wide, "height": height, "object_fit": "contain"})
        self.picture.value = png(np.full((8, 16), 245, np.uint8))
        self.message = widgets.HTML(layout={**wide, "height": "3.2em"})
        self.readout = widgets.HTML(layout={**wide, "height": "7.5em"})
        self.scrub = self._new_scrub(self._first.epochs)
        self._look_back = widgets.HBox([self.scrub])
        self._presses = 0
        self.copied = widgets.HTML(layout={**wide, "display": "none"})
        self.listing = widgets.Textarea(layout={**wide, "height": "13em", "display": "none"})
        actions = {
            "Start": (self.start, "train with these choices"),
            "Pause": (self.pause, "pause, or continue"),
            "Step": (self.step, "one step, then pause"),
            "Stop": (self.stop, "stop; curves and pictures stay"),
            "Restart": (self.restart, "train again with these choices"),
            "Copy as code": (self.show_code, "the cell that reproduces this run"),
        }
        self._hints = {name: hint for name, (_, hint) in actions.items()}
        self.buttons = {name: self._button(name, press, hint) for name, (press, hint) in actions.items()}
        lines = self._rows(choices, self._preset_buttons())
        lines += self._rows(parameters, list(self.buttons.values()))
        below = [self.picture, self.readout, self._look_back, self.copied, self.listing]
        self.box = self._container([*lines, self.notes, self.message, *below], style)
        self._show_actions()

    def _new_scrub(self, epochs: int) -> widgets.IntSlider:
        """Return the slider over the epochs of a training, disabled until there is one to look at."""
        name = {"description": "look back", "style": LABEL_STYLE, "layout": {"width": "37em"}}
        scrub, redraw = widgets.IntSlider(value=epochs, min=1, max=epochs, **name), self._redraw
        scrub.observe(lambda _: worker.wake(redraw), "value")
        explain(scrub, NO_EPOCH)
        return scrub

    @property
    def setup(self) -> TrainingChoices:
        """The choices as the controls show them."""
        return self._first._replace(**{name: control.value for name, control in self.controls.items()})

    def start(self) -> None:
        """Start a training, or continue a paused one."""
        if self.trainer is not None and self.trainer.alive:
            self.trainer.pause(False)
        else:
            self._begin()

    def pause(self) -> None:
        """Pause the training, or continue it."""
        if self.trainer is not None and self.trainer.alive:
            self.trainer.pause(self.trainer.state != "paused")
        else:
            self._show_message("Nothing is training: press Start.")

    def step(self) -> None:
        """Take one step, then pause."""
        if self.trainer is None or not self.trainer.alive:
            self._begin(paused=True)
        assert self.trainer is not None
        self.trainer.step()

    def stop(self) -> None:
        """Stop the training; curves and pictures stay."""
        if self.trainer is not None:
            self.trainer.stop()
        else:
            self._show_message("Nothing is training: press Start.")

    def restart(self) -> None:
        """Stop, and start again with the present choices."""
        if self.trainer is not None:
            self.trainer.stop()
        self._begin()

    def show_code(self) -> None:
        """Show the code of this run below the picture, and copy it to the clipboard or select it."""
        if not self._trained:
            self._show_message("Nothing has been trained yet: press Start.")
            return
        self._presses += 1  # the same code is copied again
        self.listing.value, self.listing.layout.display = self.code, None
        self.copied.value, self.copied.layout.display = COPY.format(press=self._presses), None

    @property
    def code(self) -> str:
        """A cell that reproduces the run so far; before the first start, a comment that says so."""
        trainer = self.trainer
        if trainer is None or trainer.call is None or not self._trained:
            return "# Nothing has been trained yet: press Start first."
        steps = trainer.record.steps
        interventions = [change for change in trainer.record.history.interventions if change.step < steps]
        return code(trainer.setup, trainer.call, steps, interventions)

    @property
    def _trained(self) -> bool:
        return self.trainer is not None and self.trainer.record.steps > 0

    def settle(self, timeout: float = 60.0) -> bool:
        """Wait for the end of the training and its last picture; return whether it came in time."""
        checks.in_range("timeout", timeout, 0, threading.TIMEOUT_MAX)
        if self.trainer is not None and not self.trainer.join(timeout):
            return False
        return worker.idle(timeout)

    def _begin(self, *, paused: bool = False) -> None:
        self._renew_scrub(self.controls["epochs"].value)
        self.trainer = Trainer(self.setup, weakly(self._on_change), paused=paused)
        self._background["training"] = self.trainer.stop
        self._show_message("Starting.")
        self.trainer.start()
        self._show_actions()

    def _renew_scrub(self, epochs: int) -> None:
        """Let the slider over the epochs end at the last one: in a browser, End goes to the end it was built with."""
        if epochs == self.scrub.max:
            self.scrub.value = epochs
            explain(self.scrub, NO_EPOCH)
            return
        old, self.scrub = self.scrub, self._new_scrub(epochs)
        self._look_back.children = [self.scrub]
        for part in tree(old):
            part.close()

    def _steer(self, change: Mapping[str, Any], name: str) -> None:
        if self.trainer is not None:
            self.trainer.steer(TUNABLE[name], change["new"])
            worker.wake(self._redraw, self._next)  # a paused training does not report the change

    def _reasons(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return why parameters act neither on the training that runs nor on the next one."""
        reasons, trainer = super()._reasons(values), self.trainer
        if trainer is None or not trainer.active:
            return reasons
        return {name: why for name, why in reasons.items() if name in unused(trainer.setup._asdict())}

    def _note(self, reasons: Mapping[str, str]) -> None:
        super()._note(reasons)
        _, later = self._waiting()
        if changed := [f"{self._label(name)} {shown(value)}" for name, value in later.items() if name not in reasons]:
            self.notes.value += html.escape(f" Press Restart to train with {', '.join(changed)}.")

    def _waiting(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the values that act at the next step, and those that act after a restart, by name."""
        trainer = self.trainer
        if trainer is None:
            return {}, {}
        used = trainer.setup._asdict() | {SLIDERS[c.name]: c.new for c in trainer.record.history.interventions}
        changed = {name: value for name, value in self.setup._asdict().items() if value != used[name]}
        steered = TUNABLE.keys() - unused(trainer.setup._asdict()) if trainer.active else set()
        return (
            {name: value for name, value in changed.items() if name in steered},
            {name: value for name, value in changed.items() if name not in steered},
        )

    def _show_actions(self) -> None:
        """Disable the buttons and controls that have no effect now, with the reason."""
        active = self.trainer is not None and self.trainer.active
        running = active and self.trainer is not None and self.trainer.state != "paused"
        reasons = {"Start": "it is running" if running else ""}
        reasons |= dict.fromkeys(("Pause", "Stop"), "" if active else "nothing is training")
        for name, why in reasons.items():
            self.buttons[name].disabled, self.buttons[name].tooltip = bool(why), why or self._hints[name]
        self._explain()

    def _on_change(self, trainer: Trainer) -> None:
        """On the training's thread."""
        if self.box.comm is None:
            trainer.stop()  # the panel was closed
        elif trainer is self.trainer:
            worker.wake(self._redraw, self._next)

    def _draw(self) -> None:
        """On the worker's thread: draw the newest state, or that of a past epoch."""
        trainer = self.trainer
        if trainer is None:
            return
        try:
            record, past = trainer.record, self._past(trainer)
            snapshot = past or record.latest
            if snapshot is not None:
                state = evaluate(self._copy(trainer), trainer, snapshot)
                self.picture.value = self._figure.preview({"state": state})
                self.readout.value = readout(trainer, state, self._waiting()[0]).html()
            self._show_message(progress(trainer, past, self.scrub.value))
            self._show_actions()
            self.draws += 1
            self._next = time.monotonic() + MIN_INTERVAL
        except Exception as error:  # show it in the panel: the thread has no visible log
            self._show_message(f"No picture: {reason_of(error)}; the training continues. Press Restart to train again.")

    def _past(self, trainer: Trainer) -> Snapshot | None:
        """Return the stored epoch nearest to the slider; None at its end and for an epoch still to come."""
        epochs, chosen = trainer.record.epochs, self.scrub.value
        if epochs:
            explain(self.scrub, "")
        if chosen == self.scrub.max or not epochs or chosen > epochs[-1].epoch:
            return None
        return min(epochs, key=lambda snapshot: abs(snapshot.epoch - chosen))

    def _copy(self, trainer: Trainer) -> Experiment:
        """Copy the experiment for the weights of a snapshot; the one in training is never read."""
        if self._twin is None or self._twin[0] is not trainer:
            assert trainer.experiment is not None
            self._twin = trainer, copy.deepcopy(trainer.experiment)
        return self._twin[1]

    def _show_message(self, sentence: str) -> None:
        self.message.value = f"<p style='margin:0.4em 0'>{html.escape(sentence)}</p>"
