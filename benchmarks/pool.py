"""An alpha x seed sweep of 18 small VAEs: the pool of one-thread processes against one process with two threads."""

import statistics
import time

import torch
from joblib import cpu_count

from vaelab import recipes
from vaelab.runs.executors import sweep
from vaelab.training.config import TrainConfig
from vaelab.training.loop import fit

SHAPE, IMAGES = (1, 28, 28), 6400
TASKS = [{"alpha": alpha, "seed": seed} for alpha in (0.1, 0.3, 0.5, 0.7, 0.9, 1.0) for seed in range(3)]


def train_small(alpha: float, seed: int, epochs: int = 4) -> float:
    """Return the last loss of a 784-400-20 VAE on uint8 noise, batch 128."""
    torch.manual_seed(seed)
    images = torch.randint(0, 256, (IMAGES, *SHAPE), dtype=torch.uint8)
    experiment = recipes.gjs_vae(SHAPE, 20, hidden=(400,), alpha=alpha)
    history = fit(
        experiment, images, TrainConfig(epochs=epochs, batch_size=128, seed=seed, device="cpu", progress=False)
    )
    return history["loss"][-1]


def seconds(processes: int) -> float:
    """Of the whole sweep, the start of the processes and their imports included."""
    torch.set_num_threads(2)
    started = time.perf_counter()
    if len(dict(sweep(train_small, TASKS, processes=processes))) != len(TASKS):
        raise RuntimeError("a training is missing from the sweep")
    return time.perf_counter() - started


def measure(rounds: int = 3) -> list[dict[str, float | str]]:
    """Return the medians over alternating rounds."""
    train_small(0.5, 0, epochs=1)
    pairs = [(seconds(1), seconds(cpu_count())) for _ in range(rounds)]
    one, pool = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    row: dict[str, float | str] = {"trainings": str(len(TASKS)), "one_process_s": one, "pool_s": pool, "ratio": ratio}
    reason = (
        "two threads have gained since freed memory is kept, the two processes share one cache and start with imports"
    )
    return [{**row, "at_least": 1.35, **({"reason": reason} if ratio < 1.35 else {})}]
