"""The number of threads follows the load of the machine, and threads that wait sleep soon."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vaelab import TrainConfig, recipes, train
from vaelab._utils import spinning, threads

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def machine(monkeypatch):
    """A machine of two cores whose clock and load are the test's: others(cores) lets a second pass."""
    now, busy = [100.0], [50.0]
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(threads.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(threads, "_busy_seconds", lambda: busy[0])
    torch.set_num_threads(2)

    def others(cores, seconds=1.5):
        now[0] += seconds
        busy[0] += seconds * cores

    yield others
    torch.set_num_threads(1)


def test_fewer_threads_while_others_use_the_cores_and_as_many_as_before_after(machine, capsys):
    counts = []
    with threads.adapt_threads(announce=True) as adapt:
        for cores in (0.1, 1.0, 1.9, 0.6, 0.0, 1.0):
            machine(cores)
            adapt()
            counts.append(torch.get_num_threads())
    assert counts == [2, 1, 1, 1, 2, 1]
    assert torch.get_num_threads() == 2
    assert capsys.readouterr().err.count("vaelab: 1 thread instead of 2") == 1


def test_between_two_looks_nothing_changes(machine):
    with threads.adapt_threads() as adapt:
        machine(2.0, seconds=0.5)
        adapt()
        assert torch.get_num_threads() == 2


@pytest.mark.parametrize("reason", ["the environment decides", "not wanted", "nobody says"])
def test_the_number_of_threads_stays(machine, monkeypatch, reason):
    if reason == "the environment decides":
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
    if reason == "nobody says":
        monkeypatch.setattr(threads, "_busy_seconds", lambda: None)
    with threads.adapt_threads(reason != "not wanted") as adapt:
        machine(2.0)
        adapt()
        assert torch.get_num_threads() == 2


@pytest.mark.parametrize("stored", [False, True])
def test_a_training_adapts_unless_it_promises_to_resume_bit_for_bit(machine, tmp_path, stored):
    experiment = recipes.vae((1, 4, 4), 2, hidden=(4,))
    folder = tmp_path if stored else None
    config = TrainConfig(steps=3, batch_size=4, device="cpu", progress=False, checkpoints=folder)
    counts = []
    for _ in train(experiment, torch.zeros(8, 1, 4, 4), config):
        counts.append(torch.get_num_threads())
        machine(1.0)
    assert counts == ([2, 2, 2] if stored else [2, 1, 1])
    assert torch.get_num_threads() == 2


def test_what_others_use_is_read_from_the_kernel(monkeypatch, tmp_path):
    file = tmp_path / "stat"
    file.write_text("cpu  100 20 30 999 888 4 5 6 0 0\ncpu0 1 2\n")
    monkeypatch.setattr(threads, "CPU_TIMES", file)
    monkeypatch.setattr(threads.time, "process_time", lambda: 0.25)
    assert threads._busy_seconds() == pytest.approx(165 / os.sysconf("SC_CLK_TCK") - 0.25)
    file.write_text("something else")
    assert threads._busy_seconds() is None
    monkeypatch.setattr(threads, "CPU_TIMES", tmp_path / "missing")
    assert threads._busy_seconds() is None


def test_the_number_of_threads_is_said(machine, monkeypatch):
    assert threads.describe_threads() == "at most 2 threads" if threads.CPU_TIMES.exists() else "2 threads"
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert threads.describe_threads() == "2 threads"
    torch.set_num_threads(1)
    assert threads.describe_threads() == "1 thread"


@pytest.mark.skipif(sys.platform != "linux", reason="GNU's OpenMP")
@pytest.mark.parametrize(
    ("imports", "environment", "expected"),
    [
        ("vaelab", {}, "10000"),
        ("vaelab", {"OMP_WAIT_POLICY": "ACTIVE"}, "None"),
        ("vaelab", {"GOMP_SPINCOUNT": "7"}, "7"),
        ("torch, vaelab", {}, "None"),
    ],
)
def test_spinning_is_limited_before_torch_is_imported(imports, environment, expected):
    clean = {name: value for name, value in os.environ.items() if name not in spinning.CHOSEN}
    code = f"import {imports}, os; print(os.environ.get('GOMP_SPINCOUNT'))"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**clean, **environment}, stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout.strip() == expected


def test_the_kernel_limits_spinning_too_since_a_notebook_may_import_torch_first():
    kernel = json.loads((ROOT / "jupyter" / "kernel.json").read_text())
    assert spinning.SPINS.items() <= kernel["env"].items()
