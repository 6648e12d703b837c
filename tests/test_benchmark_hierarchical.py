"""The benchmark of hierarchies on a toy batch: its rows, and what they must say whatever the machine."""

import importlib
import sys
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module("hierarchical")
    sys.modules.pop("hierarchical")


def test_the_benchmark_compares_the_tiny_hierarchy_with_the_flat_network(benchmark, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    rows = benchmark.measure(rounds=1, steps=1, batch=4)
    *cpu, gpu = rows
    assert "was not measured" in gpu["note"]
    assert [row["threads"] for row in cpu] == ["1"] * 3 + ["2"] * 3
    for flat, tiny, checkpointed in (cpu[:3], cpu[3:]):
        assert flat["of_flat"] == 1
        assert tiny["images_per_s"] == pytest.approx(4 / (tiny["step_ms"] / 1e3))
        assert tiny["epoch_s"] == pytest.approx(10_000 / tiny["images_per_s"])
        assert checkpointed["stored_mb"] < 0.85 * tiny["stored_mb"]  # much is outside of cells, at 16x16 and 32x32
    assert torch.get_num_threads() == 1


@pytest.mark.gpu
def test_every_mode_of_a_gpu_trains_the_published_preset(benchmark):
    rows = benchmark.on_gpu(3)
    assert [row["mode"] for row in rows] == list(benchmark.MODES)
    assert all(row["images_per_s"] > 0 and row["memory_gb"] > 0 for row in rows)
