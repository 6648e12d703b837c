"""The cost of a step by width of the network, number of images and members of a stack."""

import statistics

import ensemble
import step as one_step
import torch
from torch import Tensor

from vaelab import TrainConfig, recipes
from vaelab.training.loop import TrainStep
from vaelab.training.optimizer import adam

SHAPE, LATENT, BATCH, ROUNDS = (1, 28, 28), 20, 128, 5


def step_ms(hidden: int, images: Tensor) -> float:
    """Return the median step of 784-hidden-20 on random batches of these images."""
    config = TrainConfig(batch_size=BATCH)
    experiment = recipes.vae(SHAPE, LATENT, hidden=(hidden,))
    step = TrainStep(experiment, images, config, adam(experiment, config, images.device), None)
    return statistics.median(
        one_step.milliseconds(lambda: step(torch.randint(len(images), (BATCH,))), 30) for _ in range(ROUNDS)
    )


def noise(n: int) -> Tensor:
    return torch.randint(0, 256, (n, *SHAPE), dtype=torch.uint8)


def stack_ms(members: int) -> float:
    design = ensemble.NETWORKS["mlp 784-400-20 normal"]
    step = ensemble.stacked(ensemble.members(design, members), noise(ensemble.IMAGES))
    ensemble.seconds(step, 2)
    return statistics.median(1e3 * ensemble.seconds(step, max(2, 40 // members)) for _ in range(ROUNDS))


def measure() -> list[dict[str, float | str]]:
    """Measure on one thread; each row is compared with the first of its kind."""
    torch.set_num_threads(1)
    cases = {
        "width": ((50, 100, 200, 400, 800, 1600), lambda hidden: step_ms(hidden, noise(6000))),
        "images": ((1_000, 6_000, 60_000, 240_000), lambda n: step_ms(400, noise(n))),
        "members": ((1, 2, 5, 10, 20, 40), stack_ms),
    }
    rows: list[dict[str, float | str]] = []
    for grows, (values, cost) in cases.items():
        first = None
        for value in values:
            ms = cost(value)
            first = first or ms
            rows.append({"grows": grows, "value": str(value), "ms": ms, "of_the_first": ms / first})
    return rows
