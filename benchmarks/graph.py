"""An epoch of 60,000 images on a GPU: CUDA graph against eager, fp32 and bf16; 20 networks."""

import statistics
import time
from typing import Any

import torch

from vaelab import Experiment, TrainConfig, fit_many, recipes, train

IMAGES, EPOCHS = 60_000, 5
MLP: dict[str, Any] = {"shape": (1, 28, 28), "latent": 20, "hidden": (400,)}
CONV: dict[str, Any] = {"shape": (1, 28, 28), "latent": 20, "network": "conv", "hidden": (32, 64)}


def make(alpha: float = 0.5, **design: Any) -> Experiment:
    return recipes.gjs_vae(alpha=alpha, **design)


def epoch_seconds(design: dict[str, Any], images: torch.Tensor, **how: Any) -> float:
    """Return the median epoch after the first, which includes the capture."""
    config = TrainConfig(epochs=EPOCHS, batch_size=128, device="cuda", progress=False, **how)
    rows = []
    for progress in train(make(**design), images, config):
        if progress.row is not None:
            rows.append(progress.row["seconds"])
    return statistics.median(rows[1:])


def together_seconds(members: int, images: torch.Tensor) -> float:
    """Return the seconds per epoch of `fit_many` over members that differ in alpha and seed."""
    settings = [{"alpha": (i + 0.5) / members} for i in range(members)]
    started = time.perf_counter()
    fit_many(
        lambda alpha: make(alpha, **MLP),
        settings,
        images,
        TrainConfig(epochs=2, device="cuda", progress=False, seed=members),
    )
    return (time.perf_counter() - started) / 2


def measure() -> list[dict[str, float | str]]:
    """Measure seconds per epoch and their ratio to eager fp32; without a GPU, one empty row."""
    if not torch.cuda.is_available():
        return [{"device": "none", "note": "no GPU on this machine: the CUDA graph and its targets were not measured"}]
    device = torch.cuda.get_device_name()
    images = torch.randint(0, 256, (IMAGES, 1, 28, 28), dtype=torch.uint8, device="cuda")
    rows: list[dict[str, float | str]] = []
    for name, design in (("mlp", MLP), ("conv", CONV)):
        eager = epoch_seconds(design, images)
        for precision in ("fp32", "bf16"):
            for graph in (False, True):
                s = epoch_seconds(design, images, precision=precision, cuda_graph=graph)
                how = f"{precision}{' + graph' if graph else ''}"
                rows.append({"device": device, "network": name, "how": how, "epoch_s": s, "ratio": eager / s})
    one = epoch_seconds(MLP, images, cuda_graph=True)
    twenty = together_seconds(20, images)
    rows.append(
        {"device": device, "network": "mlp", "how": "20 together / 1", "epoch_s": twenty, "ratio": twenty / one}
    )
    return rows
