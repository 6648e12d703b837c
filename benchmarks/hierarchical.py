"""A training step of the preset hvae-tiny against that of the flat convolutional VAE, in alternating rounds.

On a GPU, nvae-mnist too: eager in float32, TF32, bfloat16 with the channels last, compiled, as a CUDA graph.
"""

import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from vaelab import Experiment, TrainConfig, recipes, train
from vaelab.models.networks._cells import checkpoint_cells
from vaelab.runs.presets import preset
from vaelab.training.loop import TrainStep
from vaelab.training.optimizer import adam

SHAPE, EPOCH = (1, 28, 28), 10_000  # images of mnist-mini
TARGET = 60.0  # seconds of an epoch on two cores
MODES: dict[str, dict[str, Any]] = {
    "eager fp32": {"precision": "fp32", "channels_last": False},
    "TF32": {"precision": "tf32", "channels_last": False},
    "bf16, channels last": {"precision": "bf16", "channels_last": True},
    "and compiled": {"precision": "bf16", "channels_last": True, "compile": True},
    "and one CUDA graph": {"precision": "bf16", "channels_last": True, "cuda_graph": True},
}


def networks() -> dict[str, tuple[Experiment, bool]]:
    """Return the experiments by name, each with whether its cells are computed twice."""
    torch.manual_seed(0)
    tiny = preset("hvae-tiny").run
    return {
        "flat conv, 32 latents": (recipes.vae(SHAPE, 32, network="conv", likelihood="bernoulli"), False),
        "hvae-tiny": (tiny.experiment(SHAPE), False),
        "hvae-tiny, checkpointed cells": (tiny.experiment(SHAPE), True),
    }


def stepper(experiment: Experiment, images: Tensor, config: TrainConfig) -> Callable[[], object]:
    """Return the step of `vaelab.train` on one batch after the other."""
    checkpoint_cells(experiment.model, config.checkpoint_cells)
    step = TrainStep(experiment, images, config, adam(experiment, config, images.device), None)
    batches = itertools.cycle(torch.arange(len(images)).split(config.batch_size))
    return lambda: step(next(batches))


def stored_megabytes(experiment: Experiment, x: Tensor) -> float:
    """Return the size of what a forward pass stores for the backward pass, apart from the weights."""
    weights = {parameter.untyped_storage().data_ptr() for parameter in experiment.parameters()}
    sizes: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = experiment(x).loss
    del loss
    return sum(sizes.values()) / 1e6


def on_cpu(rounds: int, steps: int, batch: int) -> list[dict[str, float | str]]:
    images = torch.randint(0, 256, (4 * batch, *SHAPE), dtype=torch.uint8)
    rows: list[dict[str, float | str]] = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        experiments = networks()
        steppers = {}
        for name, (experiment, checkpointed) in experiments.items():
            config = TrainConfig(batch_size=batch, binarize="dynamic", checkpoint_cells=checkpointed)
            steppers[name] = stepper(experiment, images, config)
        for one in steppers.values():
            _seconds(one, 1)
        times = [{name: _seconds(one, steps) for name, one in steppers.items()} for _ in range(rounds)]
        flat = next(iter(steppers))
        for name, (experiment, _) in experiments.items():
            seconds = statistics.median(t[name] for t in times)
            row: dict[str, float | str] = {"network": name, "threads": str(threads), "step_ms": 1e3 * seconds}
            row |= {"images_per_s": batch / seconds, "epoch_s": EPOCH / batch * seconds}
            row |= {"of_flat": statistics.median(t[name] / t[flat] for t in times)}
            row |= {"stored_mb": stored_megabytes(experiment, images[:batch])}
            rows.append(row | ({"epoch_s_at_most": TARGET} if (name, threads) == ("hvae-tiny", 2) else {}))
    return rows


def on_gpu(steps: int) -> list[dict[str, float | str]]:
    """Return images per second and peak memory of nvae-mnist by mode, or one row that says why not."""
    if not torch.cuda.is_available():
        return [{"device": "none", "note": "no GPU on this machine: nvae-mnist was not measured"}]
    chosen, rows = preset("nvae-mnist"), []
    images = torch.randint(0, 256, (5 * chosen.run.batch_size, *SHAPE), dtype=torch.uint8, device="cuda")
    for name, mode in MODES.items():
        torch.cuda.reset_peak_memory_stats()
        config, started = chosen.config(steps=2 * steps, device="cuda", progress=False, **mode), 0.0
        for progress in train(chosen.run.experiment(SHAPE), images, config):
            if progress.step in (steps, 2 * steps):  # the first half warms up, compiles and captures
                torch.cuda.synchronize()
                started = time.perf_counter() - started
        speed, memory = chosen.run.batch_size * steps / started, torch.cuda.max_memory_allocated() / 1e9
        row: dict[str, float | str] = {"device": torch.cuda.get_device_name(), "mode": name, "images_per_s": speed}
        rows.append({**row, "of_eager": speed / float(rows[0]["images_per_s"]) if rows else 1.0, "memory_gb": memory})
    return rows


def measure(rounds: int = 7, steps: int = 2, batch: int = 100, gpu_steps: int = 50) -> list[dict[str, float | str]]:
    """Return medians over alternating rounds, for one and two threads, and those of a GPU."""
    before = torch.get_num_threads()
    try:
        return on_cpu(rounds, steps, batch) + on_gpu(gpu_steps)
    finally:
        torch.set_num_threads(before)


def _seconds(step: Callable[[], object], repeats: int) -> float:
    started = time.perf_counter()
    for _ in range(repeats):
        step()
    return (time.perf_counter() - started) / repeats
