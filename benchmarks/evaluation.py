"""NLL of 10,000 images by 500 importance samples each, with 784-200-200-50 tanh, on two threads.

`peak_mb` is what the evaluation adds to the memory of its process; it must not grow with images or
samples.  Then pythae's own VAE through our report, and its `get_nll` beside ours on the same
network, images and number of samples. It rounds the number of samples down to whole batches of 100
(`drawn`), one image at a time.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
FULL = (10_000, 500)
CASES = (FULL, (1000, 500), (1000, 50), (100, 5000))


def one(images: int, samples: int) -> dict[str, float | str]:
    """Measure wall-clock and processor seconds, and memory, in this process."""
    from posterior import peak_mb

    from vaelab import metrics, recipes
    from vaelab.metrics.adapter import adapted

    torch.manual_seed(1)
    experiment = recipes.iwae((1, 28, 28), 50, network="burda", likelihood="bernoulli", samples=50)
    x = torch.randint(0, 2, (images, 1, 28, 28), dtype=torch.uint8) * 255
    metrics.nll(adapted(experiment), x[:10], 10)
    before, started, worked = peak_mb(), time.perf_counter(), time.process_time()
    estimate = metrics.nll(adapted(experiment), x, samples)
    seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    row: dict[str, float | str] = {"images": str(images), "samples": str(samples), "seconds": seconds, "cpu_s": cpu}
    return {**row, "peak_mb": peak_mb() - before, "nll": estimate.by_images.value, "error": estimate.by_draws}


def inside(images: int, samples: int) -> dict[str, float | str]:
    """Run `one` in a separate process with two threads."""
    command = [sys.executable, __file__, str(images), str(samples)]
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    row: dict[str, float | str] = json.loads(done.stdout.splitlines()[-1])
    return row


def measure() -> list[dict[str, float | str]]:
    """Measure each size, with its targets, then pythae."""
    import loops

    rows = [inside(*case) for case in CASES]
    rows[0] |= {"seconds_at_most": 120.0, "peak_mb_at_most": 200.0}
    command = [loops._environment(), HERE / "evaluation_inside.py"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return rows + json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    torch.set_num_threads(2)
    print(json.dumps(one(int(sys.argv[1]), int(sys.argv[2]))))
