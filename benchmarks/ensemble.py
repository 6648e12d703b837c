"""A step of K networks, stacked against one by one, alternately; ratio > 1: the stack is faster."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from vaelab import Experiment, recipes
from vaelab.training.ensemble import Stack

BATCH, IMAGES = 128, 4000
TARGETS = {1: 3.5, 2: 3.5}  # of 20 small networks
NETWORKS: dict[str, dict[str, Any]] = {
    "mlp 784-400-20 normal": {"shape": (1, 28, 28), "latent": 20, "hidden": (400,)},
    "mlp 784-400-20 bernoulli": {"shape": (1, 28, 28), "latent": 20, "hidden": (400,), "likelihood": "bernoulli"},
    "mlp 64-64-2 normal": {"shape": (1, 8, 8), "latent": 2, "hidden": (64,)},
    "conv 8/16 normal": {"shape": (1, 28, 28), "latent": 10, "network": "conv", "hidden": (8, 16)},
    "conv 32/64 normal": {"shape": (1, 28, 28), "latent": 10, "network": "conv", "hidden": (32, 64)},
}


def members(design: dict[str, Any], k: int) -> list[Experiment]:
    return [recipes.gjs_vae(alpha=(i + 0.5) / k, **design) for i in range(k)]


def adam(parameters: list[Tensor]) -> torch.optim.Adam:
    return torch.optim.Adam(parameters, lr=1e-3, fused=True)


def one_by_one(experiments: list[Experiment], images: Tensor) -> Callable[[], None]:
    """Return a step of every experiment alone, each on its own batch."""
    optimizers = [adam(list(experiment.parameters())) for experiment in experiments]
    orders = [torch.randperm(len(images))[:BATCH] for _ in experiments]

    def step() -> None:
        for experiment, optimizer, order in zip(experiments, optimizers, orders, strict=True):
            terms = experiment(images[order])
            optimizer.zero_grad(set_to_none=True)
            terms.loss.backward()
            optimizer.step()
            experiment.update(terms)

    return step


def stacked(experiments: list[Experiment], images: Tensor) -> Callable[[], None]:
    """Return the step of `fit_many`."""
    stack = Stack(experiments, range(len(experiments)), images.device)
    optimizer = adam(list(stack.parameters.values()))
    order = stack.permutations(len(images))[:, :BATCH]

    def step() -> None:
        terms = stack(images.index_select(0, order.flatten()).unflatten(0, (len(experiments), -1)))
        optimizer.zero_grad(set_to_none=True)
        terms.loss.sum().backward()
        optimizer.step()
        stack.update(terms)

    return step


def seconds(step: Callable[[], None], repeats: int) -> float:
    started = time.perf_counter()
    for _ in range(repeats):
        step()
    return (time.perf_counter() - started) / repeats


def compare(design: dict[str, Any], k: int, rounds: int) -> dict[str, float]:
    images = torch.randint(0, 256, (IMAGES, *design["shape"]), dtype=torch.uint8)
    alone = one_by_one(members(design, k), images)
    together = stacked(members(design, k), images)
    seconds(together, 2)
    repeats = max(1, round(0.1 / seconds(alone, 2)))
    pairs = [(seconds(alone, repeats), seconds(together, repeats)) for _ in range(rounds)]
    alone_s, together_s = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    return {"one_by_one_ms": alone_s * 1e3, "together_ms": together_s * 1e3, "ratio": ratio}


def measure(rounds: int = 9) -> list[dict[str, float | str]]:
    """Return medians over alternating rounds, for one and two threads."""
    rows: list[dict[str, float | str]] = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for network, design in NETWORKS.items():
            for k in (1, 5, 20) if "conv" in network else (1, 2, 3, 5, 20):
                row = compare(design, k, rounds)
                target = {"at_least": TARGETS[threads]} if (network, k) == ("mlp 64-64-2 normal", 20) else {}
                rows.append({"network": network, "threads": str(threads), "members": str(k), **row, **target})
    return rows
