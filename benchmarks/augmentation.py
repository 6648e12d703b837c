"""Random affine views of 128 images: `vaelab.augment` against kornia and a training step.

The step is that of the 784-400-20 MLP-VAE.
"""

import statistics
import time
from collections.abc import Callable

import torch

from vaelab import Experiment, augment, recipes

BATCH = 128
SHAPES = {"28x28 gray": (1, 28, 28), "32x32 color": (3, 32, 32), "64x64 color": (3, 64, 64)}
TARGETS = {"of_kornia": 1.0, "of_step": 0.6}


def kornia_views() -> Callable[[torch.Tensor], torch.Tensor] | None:
    """Return kornia's RandomAffine with the ranges of `simple`, or None without kornia."""
    try:
        from kornia.augmentation import RandomAffine
    except ImportError:
        return None
    views: Callable[[torch.Tensor], torch.Tensor] = RandomAffine(15.0, (0.05, 0.05), (0.9, 1.1), p=1.0)
    return views


def training_step(experiment: Experiment, x: torch.Tensor) -> Callable[[], None]:
    optimizer = torch.optim.Adam(experiment.parameters(), lr=1e-3, fused=True)

    def step() -> None:
        terms = experiment(x)
        optimizer.zero_grad(set_to_none=True)
        terms.loss.backward()
        optimizer.step()

    return step


def milliseconds(function: Callable[[], object], repeats: int = 20) -> float:
    started = time.perf_counter()
    for _ in range(repeats):
        function()
    return (time.perf_counter() - started) / repeats * 1e3


def measure(rounds: int = 9) -> list[dict[str, float | str]]:
    """Return medians over alternating rounds by threads; below 1, vaelab is faster."""
    rows: list[dict[str, float | str]] = []
    ours, theirs = augment.simple(fill=0.0), kornia_views()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for name, shape in SHAPES.items():
            x = torch.rand(BATCH, *shape)
            rivals: dict[str, Callable[[], object]] = {"ours_ms": lambda x=x: ours(x)}
            if theirs is not None:
                rivals["kornia_ms"] = lambda x=x: theirs(x)
            if shape == (1, 28, 28):
                rivals["step_ms"] = training_step(recipes.vae(shape, 20, hidden=(400,)), x)
            for rival in rivals.values():
                milliseconds(rival, 3)
            times = [{key: milliseconds(rival) for key, rival in rivals.items()} for _ in range(rounds)]
            row: dict[str, float | str] = {"images": f"{BATCH} of {name}", "threads": str(threads)}
            row |= {key: statistics.median(t[key] for t in times) for key in rivals}
            for other, ratio in (("kornia_ms", "of_kornia"), ("step_ms", "of_step")):
                if other in rivals:
                    row[ratio] = statistics.median(t["ours_ms"] / t[other] for t in times)
                    if shape == (1, 28, 28):
                        row[f"{ratio}_at_most"] = TARGETS[ratio]
            rows.append(row)
    return rows
