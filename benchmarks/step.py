"""One training step of the 784-400-20 MLP-VAE against its bare matrix products, and its parts."""

import itertools
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from vaelab import TrainConfig, recipes
from vaelab.training.loop import TrainStep
from vaelab.training.optimizer import adam

SHAPE, LATENT, HIDDEN, BATCH = (1, 28, 28), 20, 400, 128
TARGETS = {1: 1.35, 2: 1.6}
REASON = (
    "the products run on matrices that stay in the cache; in a step Adam reads and writes 18 MB between them "
    "(weights, gradients, two moments), and the loss has its own exponentials: see the parts"
)


def new_step() -> tuple[TrainStep, "itertools.cycle[Tensor]"]:
    """Return the step of `vaelab.train` on uint8 images, and an endless iterator of batches."""
    config = TrainConfig(batch_size=BATCH)
    experiment = recipes.vae(SHAPE, LATENT, hidden=(HIDDEN,), likelihood="bernoulli")
    images = torch.randint(0, 256, (60 * BATCH, *SHAPE), dtype=torch.uint8)
    step = TrainStep(experiment, images, config, adam(experiment, config, images.device), None)
    return step, itertools.cycle(torch.randperm(len(images)).split(BATCH))


def parts(steps: int = 200) -> dict[str, float]:
    """Return the milliseconds of batch, forward, backward pass and Adam within running steps."""
    step, batches = new_step()
    spent = dict.fromkeys(("batch_ms", "forward_ms", "backward_ms", "adam_ms"), 0.0)
    for _ in range(steps):
        times = [time.perf_counter()]
        (x,) = step.prepare(step.images[next(batches)])
        times.append(time.perf_counter())
        terms = step.experiment(x)
        times.append(time.perf_counter())
        step.optimizer.zero_grad(set_to_none=True)
        terms.loss.backward()
        times.append(time.perf_counter())
        step.optimizer.step()
        times.append(time.perf_counter())
        for name, (begin, end) in zip(spent, itertools.pairwise(times), strict=True):
            spent[name] += (end - begin) / steps * 1e3
    return spent


def matrix_products() -> Callable[[], object]:
    """Return the 11 matrix products of the network: 4 forward, 4 weight and 3 input gradients."""
    widths = [(784, HIDDEN), (HIDDEN, 2 * LATENT), (LATENT, HIDDEN), (HIDDEN, 784)]
    layers: list[tuple[Tensor, Tensor, Tensor]] = [
        (torch.randn(BATCH, i), torch.randn(i, o), torch.randn(BATCH, o)) for i, o in widths
    ]

    def products() -> None:
        for index, (x, weight, gradient) in enumerate(layers):
            x @ weight
            x.T @ gradient
            if index:
                gradient @ weight.T

    return products


def milliseconds(function: Callable[[], object], repeats: int = 50) -> float:
    started = time.perf_counter()
    for _ in range(repeats):
        function()
    return (time.perf_counter() - started) / repeats * 1e3


def measure(rounds: int = 9) -> list[dict[str, float | str]]:
    """Return medians over alternating rounds, for one and two threads."""
    rows: list[dict[str, float | str]] = []
    for threads, target in TARGETS.items():
        torch.set_num_threads(threads)
        step, batches = new_step()
        one, products = lambda: step(next(batches)), matrix_products()  # noqa: B023
        milliseconds(one), milliseconds(products)
        pairs = [(milliseconds(one), milliseconds(products)) for _ in range(rounds)]
        inside = parts()
        step_ms, products_ms = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(a / b for a, b in pairs)
        row = {"threads": str(threads), "step_ms": step_ms, "products_ms": products_ms, "ratio": ratio}
        rows.append({**row, "at_most": target, **inside, **({"reason": REASON} if ratio > target else {})})
    return rows
