"""One training step of the 784-400-20 MLP-VAE against its bare matrix products, measured alternately."""

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from vaelab import recipes

SHAPE, LATENT, HIDDEN, BATCH = (1, 28, 28), 20, 400, 128


def training_step() -> Callable[[], None]:
    """Forward, backward and fused Adam on one fixed batch of uint8 images."""
    experiment = recipes.vae(SHAPE, LATENT, hidden=(HIDDEN,), likelihood="bernoulli")
    optimiser = torch.optim.Adam(experiment.parameters(), lr=1e-3, fused=True)
    images = torch.randint(0, 256, (BATCH, *SHAPE), dtype=torch.uint8)

    def step() -> None:
        terms = experiment(images)
        optimiser.zero_grad(set_to_none=True)
        terms.loss.backward()
        optimiser.step()

    return step


def matrix_products() -> Callable[[], None]:
    """The 11 products of the same network: four layers forward, their weight gradients, three input gradients."""
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


def milliseconds(function: Callable[[], None], repeats: int = 50) -> float:
    started = time.perf_counter()
    for _ in range(repeats):
        function()
    return (time.perf_counter() - started) / repeats * 1e3


def measure(rounds: int = 9) -> list[dict[str, float | str]]:
    """Medians over alternating rounds, for one and two threads."""
    rows: list[dict[str, float | str]] = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        step, products = training_step(), matrix_products()
        milliseconds(step), milliseconds(products)
        pairs = [(milliseconds(step), milliseconds(products)) for _ in range(rounds)]
        step_ms, products_ms = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(a / b for a, b in pairs)
        rows.append({"threads": str(threads), "step_ms": step_ms, "products_ms": products_ms, "ratio": ratio})
    return rows
