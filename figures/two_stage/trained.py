"""What the figures on two stages train: one task per seed, whatever number of figures reads it."""

from typing import Any

from figures.two_stage.trainings import checksum, columns, two_stages
from vaelab.batches import device_name
from vaelab.run_store import Result, merge_results, run_cached


def trained(device: str, *, seeds: int, **settings: Any) -> Result:
    """The numbers of `two_stages` for seeds 0 .. seeds-1, stacked along a first axis."""
    device = device_name(device)
    content = checksum(settings["data"], settings.get("limit"))
    tasks = [{**settings, "device": device, "seed": seed} for seed in range(seeds)]
    processes = None if device == "cpu" else 1
    results = run_cached(two_stages, tasks, [content] * seeds, processes=processes)
    return merge_results(columns([result.numbers for result in results]), results)


# 10,000 digits, seconds a seed.  A short training leaves V far from 1, hence the rescaling.
QUICK: dict[str, Any] = {
    "seeds": 5,
    "data": "mnist-mini",
    "rescaled": True,
    "design": {"latent": 16, "hidden": (256,)},
    "train": {"epochs": 10, "batch_size": 100, "lr": 2e-3},
    "second": {"width": 128, "depth": 2, "steps": 2000},
}
MNIST: dict[str, Any] = {
    "seeds": 5,
    "data": "mnist",
    "rescaled": False,
    "design": {"latent": 16, "network": "conv"},
    "train": {"epochs": 50, "batch_size": 100, "lr": 1e-3},
    "second": {"width": 256, "depth": 3, "steps": 30_000},
}
# 10,000 images in 30 passes by a small network, judged by a classifier: what two cores do in half an hour.
SMALL_CIFAR: dict[str, Any] = {
    "seeds": 3,
    "data": "cifar10",
    "limit": 10_000,
    "rescaled": True,
    "design": {"latent": 64, "network": "conv", "hidden": (32, 64, 128)},
    "train": {"epochs": 30, "batch_size": 100, "lr": 1e-3},
    "second": {"width": 256, "depth": 2, "steps": 3000},
}
# Sheet 4.3.  Two things are ours: the warm-up of the second stage, against its collapse, and its constant rate.
CIFAR: dict[str, Any] = {
    "seeds": 5,
    "data": "cifar10",
    "jpeg": True,
    "score": "fid",
    "design": {"latent": 64, "network": "resnet"},
    "train": {"epochs": 700, "batch_size": 100, "lr": 1e-4, "schedule": "step", "drops": (251, 501), "drop": 0.5},
    "second": {"width": 2048, "depth": 3, "steps": 700_000, "lr": 1e-4},
}
CELEBA: dict[str, Any] = {
    "seeds": 5,
    "data": "celeba",
    "score": "fid",
    "design": {"latent": 64, "network": "resnet", "beta": 4.0},  # the hidden factor k = (2 * 64 / 64)²
    "train": {"epochs": 70, "batch_size": 100, "lr": 5e-5, "schedule": "step", "drops": (61,), "drop": 0.5},
    "second": {"width": 4096, "depth": 3, "steps": 227_780, "lr": 5e-5},
}
