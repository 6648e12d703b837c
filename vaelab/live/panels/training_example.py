"""The filmstrip of the training panel: finished example trainings, whose numbers ship beside this file.

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
from vaelab.live.panels.training_figure import TrainingState, evaluate
from vaelab.live.trainer import Point, Trainer, rates_and_distortion
from vaelab.live.training_config import TrainingChoices
from vaelab.training.interventions import Intervention, Interventions

NUMBERS = Path(__file__).with_name("training_examples.npz")
MOMENTS = (4, 8, 12)  # epochs of the frames
ALPHAS = (0.1, 0.5, 0.9)  # of the geometric JS until each of them: the run shows what a slider does
STEPS_PER_POINT = 20
SHORT = TrainingChoices(data="mnist-mini", alpha=ALPHAS[0], epochs=MOMENTS[-1])
EXAMPLES = {
    "js": SHORT,
    "kl": SHORT._replace(divergence="KL(q‖p)"),
    "views": SHORT._replace(divergence="KL(q‖p)", views="large"),
}


def example(setup: TrainingChoices) -> str:
    """Return the key of the example that is nearest to some choices."""
    if setup.views != "no":
        return "views"
    return "kl" if setup.divergence.startswith("KL") else "js"


def frames(name: str) -> dict[str, Values]:
    """Return the values of the filmstrip's frames by title; nothing is trained."""
    n, setup = _numbers(name), EXAMPLES[name]
    points = [Point(int(row[0]), *row[1:]) for row in n["points"].astype(float)]
    shown: dict[str, Values] = {}
    for k, (epoch, step) in enumerate(zip(n["epochs"], n["steps"], strict=True)):
        state = TrainingState(
            [point for point in points if point.step <= step],
            [change for change in n["changes"] if change <= step],
            int(step),
            n["images"][k] / np.float32(255),
            n["plane"][k],
            n["labels"],
        )
        steered = f", α = {ALPHAS[k]:g}" if _is_steered(setup) else ""
        shown[f"epoch {epoch}{steered}"] = {"state": state}
    return shown


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


def _is_steered(setup: TrainingChoices) -> bool:
    return not setup.divergence.startswith("KL")


@cache
def _numbers(name: str) -> dict[str, np.ndarray]:
    """Read the numbers of an example, by the names of `compute`."""
    with np.load(NUMBERS) as arrays:
        return {key.split("/")[1]: arrays[key] for key in arrays.files if key.startswith(f"{name}/")}


def compute(setup: TrainingChoices) -> dict[str, np.ndarray]:
    """Train with some choices, change alpha at the first two moments, and return what the filmstrip needs.

    Returns:
        Of k moments epochs and steps [k], distortion and rate (nats) of the probe [k], images [k, 3, n, h, w] in
        uint8, plane [k, n, 2]; labels [n]; points [m, 7], the fields of `Point`; the steps of the changes.

    Raises:
        TrainingError: If the training fails.
    """
    trainer = Trainer(setup, lambda _: None, interval=0.0)
    per_epoch = setup.config.steps_per_epoch(len(load(setup.data)))
    changes = [per_epoch * epoch for epoch in MOMENTS[:-1]] if _is_steered(setup) else []
    pairs = zip(changes, ALPHAS, ALPHAS[1:], strict=False)
    trainer.interventions = Interventions([Intervention(step, "alpha", old, new) for step, old, new in pairs])
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
        "changes": np.array(changes, int),
    }


def _write() -> None:
    """Train the examples and write their numbers."""
    arrays: dict[str, Any] = {}
    for name, setup in EXAMPLES.items():
        arrays |= {f"{name}/{key}": value for key, value in compute(setup).items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    with atomic_write(NUMBERS) as part:
        part.write_bytes(buffer.getvalue())


if __name__ == "__main__":
    _write()
    sys.exit(0)
