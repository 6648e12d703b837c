"""Training in a thread beside the sliders: pause, step, stop, steer; it publishes copies and never waits for a picture.

Nothing is printed or displayed from the thread, and it draws from a random generator of its own.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from vaelab._utils import rng
from vaelab._utils.device import on_device
from vaelab._utils.errors import TrainingError, UserError
from vaelab.data.loading import load
from vaelab.live.training_config import Call, TrainingChoices, config, recipe
from vaelab.metrics.reconstruction import rate_distortion
from vaelab.objectives.objective import Experiment
from vaelab.training.history import History
from vaelab.training.interventions import Interventions, TunableParameters
from vaelab.training.loop import Progress, train

POINT = 0.25  # seconds from one point of the curves to the next, at least
PROBE = 200  # images that are encoded for the pictures
KEPT = 40  # states kept for scrubbing; when there are more, every second one goes
_building = threading.Lock()


class Point(NamedTuple):
    """Means over the steps since the last point, in nats per image; rate and distortion are those of the probe.

    rate: KL(q‖p) in nats; distortion: squared error per image, decoded from the means; consistency: KL(q‖q) between
    views and images, 0 where there are no views.
    """

    step: int
    nll: float
    divergence: float
    gamma: float
    rate: float
    distortion: float
    consistency: float = 0.0


class Snapshot(NamedTuple):
    """The weights after so many steps and epochs."""

    step: int
    epoch: int
    weights: dict[str, Tensor]


@dataclass
class Record:
    """What a training has published; lists are replaced or grow, so that other threads may read them."""

    points: list[Point] = field(default_factory=list)
    epochs: list[Snapshot] = field(default_factory=list)
    latest: Snapshot | None = None
    history: History = field(default_factory=History)
    steps: int = 0
    total: int = 0
    per_second: float = 0.0


class Trainer:
    """One training of a `TrainingChoices` in a daemon thread.

    state: starting, running, paused, stopped, finished or failed.
    """

    def __init__(self, setup: TrainingChoices, published: Callable[["Trainer"], None], *, paused: bool = False) -> None:
        self.setup, self.published, self.record = setup, published, Record()
        self.interventions = Interventions()
        self.steerable: frozenset[str] | None = None
        self._early: dict[str, float] = {}
        self.call: Call | None = None
        self.experiment: Experiment | None = None
        self.images = self.labels = torch.empty(0)
        self.state, self.sentence = "starting", ""
        self._gate = threading.Condition()
        self._paused, self._stopped, self._granted = paused, False, 0
        self._thread = threading.Thread(target=self._run, name="vaelab-training", daemon=True)

    # -- from any thread

    def start(self) -> "Trainer":
        """Begin; once."""
        self._thread.start()
        return self

    def pause(self, paused: bool = True) -> None:
        """Hold the training after its current step, or let it go on."""
        with self._gate:
            self._paused = paused
            self._gate.notify_all()

    def step(self) -> None:
        """Take one step and hold."""
        with self._gate:
            self._paused, self._granted = True, self._granted + 1
            self._gate.notify_all()

    def stop(self) -> None:
        """End after the current step."""
        with self._gate:
            self._stopped = True
            self._gate.notify_all()

    def turn(self, name: str, value: float) -> None:
        """Turn a knob of the running training; one that this experiment does not have, or a late hand, does nothing."""
        with self._gate:
            if self.steerable is None:
                self._early[name] = value  # the network is not built yet; its interventions are not known
            elif name in self.steerable and self.alive:
                self.interventions.set(**{name: value})

    def join(self, timeout: float = 60.0) -> bool:
        """Wait for the end; False when it did not come in time."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    # -- on the thread

    def _run(self) -> None:
        try:
            self._train()
        except Exception as error:  # whatever it is: a sentence in the panel beats a traceback in a log
            self.state, self.sentence = "failed", str(error) if isinstance(error, UserError) else _unforeseen(error)
        self.published(self)

    def _train(self) -> None:
        torch.set_num_threads(1)  # of this thread: two would fight with the one that draws
        data = load(self.setup.data)
        self.call = recipe(self.setup, data)
        with _building:  # initial weights come from torch's global generator, which is put back as it was
            others = torch.get_rng_state()
            torch.manual_seed(self.setup.seed)
            self.experiment = self.call.make()
            torch.set_rng_state(others)
        settings = config(self.setup)
        with self._gate:
            self.steerable = frozenset(TunableParameters(self.experiment, settings.lr).values)
            self.interventions.set(**{name: value for name, value in self._early.items() if name in self.steerable})
        self.images, self.labels = data.images[:PROBE], data.labels[:PROBE]
        self._publish(0, 0)
        steps, last, sums, counted = (
            train(self.experiment, data, settings, interventions=self.interventions),
            0.0,
            torch.zeros(3),
            0,
        )
        generator = torch.Generator(on_device(settings.device))
        while self._may_go_on():
            with rng.use_generator(generator):
                progress = next(steps, None)
            if progress is None:
                self.state = "finished"
                return
            terms = progress.terms
            with torch.no_grad():
                means = (part.mean() for part in (terms.nll, terms.divergence, terms.consistency))
                sums += torch.stack([*means]).cpu()
            counted += 1
            self.record.steps, self.record.total, self.record.history = progress.step, progress.steps, progress.history
            if progress.row:
                self._keep(progress)
            if self._paused or progress.step == progress.steps or time.monotonic() - last > POINT:
                self._note(progress, sums / counted, counted / max(time.monotonic() - last, 1e-9) if last else 0.0)
                last, counted = time.monotonic(), 0
                sums.zero_()
        self.state = "stopped"

    def _may_go_on(self) -> bool:
        """Wait while paused; False when it is time to stop."""
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
            self.published(self)

    def _note(self, progress: Progress, means: Tensor, per_second: float) -> None:
        nll, divergence, apart = means.tolist()
        for name, value in (("nll", nll), ("divergence", divergence)):
            if not torch.isfinite(torch.tensor(value)):
                raise TrainingError(
                    f"the {name} became {value} at step {progress.step}; lower the learning rate or alpha and press "
                    "Restart."
                )
        assert self.experiment is not None
        gamma = self.experiment.objective.likelihood.gamma
        at_mean = rate_distortion(self.experiment, self.images)
        now = float(gamma.gamma.detach()) if gamma is not None else float("nan")
        self.record.points.append(Point(progress.step, nll, divergence, now, at_mean.rate, at_mean.distortion, apart))
        self.record.per_second = per_second * self.setup.batch
        self._publish(progress.step, progress.epoch)

    def _publish(self, step: int, epoch: int) -> None:
        self.record.latest = self._snapshot(step, epoch)
        self.published(self)

    def _keep(self, progress: Progress) -> None:
        """The state at the end of an epoch, for looking back."""
        self.record.epochs.append(self._snapshot(progress.step, progress.epoch))
        if len(self.record.epochs) > KEPT:
            self.record.epochs = self.record.epochs[1::2]

    def _snapshot(self, step: int, epoch: int) -> Snapshot:
        assert self.experiment is not None
        copies = {name: value.detach().cpu().clone() for name, value in self.experiment.state_dict().items()}
        return Snapshot(step, epoch, copies)


def _unforeseen(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no reason given'}; press Restart."
