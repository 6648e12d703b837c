"""What runs behind the training panel: a training that is started, paused, steered and looked back at."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from vaelab.live.controls import explain
from vaelab.live.figure import Values
from vaelab.live.lifetime import weakly
from vaelab.live.panels.training_example import data_row
from vaelab.live.panels.training_figure import evaluate, untrained_state
from vaelab.live.panels.training_texts import SLIDERS, TUNABLE, progress, shown
from vaelab.live.process import Action, Process
from vaelab.live.trainer import Snapshot, Trainer
from vaelab.live.training_config import TrainingChoices, code, unused
from vaelab.objectives.objective import Experiment

NOTHING = "Nothing is training: press Start."


class Training(Process):
    """A training with the choices of a panel; each method does what its button does, and returns at once.

    Args:
        first: Choices at the start.
        pause_at: Epochs after which a training pauses by itself.
        panel: The panel.
    """

    actions = (
        Action("Start", "start", "train with these choices"),
        Action("Pause", "pause", "pause, or continue"),
        Action("Step", "step", "one step, then pause"),
        Action("Stop", "stop", "stop; curves and pictures stay"),
        Action("Restart", "restart", "train again with these choices"),
        Action("Copy as code", "show_code", "the cell that reproduces this run"),
    )
    remedy = "the training continues. Press Restart to train again."
    no_past = "after the first epoch"

    def __init__(self, first: TrainingChoices, pause_at: Sequence[int], panel: Any) -> None:
        super().__init__(panel)
        self.trainer: Trainer | None = None
        self._first, self._pause_at = first, pause_at
        self._twin: tuple[Trainer, Experiment] | None = None

    @property
    def setup(self) -> TrainingChoices:
        """The choices as the controls show them."""
        return self._first._replace(**{name: control.value for name, control in self.panel.controls.items()})

    @property
    def moments(self) -> int:
        """Epochs of the next training."""
        return self.setup.epochs

    @property
    def active(self) -> bool:
        """Whether a training has not ended."""
        return self.trainer is not None and self.trainer.active

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
            self.panel.say(NOTHING)

    def step(self) -> None:
        """Take one step, then pause."""
        if self.trainer is None or not self.trainer.alive:
            self._begin(paused=True)
        assert self.trainer is not None
        self.trainer.step()

    def stop(self) -> None:
        """Stop the training; curves and pictures stay."""
        if self.trainer is None:
            self.panel.say(NOTHING)
        self.halt()

    def halt(self) -> None:
        """Stop the training, if there is one."""
        if self.trainer is not None:
            self.trainer.stop()

    def restart(self) -> None:
        """Stop, and start again with the present choices."""
        self.halt()
        self._begin()

    def show_code(self) -> None:
        """Show the code of this run below the picture, and copy it to the clipboard or select it."""
        if self._trained:
            self.list_code()
        else:
            self.panel.say("Nothing has been trained yet: press Start.")

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

    def join(self, timeout: float) -> bool:
        """Wait for the end of the training, and return whether it came within `timeout` seconds."""
        return self.trainer is None or self.trainer.join(timeout)

    def _begin(self, *, paused: bool = False) -> None:
        self.renew_scrub(self.moments)
        self.trainer = Trainer(self.setup, weakly(self._on_change), paused=paused, pause_at=self._pause_at)
        self.panel.say("Starting.")
        self.trainer.start()
        self.disable()

    def _on_change(self, trainer: Trainer) -> None:
        """On the training's thread."""
        if self.panel.box.comm is None:
            trainer.stop()  # the panel was closed
        elif trainer is self.trainer:
            self.panel.redraw()

    def steer(self, name: str, value: Any) -> None:
        """Change a parameter of the training that runs."""
        if self.trainer is not None and name in TUNABLE:
            self.trainer.steer(TUNABLE[name], value)

    def reasons(self, reasons: dict[str, str]) -> dict[str, str]:
        """Return why parameters act neither on the training that runs nor on the next one."""
        if self.trainer is None or not self.trainer.active:
            return reasons
        return {name: why for name, why in reasons.items() if name in unused(self.trainer.setup._asdict())}

    def note(self, reasons: Mapping[str, str]) -> str:
        """Return which choices act after a restart."""
        _, later = self._changes()
        labels = {control.name: getattr(control, "label", control.name) for control in self.panel.spec.controls}
        changed = [f"{labels[name]} {shown(value)}" for name, value in later.items() if name not in reasons]
        return f" Press Restart to train with {', '.join(changed)}." if changed else ""

    def _changes(self) -> tuple[dict[str, Any], dict[str, Any]]:
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

    def off(self) -> dict[str, str]:
        """Return why buttons have no effect now."""
        if self.trainer is None or not self.trainer.active:
            return dict.fromkeys(("Pause", "Stop"), "nothing is training")
        return {} if self.trainer.state == "paused" else {"Start": "it is running"}

    @property
    def status(self) -> str:
        """State, step and speed in one sentence."""
        if self.trainer is None:
            return "Select a model, then press Start."
        return progress(self.trainer, self._past(self.trainer), self.scrub.value)

    def look(self, values: Values) -> Values:
        """Return the newest state, or that of a past epoch, and what its texts need."""
        trainer = self.trainer
        setup, waiting = self.setup if trainer is None else trainer.setup, self._changes()[0]
        if trainer is not None and (snapshot := self._past(trainer) or trainer.record.latest) is not None:
            state = evaluate(self._copy(trainer), trainer, snapshot)
        else:
            state = untrained_state(data_row(setup.data))
        return {"state": state, "trainer": trainer, "setup": setup, "waiting": waiting}

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
