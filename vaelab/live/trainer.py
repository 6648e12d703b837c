"""A training in a background thread that can be paused, stepped, stopped and steered.

It publishes copies of its weights and never waits for a picture. It prints nothing, and it has its
own random generator.
"""

import atexit
import threading
import time
import weakref
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from vaelab._utils import rng
from vaelab._utils.errors import TrainingError, UserError
from vaelab.data.loading import load
from vaelab.live.training_config import Call, TrainingChoices
from vaelab.models.vae import eval_mode, group_rates
from vaelab.objectives.objective import Experiment
from vaelab.runs.executors import reason_of
from vaelab.training.history import History
from vaelab.training.interventions import Interventions, TunableParameters
from vaelab.training.loop import Progress, train

MIN_INTERVAL = 0.25  # seconds between two points of the curves
N_PROBE = 200  # images that are encoded for the pictures
MAX_SNAPSHOTS = 40  # with more, every second one is dropped
_building = threading.Lock()
_started: "weakref.WeakSet[Trainer]" = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """End the trainings before the interpreter does: it would abort inside torch."""
    running = [trainer for trainer in _started if trainer.alive]
    for trainer in running:
        trainer.stop()
    for trainer in running:
        trainer.join(10)


class Point(NamedTuple):
    """Means over the steps since the last point, in nats per image.

    Rate and distortion are those of the probe; gamma is NaN and consistency 0 where there is none.
    """

    step: int
    nll: float
    divergence: float
    gamma: float
    rate: float  # KL(q‖p)
    distortion: float  # squared error of sampled codes
    consistency: float = 0.0
    groups: tuple[float, ...] = ()  # the rate of every group of latents, coarse to fine


def nearest(points: Sequence[Point], step: int) -> Point:
    """Return the point whose step is nearest to a given one."""
    return min(points, key=lambda point: abs(point.step - step))


class Snapshot(NamedTuple):
    """Weights of an experiment during training.

    Args:
        step: Number of steps done.
        epoch: Number of epochs done.
        weights: State dict.
    """

    step: int
    epoch: int
    weights: dict[str, Tensor]


@dataclass
class _Record:
    """The published record of a training; lists grow or are replaced, so any thread may read."""

    points: list[Point] = field(default_factory=list)
    epochs: list[Snapshot] = field(default_factory=list)
    latest: Snapshot | None = None
    history: History = field(default_factory=History)
    steps: int = 0
    total: int = 0
    per_second: float = 0.0  # images


class Trainer:
    """One training in a daemon thread.

    Its `state` is starting, running, paused, stopped, finished or failed; `sentence` says why.

    Args:
        setup: What to train.
        on_change: on_change(trainer), called on the thread at every change.
        paused: Whether to pause before the first step.
        interval: Seconds between two points of the curves.
        pause_at: Epochs after which the training pauses by itself; `planned` is the one where it waits, else 0.
    """

    def __init__(
        self,
        setup: TrainingChoices,
        on_change: Callable[["Trainer"], None],
        *,
        paused: bool = False,
        interval: float = MIN_INTERVAL,
        pause_at: Collection[int] = (),
    ) -> None:
        self.pause_at, self.planned = frozenset(pause_at), 0
        self.setup, self.on_change, self.interval, self.record = setup, on_change, interval, _Record()
        self.interventions = Interventions()
        self.steerable: frozenset[str] | None = None
        self._early: dict[str, float] = {}  # set before the experiment is built
        self.call: Call | None = None
        self.experiment: Experiment | None = None
        self.images = self.labels = torch.empty(0)
        self.state, self.sentence = "starting", ""
        self._gate = threading.Condition()
        self._paused, self._stopped, self._granted = paused, False, 0
        self._thread = threading.Thread(target=self._run, name="vaelab-training", daemon=True)

    def start(self) -> "Trainer":
        """Start the thread; may be called once."""
        _started.add(self)
        self._thread.start()
        return self

    def pause(self, paused: bool = True) -> None:
        """Pause after the current step, or continue."""
        with self._gate:
            self._paused = paused
            if not paused:
                self.planned = 0
            self._gate.notify_all()

    def step(self) -> None:
        """Take one step, then pause."""
        with self._gate:
            self._paused, self._granted, self.planned = True, self._granted + 1, 0
            self._gate.notify_all()

    def stop(self) -> None:
        """Stop after the current step."""
        with self._gate:
            self._stopped = True
            self._gate.notify_all()

    def steer(self, name: str, value: float) -> None:
        """Set a parameter; nothing happens if the experiment lacks it or the training has ended."""
        with self._gate:
            if self.steerable is None:
                self._early[name] = value
            elif name in self.steerable and self.alive:
                self.interventions.set(**{name: value})

    def join(self, timeout: float = 60.0) -> bool:
        """Wait for the end of the training, and return whether it came within `timeout` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def active(self) -> bool:
        """Whether the training has not ended."""
        return self.state in ("starting", "running", "paused")

    def _run(self) -> None:
        try:
            self._train()
        except Exception as error:  # show it in the panel: the thread has no visible log
            remedy = "" if isinstance(error, UserError) else "; press Restart"
            self.state, self.sentence = "failed", f"{reason_of(error)}{remedy}."
        self.on_change(self)

    def _train(self) -> None:
        torch.set_num_threads(1)  # leaves a core to the thread that draws
        data = load(self.setup.data)
        if self._stopped:  # meanwhile
            self.state = "stopped"
            return
        self.call = self.setup.recipe(data)
        with _building:  # initial weights come from torch's global generator; restore it
            global_state = torch.get_rng_state()
            torch.manual_seed(self.setup.seed)
            self.experiment = self.call.make()
            torch.set_rng_state(global_state)
        settings = self.setup.config
        with self._gate:
            self.steerable = frozenset(TunableParameters(self.experiment, settings.lr).values)
            self.interventions.set(**{name: value for name, value in self._early.items() if name in self.steerable})
        self.images, self.labels = data.images[:N_PROBE], data.labels[:N_PROBE]
        self._publish(0, 0)
        steps = train(self.experiment, data, settings, interventions=self.interventions)
        last, sums, n_steps = 0.0, torch.zeros(3), 0
        generator = torch.Generator()
        while self._may_continue():
            with rng.use_generator(generator):
                progress = next(steps, None)
            if progress is None:
                self.state = "finished"
                return
            terms = progress.terms
            with torch.no_grad():
                means = (part.mean() for part in (terms.nll, terms.divergence, terms.consistency))
                sums += torch.stack([*means])
            n_steps += 1
            self.record.steps, self.record.total, self.record.history = progress.step, progress.steps, progress.history
            if progress.row:
                self._store_epoch(progress)
                self._pause_as_planned(progress)
            if self._paused or progress.step == progress.steps or time.monotonic() - last > self.interval:
                self._add_point(progress, sums / n_steps, n_steps / max(time.monotonic() - last, 1e-9) if last else 0.0)
                last, n_steps = time.monotonic(), 0
                sums.zero_()
        self.state = "stopped"

    def _pause_as_planned(self, progress: Progress) -> None:
        """Pause before the next step, after an epoch of `pause_at`."""
        if progress.epoch in self.pause_at and progress.step < progress.steps:
            with self._gate:
                self._paused, self.planned = True, progress.epoch

    def _may_continue(self) -> bool:
        """Wait while paused; False when the training shall stop."""
        while True:
            with self._gate:
                if self._stopped:
                    return False
                if self._granted or not self._paused:
                    self._granted = max(self._granted - 1, 0)
                    self.state = "running"
                    return True
                if self.state == "paused":
                    self._gate.wait()
                    continue
                self.state = "paused"
            self.on_change(self)

    def _add_point(self, progress: Progress, means: Tensor, per_second: float) -> None:
        nll, divergence, consistency = means.tolist()
        for name, value in (("nll", nll), ("divergence", divergence)):
            if not torch.isfinite(torch.tensor(value)):
                raise TrainingError(
                    f"{name} must be finite, became {value} at step {progress.step}; "
                    "lower the learning rate or alpha and press Restart."
                )
        assert self.experiment is not None
        gamma = self.experiment.objective.likelihood.gamma
        groups, distortion = rates_and_distortion(self.experiment, self.images)
        value = float(gamma.gamma.detach()) if gamma is not None else float("nan")
        point = Point(progress.step, nll, divergence, value, sum(groups), distortion, consistency, groups)
        self.record.points.append(point)
        self.record.per_second = per_second * self.setup.batch
        self._publish(progress.step, progress.epoch)

    def _publish(self, step: int, epoch: int) -> None:
        self.record.latest = self._snapshot(step, epoch)
        self.on_change(self)

    def _store_epoch(self, progress: Progress) -> None:
        self.record.epochs.append(self._snapshot(progress.step, progress.epoch))
        if len(self.record.epochs) > MAX_SNAPSHOTS:
            self.record.epochs = self.record.epochs[1::2]

    def _snapshot(self, step: int, epoch: int) -> Snapshot:
        assert self.experiment is not None
        copies = {name: value.detach().clone() for name, value in self.experiment.state_dict().items()}
        return Snapshot(step, epoch, copies)


@torch.no_grad()
def rates_and_distortion(experiment: Experiment, images: Tensor) -> tuple[tuple[float, ...], float]:
    """Return KL(q‖p) of every group in nats and the squared error of sampled codes: means over images [n, *shape].

    The noise of the codes is the same at every call, so that a curve shows the training alone.
    """
    noise = torch.Generator(next(experiment.parameters()).device).manual_seed(0)
    with rng.use_generator(noise), eval_mode(experiment):
        x, likelihood = experiment.as_input(experiment.as_images(images)), experiment.objective.likelihood
        result = experiment.model(x)
        errors = likelihood.squares(likelihood.mean(result.out), x)
        return tuple(float(rate.mean()) for rate in group_rates(result)), float(errors.mean())
