"""Sweeps and figures that are killed at random moments end like undisturbed ones."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KILLS = 5
START = """
import sys
import vaelab.runs.execute, vaelab.runs.cluster, figures.build
from pathlib import Path
from figures import build, registry
from figures.registry import FIGURES
from vaelab.runs.execute import train_all
from vaelab.runs.run import Run
print("ready", flush=True)
"""
SWEEP = """
from vaelab.cli import sweep
runs = [Run("gjs_vae", {"alpha": a}, data="digits", latent=2, hidden=(8,), epochs=2, seed=s)
        for a in (0.2, 0.5, 0.8) for s in range(2)]
sweep._write_table(Path(sys.argv[1]) / "table.csv", runs, train_all(runs, "cpu"))
"""
FIGURE = """
build.make(["gjs-1d", "gjs-limits"], out=sys.argv[1])
"""


def run(code, folder, seconds=None):
    """Run code with an output folder and a store; kill it some seconds after it has begun."""
    environment = {**os.environ, "VAELAB_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    environment |= {"LOKY_MAX_CPU_COUNT": "1"}  # in this process: workers are killed in test_executors
    command = [sys.executable, "-c", START + code, str(folder)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n", process.communicate()[1]
    if seconds is not None:
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
    errors = process.communicate(timeout=300)[1]
    assert process.returncode in ((0, -signal.SIGKILL) if seconds is not None else (0,)), errors
    assert "Traceback" not in errors


def contents(folder):
    """Every file but the store, and the seconds of a table; and the names in the store."""
    files = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    stored = {path for path in files if "cache" in path.parts}
    table = {path: files[path] for path in files if path not in stored and path.name != "manifest.json"}
    for path in table:
        if path.name == "table.csv":
            table[path] = [line.rsplit(b",", 1)[0] for line in table[path].splitlines()]
    return table, {path for path in stored if "__pycache__" not in path.parts}


@pytest.mark.parametrize("code", [SWEEP, FIGURE], ids=["sweep", "figures"])
def test_what_is_killed_and_run_again_ends_like_what_was_not(tmp_path, code):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    started = time.monotonic()
    run(code, whole)
    length, moments = min(time.monotonic() - started, 4.0), random.Random(0)
    for _ in range(KILLS):
        run(code, killed, moments.uniform(0.0, length / 2))
    run(code, killed)
    assert contents(killed) == contents(whole)
    assert not [path for path in killed.rglob("*") if path.name.endswith((".part", ".lock"))]
