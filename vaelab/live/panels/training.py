"""The training panel: choose, start, steer while it runs, go back through the epochs, take the code away."""

import copy
import html
import time
from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any

import ipywidgets as widgets
import numpy as np
import torch

from vaelab import plots
from vaelab._utils.errors import InvalidValue
from vaelab._utils.images import to_float
from vaelab.live import controls as hand
from vaelab.live.controls import Choice, Control, Slider
from vaelab.live.figure import LiveFigure
from vaelab.live.filmstrip import film_strip
from vaelab.live.frame import frame
from vaelab.live.images import base64_text, png
from vaelab.live.panels.training_figure import IMAGES, Frame, draw
from vaelab.live.trainer import Snapshot, Trainer
from vaelab.live.training_config import AUGMENTED, DATA, DIVERGENCES, NETWORKS, POLICIES, TrainingChoices, code
from vaelab.live.worker import worker
from vaelab.objectives.objective import Experiment

SIZES = {"notebook": (10.0, 5.0), "paper": (10.0, 5.0), "talk": (14.0, 7.4)}
KNOBS = {
    "alpha": "alpha",
    "gamma": "gamma",
    "beta": "weight",
    "consistency": "consistency",
    "lr": "lr",
}  # slider -> knob of the engine
DRAW = 0.5  # seconds from one picture of a running training to the next, at least
LISTED = 5  # turns of sliders that are spelled out
CAPTION = (
    "A VAE in training: two parts of the loss, gamma, the way through the rate-distortion plane; below data, "
    "reconstructions, samples, and the latent plane. Run the cell to train it yourself and to turn alpha, gamma, beta, "
    "lambda and the learning rate while it runs."
)
PRESETS: dict[str, dict[str, Any]] = {
    "ordinary VAE": {"divergence": "KL(q‖p)", "policy": "fixed", "beta": 1.0, "gamma": 0.2},
    "collapse": {"divergence": "KL(q‖p)", "policy": "fixed", "beta": 10.0, "gamma": 0.7},
    "dual at small alpha": {"divergence": "dual JS", "policy": "fixed", "alpha": 0.05, "beta": 1.0, "gamma": 0.2},
    "computed gamma": {"divergence": "KL(q‖p)", "policy": "computed", "beta": 1.0},
    "consistent": {"divergence": "KL(q‖p)", "policy": "fixed", "views": "simple", "consistency": 1.0, "beta": 1.0},
}


def training_panel(
    setup: TrainingChoices | None = None, *, style: plots.Style = "notebook", **choices: Any
) -> "TrainingPanel":
    """A panel that trains small VAEs in the background: training_panel(data="mnist-mini", divergence="JS", alpha=0.5).

    choices: the fields of `vaelab.live.TrainingChoices`.  Nothing starts before Start is pressed.

    Raises InvalidValue for a choice that is not there, or outside its slider.
    """
    if unknown := choices.keys() - set(TrainingChoices._fields):
        raise InvalidValue(f"no choice {min(unknown)!r} here; there are {', '.join(TrainingChoices._fields)}.")
    return TrainingPanel((setup or TrainingChoices())._replace(**choices), style)


def _controls(s: TrainingChoices) -> tuple[list[Control], list[Control]]:
    """The choices that need a new start, and the sliders of a running training."""
    choices: list[Control] = [
        Choice("data", "data", DATA, s.data),
        Choice("network", "network", tuple(NETWORKS), s.network),
        Slider("latent", "latents", 1, 32, s.latent, 1, whole=True),
        Choice("divergence", "divergence", DIVERGENCES, s.divergence),
        Choice("policy", "gamma is", POLICIES, s.policy),
        Choice("views", "views", AUGMENTED, s.views),
        Slider("epochs", "epochs", 1, 400, s.epochs, 1, whole=True),
    ]
    sliders: list[Control] = [
        Slider("alpha", "skew α", 0, 1, s.alpha),
        Slider("gamma", "gamma", 0.02, 2, s.gamma, 0.02, log=True),
        Slider("beta", "beta", 0.05, 20, s.beta, 0.02, log=True),
        Slider("consistency", "views' λ", 0.01, 100, s.consistency, 0.05, log=True),
        Slider("lr", "learning rate", 1e-5, 0.1, s.lr, 0.05, log=True),
    ]
    return choices, sliders


class TrainingPanel:
    """Made by `training_panel`.  start(), pause(), step(), stop(), restart(), set(...), code: as the buttons do it."""

    def __init__(self, setup: TrainingChoices, style: plots.Style) -> None:
        choices, sliders = _controls(setup)
        self._specs = {c.name: c for c in (*choices, *sliders)}
        for spec in self._specs.values():
            hand.accept(spec, spec.start)
        self._start, self._style = setup, style
        self.trainer: Trainer | None = None
        self._twin: tuple[Trainer, Experiment] | None = None
        self.controls = {name: hand.build(spec) for name, spec in self._specs.items()}
        for name in KNOBS:
            self.controls[name].observe(partial(self._turn, name), "value")
        width, height = plots.size_for(SIZES, style)
        self._figure = LiveFigure(draw, width, height, style)
        self._build(choices, sliders, style)
        self.draws, self._next = 0, 0.0
        self._tell("Choose, then press Start.")

    def _build(self, choices: list[Control], sliders: list[Control], style: plots.Style) -> None:
        width, height = (f"{n}px" for n in self._figure.size)
        wide = {"width": width, "max_width": "100%"}
        self.picture = widgets.Image(layout=widgets.Layout(height=height, object_fit="contain", **wide))
        self.picture.value = png(np.full((8, 16), 245, np.uint8))
        self.message = widgets.HTML(layout=widgets.Layout(height="3.2em", **wide))
        self.readout = widgets.HTML(layout=widgets.Layout(height="7.5em", **wide))
        self.scrub = widgets.IntSlider(
            value=0, min=0, max=0, description="look back", style=hand.LABEL, layout=widgets.Layout(width="37em")
        )
        self.scrub.observe(lambda _: worker.wake(self._draw), "value")
        self.listing = widgets.Textarea(layout=widgets.Layout(height="13em", display="none", **wide))
        actions = {
            "Start": (self.start, "train with these choices"),
            "Pause": (self.pause, "hold, or go on"),
            "Step": (self.step, "one step, then hold"),
            "Stop": (self.stop, "end; everything stays to look at"),
            "Restart": (self.restart, "begin again with these choices"),
            "Copy as code": (self.show_code, "the cell that reproduces this run"),
        }
        self.buttons = {label: hand.button(label, press, hint) for label, (press, hint) in actions.items()}
        presets = [hand.button(k, partial(self.set, **v), f"choose: {k}") for k, v in PRESETS.items()]
        lines = hand.rows(choices, self.controls, presets) + hand.rows(sliders, self.controls, [*self.buttons.values()])
        parts = [*lines, self.message, self.picture, self.readout, self.scrub, self.listing]
        self.box = frame(parts, style)

    # -- what the hand does; all of it returns at once

    @property
    def setup(self) -> TrainingChoices:
        """The choices as they stand."""
        return self._start._replace(**{name: control.value for name, control in self.controls.items()})

    def set(self, **values: Any) -> None:
        """Move controls by code.  Raises InvalidValue for a name that is not there or a value out of range."""
        if unknown := values.keys() - self.controls.keys():
            raise InvalidValue(f"no control {min(unknown)!r} here; this panel has {', '.join(self.controls)}.")
        accepted = {name: hand.accept(self._specs[name], value) for name, value in values.items()}
        for name, value in accepted.items():
            self.controls[name].value = value

    def start(self) -> None:
        """Begin, unless a training is under way; a paused one goes on."""
        if self.trainer is not None and self.trainer.alive:
            self.trainer.pause(False)
        else:
            self._begin()

    def pause(self) -> None:
        """Hold the training, or let it go on."""
        if self.trainer is not None and self.trainer.alive:
            self.trainer.pause(self.trainer.state != "paused")

    def step(self) -> None:
        """One step, then hold."""
        if self.trainer is None or not self.trainer.alive:
            self._begin(paused=True)
        assert self.trainer is not None
        self.trainer.step()

    def stop(self) -> None:
        """End the training; what it has reached stays."""
        if self.trainer is not None:
            self.trainer.stop()

    def restart(self) -> None:
        """Stop, and begin again with the choices as they stand."""
        self.stop()
        self._begin()

    def close(self) -> None:
        """Stop the training and close the widgets."""
        self.stop()
        self.box.close()

    def show_code(self) -> None:
        """Show the code of this run below the picture, to be copied into a cell."""
        self.listing.value, self.listing.layout.display = self.code, None

    @property
    def code(self) -> str:
        """The cell that reproduces the run so far; before the first start, a sentence that says so."""
        trainer = self.trainer
        if trainer is None or trainer.call is None or not trainer.record.steps:
            return "# Nothing has been trained yet: press Start first."
        record = trainer.record
        steps = record.steps
        turns = [turn for turn in record.history.interventions if turn.step < steps]
        return code(trainer.setup, trainer.call, steps, turns)

    def settle(self, timeout: float = 60.0) -> bool:
        """Wait until the training has ended and its last picture is shown; False if that took longer."""
        if self.trainer is not None and not self.trainer.join(timeout):
            return False
        return worker.idle(timeout)

    def _begin(self, *, paused: bool = False) -> None:
        self.scrub.value, self.scrub.max = 0, 0
        self.trainer = Trainer(self.setup, self._published, paused=paused)
        self.trainer.start()

    def _turn(self, name: str, change: Mapping[str, Any]) -> None:
        if self.trainer is not None:
            self.trainer.turn(KNOBS[name], change["new"])

    # -- what the training and the worker do

    def _published(self, trainer: Trainer) -> None:
        """On the training's thread."""
        if self.box.comm is None:
            trainer.stop()  # the panel was closed
        elif trainer is self.trainer:
            worker.wake(self._draw, self._next)

    def _draw(self) -> None:
        """On the worker's thread: the newest state, or the one chosen for looking back."""
        trainer = self.trainer
        if trainer is None:
            return
        try:
            if self.scrub.max != len(trainer.record.epochs):
                self.scrub.max = len(trainer.record.epochs)
            shown = self._chosen(trainer)
            if shown is not None:
                seen = self._frame(trainer, shown)
                self.picture.value = self._figure.render({"frame": seen})
                self.readout.value = _readout(trainer, seen)
            self._tell(_state(trainer, shown, self.scrub.value))
            self.draws += 1
            self._next = time.monotonic() + DRAW
        except Exception as error:  # a sentence in the panel, whatever it is
            self._tell(f"The picture cannot be drawn: {error}; training goes on, press Restart to begin again.")

    def _chosen(self, trainer: Trainer) -> Snapshot | None:
        epochs, back = trainer.record.epochs, self.scrub.value
        return epochs[back - 1] if 0 < back <= len(epochs) else trainer.record.latest

    def _frame(self, trainer: Trainer, shown: Snapshot) -> Frame:
        return look(self._copy(trainer), trainer, shown)

    def _copy(self, trainer: Trainer) -> Experiment:
        """A twin of the experiment that takes any snapshot's weights; the one in training is never read."""
        if self._twin is None or self._twin[0] is not trainer:
            assert trainer.experiment is not None
            self._twin = trainer, copy.deepcopy(trainer.experiment).cpu()
        return self._twin[1]

    def _tell(self, sentence: str) -> None:
        self.message.value = f"<p style='margin:0.4em 0'>{html.escape(sentence)}</p>"

    # -- without a kernel

    @cached_property
    def strip(self) -> bytes:
        """Images and latent plane along a short training with the first choices, as PNG bytes."""
        trainer, shown = self._rehearsal
        assert trainer.experiment is not None
        twin = copy.deepcopy(trainer.experiment).cpu()
        frames = [{"frame": look(twin, trainer, s)} for s in shown]
        titles = [f"epoch {s.epoch}" for s in shown]
        return png(film_strip(partial(draw, stacked=True), frames, titles, 9.6, 4.2), small=True)

    @cached_property
    def _rehearsal(self) -> tuple[Trainer, list[Snapshot]]:
        short = self._start._replace(epochs=min(self._start.epochs, 12), batch=min(self._start.batch, 256))
        trainer = Trainer(short, lambda _: None).start()
        if not trainer.join() or trainer.state != "finished":
            raise InvalidValue(f"the film-strip's training did not end well: {trainer.sentence or trainer.state}")
        epochs = trainer.record.epochs
        return trainer, [epochs[i] for i in sorted({0, len(epochs) // 3, len(epochs) - 1})]

    @cached_property
    def alt(self) -> str:
        """What the film-strip shows, from its numbers."""
        trainer, shown = self._rehearsal
        points = [min(trainer.record.points, key=lambda p: abs(p.step - s.step)) for s in shown]
        listed = "; ".join(
            f"epoch {s.epoch}: squared error {p.distortion:.1f}, rate {p.rate:.1f} nats"
            for s, p in zip(shown, points, strict=True)
        )
        return f"Film-strip of a VAE in training, with data, reconstructions, samples and the latent plane. {listed}."

    @property
    def caption(self) -> str:
        """What to look for."""
        return CAPTION

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """The living widget and, for readers without a kernel, the film-strip with its alt text."""
        still = {"text/plain": self.alt, "image/png": base64_text(self.strip)}
        return {**self.box._repr_mimebundle_(), **still}, {"image/png": {"alt": self.alt}}


def look(twin: Experiment, trainer: Trainer, shown: Snapshot) -> Frame:
    """What the weights of a snapshot make of the probe; `twin` takes them."""
    twin.load_state_dict(shown.weights)
    twin.eval()
    x = to_float(trainer.images)
    means = twin.encode(x).mean
    axes = means.var(0).argsort(descending=True)[:2] if means.shape[1] > 2 else torch.arange(means.shape[1])
    plane = torch.zeros(len(means), 2)
    plane[:, : len(axes)] = means[:, axes]
    noise = torch.randn(IMAGES, means.shape[1], generator=torch.Generator().manual_seed(0))
    images = torch.stack([x[:IMAGES], twin.decode(means[:IMAGES]), twin.decode(noise)])[:, :, 0]
    turns = [turn.step for turn in trainer.record.history.interventions]
    labels = trainer.labels.numpy()
    return Frame(list(trainer.record.points), turns, shown.step, images.numpy(), plane.numpy(), labels)


def _state(trainer: Trainer, shown: Snapshot | None, back: int) -> str:
    """Where the training stands, in one sentence."""
    record = trainer.record
    if trainer.state == "failed":
        return f"Training stopped: {trainer.sentence}"
    where = f"step {record.steps} of {record.total}"
    speed = f", {record.per_second:,.0f} images/s" if trainer.state == "running" and record.per_second else ""
    behind = f"; the pictures show epoch {shown.epoch}" if back and shown is not None else ""
    return f"{trainer.state.capitalize()}: {where}{speed}{behind}."


def _readout(trainer: Trainer, seen: Frame) -> str:
    """The numbers at the cursor, and the turns of the sliders."""
    lines = []
    if seen.points:
        p = min(seen.points, key=lambda point: abs(point.step - seen.cursor))
        cells = [
            ("reconstruction", f"{p.nll:.2f} nats"),
            (trainer.setup.divergence, f"{p.divergence:.2f} nats"),
            ("gamma", f"{p.gamma:.3f}"),
            ("rate", f"{p.rate:.2f} nats"),
            ("squared error", f"{p.distortion:.2f} per image"),
        ]
        if trainer.setup.views != "no":
            cells.append(("KL(q(z|view)‖q(z|image))", f"{p.consistency:.2f} nats"))
        lines.append(" &nbsp; ".join(f"{html.escape(name)} <b>{value}</b>" for name, value in cells))
    turns = trainer.record.history.interventions
    if turns:
        told = "; ".join(f"step {t.step}: {t.name} {t.old:.3g} → {t.new:.3g}" for t in turns[-LISTED:])
        earlier = f"{len(turns) - LISTED} earlier; " if len(turns) > LISTED else ""
        lines.append(f"turned: {earlier}{html.escape(told)}")
    return f"<div style='line-height:1.5'>{'<br>'.join(lines)}</div>"
