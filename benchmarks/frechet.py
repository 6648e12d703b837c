"""The Fréchet distance beside torch-fidelity's on random features and halves of CIFAR-10 test.

torch-fidelity has its own environment, created once.  The Inception features of 10,000 images take
an hour on a busy CPU core; they are cached, a part at a time.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vaelab import load
from vaelab._utils.files import atomic_write, cache_folder
from vaelab.metrics import fid
from vaelab.metrics.frechet import frechet_distance

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv-fidelity"
IMAGES, PART = 10_000, 500


def measure() -> list[dict[str, float | str]]:
    """Compare both values and their times in seconds, on one thread."""
    torch.set_num_threads(1)
    python = _environment()
    rows: list[dict[str, float | str]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, (a, b) in _pairs().items():
            for side, features in (("a", a), ("b", b)):
                np.save(Path(folder) / f"{side}.npy", features.numpy())
            started = time.perf_counter()
            ours = frechet_distance(a, b)
            seconds = time.perf_counter() - started
            command = [python, HERE / "frechet_inside.py", folder]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            theirs = json.loads(done.stdout.splitlines()[-1])
            rows.append(
                {
                    "features": name,
                    "vaelab": ours,
                    "torch_fidelity": theirs["value"],
                    "difference": abs(ours - theirs["value"]),
                    "vaelab_s": seconds,
                    "torch_fidelity_s": theirs["seconds"],
                }
            )
    return rows


def _pairs() -> dict[str, tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(64, 64, generator=generator)
    known, other = (torch.randn(5000, 64, generator=generator) @ mixing * scale for scale in (1.0, 1.1))
    halves = _cifar_features().chunk(2)
    return {
        "64 random, equal sets": (known, known.flip(0)),
        "64 random": (known, other + 0.1),
        f"2048 Inception, {IMAGES // 2:,} against {IMAGES // 2:,} of CIFAR-10 test": (halves[0], halves[1]),
        f"2048 Inception, {IMAGES // 2:,} against themselves": (halves[0], halves[0].flip(0)),
    }


def _cifar_features() -> Tensor:
    images = load("cifar10", "test").images
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[:IMAGES]
    parts = []
    for number, part in enumerate(order.split(PART)):
        path = cache_folder() / "inception" / f"cifar10-test-{number:02d}.npy"
        if not path.is_file():
            with atomic_write(path) as written, written.open("wb") as file:
                np.save(file, fid.features(images[part], progress=True).numpy())
        parts.append(torch.from_numpy(np.load(path, allow_pickle=False)))
    return torch.cat(parts)


def _environment() -> Path:
    python = VENV / "bin" / "python"
    if not (VENV / ".ready").is_file():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--constraint", HERE.parent / "constraints.txt"]
        subprocess.run([*pip, "torch", "numpy", "pillow", "tqdm"], check=True)
        subprocess.run([*pip, "--no-deps", "torch-fidelity==0.4.0"], check=True)
        (VENV / ".ready").touch()
    return python
