"""The filmstrip of the training panel: finished example trainings, whose numbers ship beside this file.

`python -m vaelab.live.panels.training_example` trains them again, in some seconds.
"""

import copy
import io
import sys
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vaelab._utils.errors import TrainingError
from vaelab._utils.files import atomic_write
from vaelab._utils.images import to_uint8
from vaelab.live.figure import png
from vaelab.live.panel import draw_filmstrip
from vaelab.live.panels.training_figure import TrainingState, draw, evaluate
from vaelab.live.trainer import Trainer, rate_and_distortion
from vaelab.live.training_config import TrainingChoices

NUMBERS = Path(__file__).with_name("training_examples.npz")
SHORT = TrainingChoices(epochs=12)
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


def filmstrip(name: str) -> bytes:
    """Return the filmstrip of an example as PNG bytes; nothing is trained."""
    n = _numbers(name)
    frames: dict[str, dict[str, Any]] = {}
    for epoch, images, plane in zip(n["epochs"], n["images"] / np.float32(255), n["plane"], strict=True):
        frames[f"epoch {epoch}"] = {"state": TrainingState([], [], 0, images, plane, n["labels"])}
    return png(draw_filmstrip(partial(draw, stacked=True), frames, 9.6, 4.2), small=True)


def alt(name: str) -> str:
    """Describe the filmstrip of an example, with its numbers."""
    n, setup = _numbers(name), EXAMPLES[name]
    listed = "; ".join(
        f"epoch {epoch}: squared error {error:.1f}, rate {rate:.1f} nats"
        for epoch, error, rate in zip(n["epochs"], n["distortion"], n["rate"], strict=True)
    )
    views = f", made consistent between {setup.views} views" if setup.views != "no" else ""
    return (
        f"Filmstrip of an example: a VAE in training on {setup.data} with the divergence {setup.divergence}{views}; "
        f"data, reconstructions, samples and the latent plane. {listed}."
    )


@cache
def _numbers(name: str) -> dict[str, np.ndarray]:
    """Read the numbers of an example, by the names of `compute`."""
    with np.load(NUMBERS) as arrays:
        return {key.split("/")[1]: arrays[key] for key in arrays.files if key.startswith(f"{name}/")}


def compute(setup: TrainingChoices) -> dict[str, np.ndarray]:
    """Train with some choices, and return what the filmstrip needs after k = 3 epochs.

    Returns:
        Epochs [k], distortion and rate (nats) of the probe [k], images [k, 3, n, h, w] in uint8, plane
        [k, n, 2], labels [n].

    Raises:
        TrainingError: If the training fails.
    """
    trainer = Trainer(setup, lambda _: None).start()
    trainer.join(600)
    if trainer.state != "finished":
        raise TrainingError(f"setup must be trainable, got: {trainer.sentence or trainer.state}")
    twin, epochs = copy.deepcopy(trainer.experiment).cpu(), trainer.record.epochs  # type: ignore[union-attr]
    chosen = [epochs[i] for i in sorted({0, len(epochs) // 3, len(epochs) - 1})]
    states, measured = [], []
    for snapshot in chosen:
        states.append(evaluate(twin, trainer, snapshot))
        measured.append(rate_and_distortion(twin, trainer.images))
    return {
        "epochs": np.array([snapshot.epoch for snapshot in chosen]),
        "rate": np.array([rate for rate, _ in measured]),
        "distortion": np.array([distortion for _, distortion in measured]),
        "images": to_uint8(torch.from_numpy(np.stack([state.images for state in states]))).numpy(),
        "plane": np.stack([state.plane for state in states]),
        "labels": trainer.labels.numpy().astype(np.uint8),
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
