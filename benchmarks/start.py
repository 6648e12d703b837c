"""The time to the first step, and the memory of a training, on 60,000 images of 28 x 28 pixels.

The memory is the growth of the peak over that of a process with the imports done. Expected: data +
4 x parameters (weights, gradients, two moments) + activations.
"""

import json
import subprocess
import sys

INSIDE = """
import json, re, time, torch
from pathlib import Path
from vaelab import TrainConfig, recipes, train

def peak():
    # not getrusage: that peak would be inherited from the process that started this one
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

torch.set_num_threads(1)
warm = recipes.vae((1, 4, 4), 2, hidden=(4,))
for _ in train(warm, torch.zeros(8, 1, 4, 4), TrainConfig(steps=2, batch_size=4, device="cpu")):
    pass
before = peak()
images = torch.randint(0, 256, (60_000, 1, 28, 28), dtype=torch.uint8)
experiment = recipes.vae((1, 28, 28), 20, hidden=(400,))
started = time.perf_counter()
for progress in train(experiment, images, TrainConfig(epochs=4, batch_size=128, device="cpu")):
    if progress.step == 1:
        first = time.perf_counter() - started
    if progress.step == 50:
        early = peak() - before
    if progress.step == 1000:
        break
parameters = sum(p.numel() for p in experiment.parameters()) * 4 / 2**20
print(json.dumps({
    "first_step_s": first, "data_mb": images.numel() / 2**20, "parameters_mb": parameters,
    "peak_mb_at_step_50": early, "peak_mb_at_step_1000": peak() - before,
}))
"""


def measure() -> list[dict[str, float | str]]:
    """Measure in a separate process."""
    done = subprocess.run([sys.executable, "-c", INSIDE], check=True, stdout=subprocess.PIPE, text=True)
    return [{**json.loads(done.stdout.splitlines()[-1]), "first_step_s_at_most": 1.0}]
