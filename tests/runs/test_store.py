"""The run store: a killed sweep resumes on any executor, and nothing is computed twice."""

import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from tests.runs.test_executors import wait_for
from vaelab._utils.errors import StorageError, TrainingError
from vaelab.runs.execute import train_all, train_one
from vaelab.runs.executors import SweepError
from vaelab.runs.run import Run
from vaelab.runs.store import BatchRunner, cached, find, key, merge_results, recipe, recipe_of, run_cached, save


@recipe("cube", version=1)
def cube(x, folder, pause=0.0):
    """Leaves one line per call in folder/X."""
    with (Path(folder) / str(x)).open("a") as file:
        file.write("called\n")
    time.sleep(pause)
    return {"cube": np.array(x**3)}


def calls(folder):
    return {int(path.name): len(path.read_text().splitlines()) for path in folder.iterdir()}


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path / "store"))
    return tmp_path / "store" / "runs"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "calls").mkdir()
    return tmp_path / "calls"


SCRIPT = """
import sys; sys.path.insert(0, {tests!r})
from tests.runs.test_store import cube
from vaelab.runs.store import run_cached
if __name__ == "__main__":
    run_cached(cube, {tasks!r}, [""] * {n}, processes=2)
"""


def test_a_killed_sweep_resumes(tmp_path, store, folder):
    tasks = [{"x": x, "folder": str(folder), "pause": 0.5} for x in range(8)]
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parents[2]), tasks=tasks, n=len(tasks)))
    process = subprocess.Popen([sys.executable, script], stderr=subprocess.DEVNULL)
    wait_for(lambda: len(list(store.glob("*/numbers.npz"))) >= 3)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    time.sleep(0.5)  # the workers notice
    landed = {x for x, task in enumerate(tasks) if find(key(recipe_of(cube), task), recipe_of(cube)) is not None}
    before = calls(folder)
    assert 3 <= len(landed) < 8
    results = run_cached(cube, tasks, [""] * 8, processes=1)
    assert [int(result.numbers["cube"]) for result in results] == [x**3 for x in range(8)]
    assert calls(folder) == {x: before.get(x, 0) + (x not in landed) for x in range(8)}


def test_what_one_executor_computed_no_other_computes_again(store, folder):
    tasks = [{"x": x, "folder": str(folder)} for x in range(4)]
    with ThreadPoolExecutor(2) as threads:
        first = run_cached(cube, tasks[:3], [""] * 3, threads)
    second = run_cached(cube, tasks, [""] * 4, processes=1)
    assert [result.key for result in second[:3]] == [result.key for result in first]
    assert calls(folder) == dict.fromkeys(range(4), 1)
    assert len(list(store.glob("*/numbers.npz"))) == len(list(store.glob("*/settings.json"))) == 4


def test_equal_tasks_are_computed_once(store, folder):
    results = run_cached(cube, [{"x": 2, "folder": str(folder)}] * 3, [""] * 3)
    assert [int(result.numbers["cube"]) for result in results] == [8, 8, 8]
    assert calls(folder) == {2: 1}


def test_other_data_is_another_result(store, folder):
    settings = {"x": 2, "folder": str(folder)}
    assert cached(cube, settings, "a").key != cached(cube, settings, "b").key
    assert calls(folder) == {2: 2}


def test_another_version_is_another_result_and_another_function_is_not(store, folder):
    settings = {"x": 2, "folder": str(folder)}
    first = cached(cube, settings)

    @recipe("cube", version=1)
    def renamed(x, folder):
        raise AssertionError("this was computed before")

    @recipe("cube", version=2)
    def improved(x, folder):
        return {"cube": np.array(x**3 + 1)}

    assert cached(renamed, settings).key == first.key
    assert int(cached(improved, settings).numbers["cube"]) == 9


def test_a_result_records_where_it_comes_from(store, folder):
    first, second = (cached(cube, {"x": x, "folder": str(folder)}) for x in (1, 2))
    for result in (first, cached(cube, {"x": 1, "folder": str(folder)})):
        assert result.recipes == (("cube", 1),)
        assert result.provenance.versions["numpy"] == np.__version__
        assert re.fullmatch(r"([0-9a-f]{12}\+?)?", result.provenance.commit)
        assert re.search(r"\d cores, .*\d thread", result.provenance.machine)
        assert result.provenance.seconds >= 0
    merged = merge_results({}, [first, second])
    assert merged.provenance.seconds == pytest.approx(first.provenance.seconds + second.provenance.seconds)
    assert merged.key not in (first.key, second.key)


@recipe("break-at-two", version=1)
def break_at_two(x, folder):
    if x == 2:
        raise TrainingError("two is too much")
    return cube(x, folder)


def test_what_landed_before_an_error_is_kept(store, folder):
    tasks = [{"x": x, "folder": str(folder)} for x in range(4)]
    for _ in range(2):
        with pytest.raises(TrainingError, match="too much"):
            run_cached(break_at_two, tasks, [""] * 4, processes=1)
    assert calls(folder) == {0: 1, 1: 1, 3: 1}


def test_a_store_that_cannot_be_written_gets_a_sentence(store, folder):
    store.parent.write_text("a file where the folder should be")
    with pytest.raises(StorageError, match=r"not a folder|file is where"):
        cached(cube, {"x": 1, "folder": str(folder)})


def test_trainings_in_threads_do_not_disturb_each_other(store):
    """torch has one random generator per process: two trainings at once would each get a part of its draws."""
    runs = [Run("vae", data="digits", latent=4, hidden=(16,), epochs=3, seed=seed) for seed in (1, 2)]
    with ThreadPoolExecutor(2) as threads:
        together = train_all(runs, "cpu", threads)
    for run, result in zip(runs, together, strict=True):
        alone = train_one(**asdict(run), device="cpu")
        np.testing.assert_allclose(result.numbers["mean"], alone["mean"], rtol=1e-4, atol=1e-5)
    assert not np.allclose(together[0].numbers["mean"], together[1].numbers["mean"], atol=1e-2)


MEMBERS = {"data": "digits", "latent": 4, "hidden": (16,), "epochs": 1}


@pytest.mark.parametrize("where", ["here", "processes", "threads", "stacked"])
def test_a_member_that_diverges_loses_no_other(store, monkeypatch, where):
    """Members lost: 0. Before, all others were, on every retry: 7 of 7, and 4 of 4 in a stack."""
    bad = 2
    if where == "stacked":  # members of a stack differ in options and seeds only
        runs = [Run("vae", {"gamma": 1e-22 if seed == bad else 1.0}, **MEMBERS, seed=seed) for seed in range(4)]
    else:
        runs = [Run("vae", {}, **MEMBERS, lr=1e6 if seed == bad else 1e-3, seed=seed) for seed in range(4)]
    monkeypatch.setattr("vaelab.runs.executors.cpu_count", lambda: 2 if where == "processes" else 1)
    executor = ThreadPoolExecutor(2) if where == "threads" else None
    trained = []
    monkeypatch.setattr("vaelab.runs.store.save", lambda *args: trained.append(args[0].key) or save(*args))
    words = rf"^1 of {len(runs)} tasks failed: recipe='vae', options=.*, seed=2: .* became"
    for _ in range(2):  # the sweep that is run again trains only that one
        with pytest.raises(SweepError, match=words) as caught:
            train_all(runs, "cpu", executor, stacked=where == "stacked")
        assert [result is None for result in caught.value.results] == [i == bad for i in range(len(runs))]
        assert list(caught.value.failures) == [bad]
        assert len(trained) == len(set(trained)) == len(runs) - 1
        assert len(list(store.glob("*/numbers.npz"))) == len(runs) - 1
    others = [run for i, run in enumerate(runs) if i != bad]
    assert [result.key for result in train_all(others, "cpu")] == [r.key for r in caught.value.results if r]


def test_a_stack_that_fails_as_a_whole_is_computed_one_by_one(store, folder):
    def together(tasks):
        if len(tasks) > 1:
            raise MemoryError
        return [cube(**task) for task in tasks]

    tasks = [{"x": x, "folder": str(folder)} for x in range(4)]
    batch = BatchRunner(lambda _: [[0, 1, 2], [3]], together)
    with pytest.raises(SweepError, match=r"1 of 4 tasks failed: x=2: two is too much\."):
        run_cached(break_at_two, tasks, [""] * 4, processes=1, batch=batch)
    assert calls(folder) == dict.fromkeys((0, 1, 3), 1)


def test_one_run_that_fails_raises_its_own_error(tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path))
    run = Run("gjs_vae", {"alpha": 0.3}, **MEMBERS, lr=1e6, seed=5)
    with pytest.raises(TrainingError, match="became") as caught:
        train_all([run], "cpu")
    assert not isinstance(caught.value, SweepError)
    assert not list(tmp_path.iterdir())


RACE = """
import sys; sys.path.insert(0, {tests!r})
from tests.runs.test_store import cube
from vaelab.runs.store import run_cached
print([int(r.numbers["cube"]) for r in run_cached(cube, {tasks!r}, [""] * {n}, processes=1, progress=False)])
"""


def test_two_sweeps_into_one_store_end_alike(tmp_path, store, folder):
    tasks = [{"x": x, "folder": str(folder), "pause": 0.02} for x in range(12)]
    script = RACE.format(tests=str(Path(__file__).parents[2]), tasks=tasks, n=len(tasks))
    both = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0] for process in both] == [f"{[x**3 for x in range(12)]}\n"] * 2
    assert sorted({path.name for path in store.glob("*/*")}) == ["numbers.npz", "settings.json"]
    assert len(list(store.iterdir())) == 12
