"""Trainings shared between figures: one per setting and seed, stored; and decoding in parts."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaelab._utils.device import device_name
from vaelab.objectives.objective import Experiment
from vaelab.runs.run import checksum
from vaelab.runs.store import Numbers, Result, merge_results, run_cached


def train_grid(
    recipe: Callable[..., Numbers], settings: Sequence[dict[str, Any]], seeds: int, device: str, **common: Any
) -> Result:
    """Compute a recipe for every setting and seed, in parallel, or read its stored results.

    Args:
        recipe: It takes `device`, `seed`, the settings and the common ones, among them `data`.
        settings: One dict per training.
        seeds: Number of seeds, counted from 0.
        device: "auto", "cpu", "cuda", ...
        **common: What all settings share. One of the two has `data`.

    Returns:
        The numbers of the recipe, stacked as [settings, seeds, ...].
    """
    tasks = [{**common, **one, "seed": seed} for one in settings for seed in range(seeds)]
    results = compute_all(recipe, tasks, device)
    return merge_results(stack([result.numbers for result in results], len(settings), seeds), results)


def compute_all(recipe: Callable[..., Numbers], tasks: Sequence[dict[str, Any]], device: str) -> list[Result]:
    """Compute a recipe for all tasks on the same data, in parallel, or read the stored results."""
    device = device_name(device)
    data = checksum(tasks[0]["data"], tasks[0].get("limit"))
    tasks = [{**task, "device": device} for task in tasks]
    return run_cached(recipe, tasks, [data] * len(tasks), processes=None if device == "cpu" else 1)


def stack(parts: Sequence[Numbers], *shape: int) -> Numbers:
    """Stack arrays of the same names and shapes: [*shape, ...], by default [parts, ...]."""
    shape = shape or (len(parts),)
    arrays = {name: np.stack([part[name] for part in parts]) for name in parts[0]}
    return {name: array.reshape(*shape, *array.shape[1:]) for name, array in arrays.items()}


def select(result: Result, names: Sequence[str], **arrays: np.ndarray) -> Result:
    """Replace the numbers of a result by those of these names, and new arrays."""
    return result._replace(numbers={name: result.numbers[name] for name in names} | arrays)


def decode(experiment: Experiment, z: Tensor, chunk: int = 1000) -> Tensor:
    """Decode latents [n, latent] in parts to mean images on the CPU."""
    device = next(experiment.parameters()).device
    return torch.cat([experiment.decode(part.to(device)).cpu() for part in z.split(chunk)])
