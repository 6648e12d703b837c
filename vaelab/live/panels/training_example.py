"""The filmstrip of the training panel: finished example trainings, whose numbers ship beside this file.

The first images of each data set ship with them, for the picture before a training.

`python -m vaelab.live.panels.training_example` trains them again, in some seconds.
"""

import copy
import io
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vaelab._utils.errors import TrainingError
from vaelab._utils.files import atomic_write
from vaelab._utils.images import to_uint8
from vaelab.data.loading import load
from vaelab.live.figure import Values
from vaelab.live.panels.training_figure import N_IMAGES, TrainingState, evaluate, limits_of
from vaelab.live.trainer import Point, Trainer, rates_and_distortion
from vaelab.live.training_config import DATA, TrainingChoices
from vaelab.training.interventions import Intervention, Interventions

NUMBERS = Path(__file__).with_name("training_examples.npz")
MOMENTS = (4, 8, 12)  # epochs of the frames
ALPHAS = (0.1, 0.5, 0.9)  # of the geometric JS until each of them: the run shows what a slider does
GAMMAS = (0.7, 0.2, 0.05)  # of the decoder, in the same way
LARGE_GAMMA = 0.5  # a panel that starts from here on is there to lower gamma
SYMBOLS = {"alpha": "α", "gamma": "γ"}
STEPS_PER_POINT = 20
SHORT = TrainingChoices(data="mnist-mini", alpha=ALPHAS[0], epochs=MOMENTS[-1])
EXAMPLES = {
    "js": SHORT,
    "gamma": SHORT._replace(gamma=GAMMAS[0]),
    "kl": SHORT._replace(divergence="KL(q‖p)"),
    "views": SHORT._replace(divergence="KL(q‖p)", views="large"),
}


def example(setup: TrainingChoices) -> str:
    """Return the key of the example that is nearest to some choices."""
    if setup.views != "no":
        return "views"
    if setup.policy == "fixed" and setup.gamma >= LARGE_GAMMA and setup.divergence != "dual JS":
        return "gamma"  # but the dual is there for its alpha
    return "kl" if setup.divergence.startswith("KL") else "js"


def frames(name: str) -> dict[str, Values]:
    """Return the values of the filmstrip's frames by title; nothing is trained."""
    n, setup = _numbers(name), EXAMPLES[name]
    points = [Point(int(row[0]), *row[1:]) for row in n["points"].astype(float)]
    states: dict[str, TrainingState] = {}
    for k, (epoch, step) in enumerate(zip(n["epochs"], n["steps"], strict=True)):
        state = TrainingState(
            [point for point in points if point.step <= step],
            [change for change in n["changes"] if change <= step],
            int(step),
            n["images"][k] / np.float32(255),
            n["plane"][k],
            n["labels"],
        )
        steered = "".join(f", {SYMBOLS[name]} = {steps[k]:g}" for name, steps in _steered(setup).items())
        states[f"epoch {epoch}{steered}"] = state
    limits = limits_of(states.values())  # the same in all frames, so that spreads and paths can be compared
    return {title: {"state": state._replace(limits=limits)} for title, state in states.items()}


def filmstrip_alt(name: str) -> str:
    """Describe the filmstrip of an example, with its numbers."""
    n, setup = _numbers(name), EXAMPLES[name]
    listed = "; ".join(
        f"{title}: squared error {error:.1f}, rate {rate:.1f} nats"
        for title, error, rate in zip(frames(name), n["distortion"], n["rate"], strict=True)
    )
    views = f", made consistent between {setup.views} views" if setup.views != "no" else ""
    return (
        f"Filmstrip of an example: a VAE in training on {setup.data} with the divergence {setup.divergence}{views}; "
        f"the curves, data, reconstructions, samples and the latent plane. {listed}."
    )


def _steered(setup: TrainingChoices) -> dict[str, tuple[float, ...]]:
    """Return the parameter that changes in an example, with its values until each of `MOMENTS`."""
    if setup.gamma == GAMMAS[0]:
        return {"gamma": GAMMAS}
    return {} if setup.divergence.startswith("KL") else {"alpha": ALPHAS}


def data_row(name: str) -> np.ndarray:
    """Return the first images [N_IMAGES, h, w] of a data set, in [0, 1]; loading the set would take too long."""
    images: np.ndarray = _numbers("data")[name] / np.float32(255)
    return images


@cache
def _numbers(name: str) -> dict[str, np.ndarray]:
    """Read the numbers of an example, by the names of `compute`, or the first images of the "data", by set."""
    with np.load(NUMBERS) as arrays:
        return {key.split("/")[1]: arrays[key] for key in arrays.files if key.startswith(f"{name}/")}


def compute(setup: TrainingChoices) -> dict[str, np.ndarray]:
    """Train with some choices, change alpha or gamma at the first two moments, and return what the filmstrip needs.

    Returns:
        Of k moments epochs and steps [k], distortion and rate (nats) of the probe [k], images [k, 3, n, h, w] in
        uint8, plane [k, n, 2]; labels [n]; points [m, 7], the fields of `Point`; the steps of the changes.

    Raises:
        TrainingError: If the training fails.
    """
    trainer = Trainer(setup, lambda _: None, interval=0.0)
    per_epoch = setup.config.steps_per_epoch(len(load(setup.data)))
    planned = [
        Intervention(per_epoch * epoch, name, old, new)
        for name, values in _steered(setup).items()
        for epoch, old, new in zip(MOMENTS, values, values[1:], strict=False)
    ]
    trainer.interventions = Interventions(planned)
    trainer.start().join(600)
    if trainer.state != "finished":
        raise TrainingError(f"setup must be trainable, got: {trainer.sentence or trainer.state}")
    twin = copy.deepcopy(trainer.experiment).cpu()  # type: ignore[union-attr]
    chosen = [snapshot for snapshot in trainer.record.epochs if snapshot.epoch in MOMENTS]
    states, measured = [], []
    for snapshot in chosen:
        states.append(evaluate(twin, trainer, snapshot))
        measured.append(rates_and_distortion(twin, trainer.images))
    points = np.array([point[:-1] for point in trainer.record.points])  # of one group, whose rate is the rate
    points = points[: len(points) // STEPS_PER_POINT * STEPS_PER_POINT].reshape(-1, STEPS_PER_POINT, points.shape[1])
    return {
        "epochs": np.array([snapshot.epoch for snapshot in chosen]),
        "steps": np.array([snapshot.step for snapshot in chosen]),
        "rate": np.array([sum(rates) for rates, _ in measured]),
        "distortion": np.array([distortion for _, distortion in measured]),
        "images": to_uint8(torch.from_numpy(np.stack([state.images for state in states]))).numpy(),
        "plane": np.stack([state.plane for state in states]),
        "labels": trainer.labels.numpy().astype(np.uint8),
        "points": np.concatenate([points[:, -1:, 0], points[:, :, 1:].mean(1)], 1).astype(np.float32),
        "changes": np.array([change.step for change in planned], int),
    }


def _write() -> None:
    """Train the examples and write their numbers."""
    arrays: dict[str, Any] = {f"data/{name}": load(name).images[:N_IMAGES, 0].numpy() for name in DATA}
    for name, setup in EXAMPLES.items():
        arrays |= {f"{name}/{key}": value for key, value in compute(setup).items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    with atomic_write(NUMBERS) as part:
        part.write_bytes(buffer.getvalue())


if __name__ == "__main__":
    _write()
    sys.exit(0)
