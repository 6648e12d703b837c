"""Parallel trainings: every result once on any executor, whichever process dies, and no orphaned workers."""

import logging
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from distributed import Client, LocalCluster

from vaelab._utils.errors import InvalidValue, TrainingError
from vaelab.runs.executors import on_dask, sweep

BLOCKED = 3


def square(x, folder=None):
    if folder is not None:
        (folder / f"{os.getpid()}").touch()
        time.sleep(60)
    return x * x, os.getpid()


def wait_at_first(x, folder):
    """The first attempt at task BLOCKED never ends; every attempt leaves a file TASK-PID."""
    first = not list(folder.glob(f"{x}-*"))
    (folder / f"{x}-{os.getpid()}").touch()
    if x == BLOCKED and first:
        time.sleep(60)
    return x * x


def die(x):
    if x == 1:
        os._exit(3)
    return x


def fail(x):
    raise ValueError(f"{x} is no good")


def threads():
    return torch.get_num_threads()


def settings(workers, retries, key):
    return workers + retries + key


@pytest.fixture(scope="module")
def cluster():
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
    ) as cluster:
        yield cluster


@pytest.fixture
def dask(cluster):
    with Client(cluster) as client:
        client.wait_for_workers(2)
        yield client.get_executor()


@pytest.mark.parametrize("processes", [1, 2])
def test_every_result_comes_once(processes):
    results = dict(sweep(square, [{"x": x} for x in range(6)], processes=processes))
    assert {index: value for index, (value, _) in results.items()} == {x: x * x for x in range(6)}
    here = {pid == os.getpid() for _, pid in results.values()}
    assert here == {processes == 1}


def test_every_result_comes_once_from_threads_and_the_executor_stays_open():
    with ThreadPoolExecutor(2) as threads:
        for _ in range(2):
            results = list(sweep(square, [{"x": x} for x in range(6)], threads))
            assert sorted(index for index, _ in results) == list(range(6))
            assert all(value == index**2 for index, (value, _) in results)


def test_every_result_comes_once_from_dask(dask):
    tasks = [{"x": x} for x in range(6)] * 2
    results = list(sweep(square, tasks, dask))
    assert sorted(index for index, _ in results) == list(range(12))
    assert all(value == (index % 6) ** 2 for index, (value, _) in results)
    assert os.getpid() not in {pid for _, (_, pid) in results}


def test_a_setting_is_never_taken_for_an_option_of_the_executor(dask):
    assert list(sweep(settings, [{"workers": 1, "retries": 2, "key": 3}], dask)) == [(0, 6)]


def kill_half_way(results, folder):
    """Yield the results, and kill the process that is at task BLOCKED when the third result has come."""
    for number, result in enumerate(results, 1):
        yield result
        if number == 3:
            wait_for(lambda: list(folder.glob(f"{BLOCKED}-*")))
            (attempt,) = folder.glob(f"{BLOCKED}-*")
            os.kill(int(attempt.name.split("-")[1]), signal.SIGKILL)


def test_a_process_that_is_killed_half_way_gets_a_sentence_and_costs_no_finished_result(tmp_path):
    tasks = [{"x": x, "folder": tmp_path} for x in range(8)]
    results = []
    with pytest.raises(TrainingError, match="a worker died"):
        results.extend(kill_half_way(sweep(wait_at_first, tasks, processes=2), tmp_path))
    first = dict(results)
    assert 3 <= len(first) < 8
    rest = [index for index in range(8) if index not in first]
    again = {rest[i]: value for i, value in sweep(wait_at_first, [tasks[index] for index in rest], processes=2)}
    assert first | again == {x: x * x for x in range(8)}


def test_a_dask_worker_that_is_killed_half_way_costs_no_result(tmp_path, dask):
    tasks = [{"x": x, "folder": tmp_path} for x in range(8)]
    results = kill_half_way(sweep(wait_at_first, tasks, dask), tmp_path)
    assert sorted(results) == [(x, x * x) for x in range(8)]
    assert len(list(tmp_path.glob(f"{BLOCKED}-*"))) == 2, "another process has done the task"


def test_a_task_that_kills_its_worker_gets_a_sentence_and_the_next_sweep_runs():
    with pytest.raises(TrainingError, match="a worker died"):
        list(sweep(die, [{"x": 0}, {"x": 1}, {"x": 2}], processes=2))
    assert sorted(sweep(die, [{"x": 0}, {"x": 2}], processes=2)) == [(0, 0), (1, 2)]


def test_workers_have_one_thread_and_a_sweep_that_is_left_stops_its_tasks(tmp_path, recwarn):
    assert [value for _, value in sweep(threads, [{}] * 2, processes=2)] == [1, 1]
    results = sweep(square, [{"x": x, "folder": tmp_path if x else None} for x in range(3)], processes=2)
    assert next(results)[0] == 0
    wait_for(lambda: len(list(tmp_path.iterdir())) == 2)
    results.close()
    wait_for(lambda: not any(alive(int(path.name)) for path in tmp_path.iterdir()), 20)
    assert not recwarn.list


def test_an_executor_that_breaks_gets_a_sentence():
    with ProcessPoolExecutor(1) as pool, pytest.raises(TrainingError, match="a worker died or the executor gave up"):
        list(sweep(die, [{"x": 1}, {"x": 2}], pool))


def test_a_task_that_kills_every_dask_worker_gets_a_sentence(cluster):
    cluster.scheduler.allowed_failures = 0

    def deadly_sweep():
        with on_dask(cluster.scheduler_address) as executor:
            list(sweep(die, [{"x": 1}], executor))

    with pytest.raises(TrainingError, match="killed several Dask workers"):
        deadly_sweep()


def test_a_cluster_without_workers_is_waited_for_aloud(capsys):
    with (
        LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as empty,
        on_dask(empty.scheduler_address) as executor,
    ):
        assert "waiting for workers" in capsys.readouterr().err
        empty.scale(1)
        assert [value for _, (value, _) in sweep(square, [{"x": 3}], executor)] == [9]


def test_without_dask_there_is_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InvalidValue, match=r"pip install 'vaelab\[cluster\]'"), on_dask("tcp://127.0.0.1:8786"):
        pass


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_in_a_task_reaches_the_caller(processes):
    with pytest.raises(ValueError, match="is no good"):
        list(sweep(fail, [{"x": 1}, {"x": 2}], processes=processes))


def test_an_error_on_an_executor_reaches_the_caller():
    with ThreadPoolExecutor(2) as threads, pytest.raises(ValueError, match="is no good"):
        list(sweep(fail, [{"x": 1}, {"x": 2}], threads))


SCRIPT = """
import sys; sys.path.insert(0, {tests!r})
from pathlib import Path
from tests.runs.test_executors import square
from vaelab.runs.executors import sweep
if __name__ == "__main__":
    list(sweep(square, [dict(x=x, folder=Path({folder!r})) for x in range(2)], processes=2))
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_outlives_its_parent(tmp_path, how):
    (tmp_path / "pids").mkdir()
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parents[2]), folder=str(tmp_path / "pids")))
    parent = subprocess.Popen([sys.executable, script], stderr=subprocess.DEVNULL)
    wait_for(lambda: len(list((tmp_path / "pids").iterdir())) == 2)
    workers = [int(path.name) for path in (tmp_path / "pids").iterdir()]
    parent.send_signal(how)
    parent.wait(timeout=20)
    wait_for(lambda: not any(alive(pid) for pid in workers))


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")  # a dead worker may wait for init to collect it
    return not stat.is_file() or stat.read_text().split()[2] != "Z"
