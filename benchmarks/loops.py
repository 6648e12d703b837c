"""An epoch of the 784-400-20 MLP-VAE: vaelab's loop, a DataLoader loop and pythae 0.1.2.

pythae has its own environment, created once; all three run in it alternately, in one process.
"""

import json
import subprocess
import sys
from pathlib import Path

REASON = "about two thirds of our step are the matrix products, which every loop has to do (step.json)"
HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv-pythae"
LOOP = ["torch==2.13.0", "numpy", "tqdm", "safetensors"]
NEEDS = [*LOOP, "pydantic", "cloudpickle", "imageio", "scikit-learn", "typing-extensions"]


def measure(rounds: int = 5) -> list[dict[str, float | str]]:
    """Measure samples per second (medians) and the ratio of vaelab to each peer, by threads."""
    python = _environment()
    rows: list[dict[str, float | str]] = []
    for threads in (1, 2):
        command = [python, HERE / "loops_inside.py", str(threads), str(rounds)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        row = json.loads(done.stdout.splitlines()[-1])
        missed = [name for name in ("dataloader", "pythae") if row[f"times_{name}"] < row[f"times_{name}_at_least"]]
        reason = {"reason": f"{' and '.join(missed)}: {REASON}"} if missed else {}
        rows.append({"threads": str(threads), **row, **reason})
    return rows


def _environment() -> Path:
    python = VENV / "bin" / "python"
    if not (VENV / ".ready").is_file():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        pip = [python, "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--constraint", HERE.parent / "constraints.txt", *NEEDS], check=True)
        subprocess.run([*pip, "--no-deps", "pythae==0.1.2"], check=True)
        (VENV / ".ready").touch()
    return python
