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
from vaelab.live.controls import LABEL_STYLE, Control
from vaelab.live.figure import LiveFigure, png
from vaelab.live.lifetime import weakly
from vaelab.live.panel import Readout
from vaelab.live.panels.training_example import alt, example, filmstrip
from vaelab.live.panels.training_figure import TrainingState, draw, evaluate
from vaelab.live.trainer import Snapshot, Trainer, nearest
from vaelab.live.training_config import TrainingChoices, check_choices, code, training_controls
from vaelab.live.worker import worker
from vaelab.objectives.objective import Experiment
from vaelab.runs.executors import reason_of

SIZES = {"notebook": (10.0, 5.0), "paper": (10.0, 5.0), "talk": (14.0, 7.4)}
# Name of a slider -> name of the parameter that it changes in a running training.
TUNABLE = {"alpha": "alpha", "gamma": "gamma", "beta": "weight", "consistency": "consistency", "lr": "lr"}
MIN_INTERVAL = 0.5  # seconds between two pictures of a running training
MAX_LISTED = 5  # changes of parameters that the readout spells out
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

    @typed
    def __init__(self, setup: TrainingChoices, style: plots.Style) -> None:
        check_choices(setup)
        choices, parameters = training_controls(setup)
        width, height = plots.size_for(SIZES, style)
        figure, name = LiveFigure(draw, width, height, style), example(setup)
        strip, describe = partial(filmstrip, name), partial(alt, name)
        super().__init__([*choices, *parameters], PRESETS, filmstrip=strip, alt=describe, caption=CAPTION)
        self._first, self._figure, self._redraw = setup, figure, weakly(self._draw)
        self.trainer: Trainer | None = None
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
        self.scrub = widgets.IntSlider(
            value=0, min=0, max=0, description="look back", style=LABEL_STYLE, layout={"width": "37em"}
        )
        redraw = self._redraw
        self.scrub.observe(lambda _: worker.wake(redraw), "value")
        self.listing = widgets.Textarea(layout={**wide, "height": "13em", "display": "none"})
        actions = {
            "Start": (self.start, "train with these choices"),
            "Pause": (self.pause, "pause or continue"),
            "Step": (self.step, "one step, then pause"),
            "Stop": (self.stop, "stop; curves and pictures stay"),
            "Restart": (self.restart, "train again with these choices"),
            "Copy as code": (self.show_code, "the cell that reproduces this run"),
        }
        buttons = [self._button(label, press, hint) for label, (press, hint) in actions.items()]
        lines = self._rows(choices, self._preset_buttons())
        lines += self._rows(parameters, buttons)
        self.box = self._container([*lines, self.message, self.picture, self.readout, self.scrub, self.listing], style)

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

    def restart(self) -> None:
        """Stop, and start again with the present choices."""
        self.stop()
        self._begin()

    def show_code(self) -> None:
        """Show the code of this run below the picture, to be copied into a cell."""
        self.listing.value, self.listing.layout.display = self.code, None

    @property
    def code(self) -> str:
        """A cell that reproduces the run so far; before the first start, a comment that says so."""
        trainer = self.trainer
        if trainer is None or trainer.call is None or not trainer.record.steps:
            return "# Nothing has been trained yet: press Start first."
        steps = trainer.record.steps
        interventions = [change for change in trainer.record.history.interventions if change.step < steps]
        return code(trainer.setup, trainer.call, steps, interventions)

    def settle(self, timeout: float = 60.0) -> bool:
        """Wait for the end of the training and its last picture; return whether it came in time."""
        checks.in_range("timeout", timeout, 0, threading.TIMEOUT_MAX)
        if self.trainer is not None and not self.trainer.join(timeout):
            return False
        return worker.idle(timeout)

    def _begin(self, *, paused: bool = False) -> None:
        self.scrub.value, self.scrub.max = 0, 0
        self.trainer = Trainer(self.setup, weakly(self._on_change), paused=paused)
        self._background["training"] = self.trainer.stop
        self.trainer.start()

    def _steer(self, change: Mapping[str, Any], name: str) -> None:
        if self.trainer is not None:
            self.trainer.steer(TUNABLE[name], change["new"])

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
            record, epoch = trainer.record, self.scrub.value
            if self.scrub.max != len(record.epochs):
                self.scrub.max = len(record.epochs)
            snapshot = record.epochs[epoch - 1] if 0 < epoch <= len(record.epochs) else record.latest
            if snapshot is not None:
                state = evaluate(self._copy(trainer), trainer, snapshot)
                self.picture.value = self._figure.preview({"state": state})
                self.readout.value = _readout(trainer, state).html()
            self._show_message(_progress(trainer, snapshot if epoch else None))
            self.draws += 1
            self._next = time.monotonic() + MIN_INTERVAL
        except Exception as error:  # show it in the panel: the thread has no visible log
            self._show_message(f"No picture: {reason_of(error)}; the training continues. Press Restart to train again.")

    def _copy(self, trainer: Trainer) -> Experiment:
        """Copy the experiment for the weights of a snapshot; the one in training is never read."""
        if self._twin is None or self._twin[0] is not trainer:
            assert trainer.experiment is not None
            self._twin = trainer, copy.deepcopy(trainer.experiment)
        return self._twin[1]

    def _show_message(self, sentence: str) -> None:
        self.message.value = f"<p style='margin:0.4em 0'>{html.escape(sentence)}</p>"


def _progress(trainer: Trainer, past: Snapshot | None) -> str:
    """Describe state, step and speed; `past` is the epoch that the pictures show."""
    record = trainer.record
    if trainer.state == "failed":
        return f"Training stopped: {trainer.sentence}"
    speed = f", {record.per_second:,.0f} images/s" if trainer.state == "running" and record.per_second else ""
    note = f"; the pictures show epoch {past.epoch}" if past is not None else ""
    return f"{trainer.state.capitalize()}: step {record.steps} of {record.total}{speed}{note}."


def _readout(trainer: Trainer, state: TrainingState) -> Readout:
    """Return the numbers at the cursor, and the changes of parameters."""
    rows: list[tuple[str, str]] = []
    if state.points:
        p = nearest(state.points, state.cursor)
        rows = [
            ("reconstruction", f"{p.nll:.2f} nats"),
            (trainer.setup.divergence, f"{p.divergence:.2f} nats"),
            ("gamma", f"{p.gamma:.3f}"),
            ("rate", f"{p.rate:.2f} nats"),
            ("squared error", f"{p.distortion:.2f} per image"),
        ]
        if trainer.setup.views != "no":
            rows.append(("KL(q(z|view)‖q(z|image))", f"{p.consistency:.2f} nats"))
    changes = trainer.record.history.interventions
    if not changes:
        return Readout(rows, "")
    latest = "; ".join(f"step {c.step}: {c.name} {c.old:.3g} → {c.new:.3g}" for c in changes[-MAX_LISTED:])
    earlier = f"{len(changes) - MAX_LISTED} earlier; " if len(changes) > MAX_LISTED else ""
    return Readout(rows, f"changed: {earlier}{latest}")
