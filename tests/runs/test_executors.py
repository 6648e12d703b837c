"""Parallel trainings: every result once on any executor, whichever process dies, and no orphaned workers."""

import logging
import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from distributed import Client, LocalCluster

from vaelab._utils.errors import InvalidType, InvalidValue, TrainingError
from vaelab.runs.cluster import on_dask
from vaelab.runs.executors import SweepError, reason_of, sweep

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


class Unpicklable(Exception):
    def __init__(self, x, *, needed):
        super().__init__(f"{x} cannot leave its process")


def fail(x, unused=None):
    if x == 1:
        raise ValueError(f"{x} is no good")
    if x == 2:
        raise Unpicklable(x, needed=True)
    return x


def interrupt(x):
    raise KeyboardInterrupt


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


def test_a_process_that_is_killed_half_way_costs_no_result(tmp_path, capsys):
    tasks = [{"x": x, "folder": tmp_path} for x in range(8)]
    results = list(kill_half_way(sweep(wait_at_first, tasks, processes=2), tmp_path))
    assert sorted(results) == [(x, x * x) for x in range(8)]
    attempts = sorted(path.name.split("-")[0] for path in tmp_path.iterdir())
    assert attempts == sorted([*map(str, range(8)), str(BLOCKED)]), "no other task has begun twice"
    assert "a worker process died; its task is tried once more" in capsys.readouterr().err


def test_a_dask_worker_that_is_killed_half_way_costs_no_result(tmp_path, dask):
    tasks = [{"x": x, "folder": tmp_path} for x in range(8)]
    results = kill_half_way(sweep(wait_at_first, tasks, dask), tmp_path)
    assert sorted(results) == [(x, x * x) for x in range(8)]
    assert len(list(tmp_path.glob(f"{BLOCKED}-*"))) == 2, "another process has done the task"


def test_a_task_that_kills_its_worker_loses_no_other(capsys):
    results = sweep(die, [{"x": x} for x in range(6)], processes=2)
    finished = []
    with pytest.raises(SweepError, match=r"^1 of 6 tasks failed: x=1: its worker process died twice, most likely"):
        finished.extend(results)
    assert sorted(finished) == [(x, x) for x in range(6) if x != 1]
    assert "tried once more" in capsys.readouterr().err
    assert sorted(sweep(die, [{"x": 0}, {"x": 2}], processes=2)) == [(0, 0), (1, 2)]


def test_workers_have_one_thread_and_a_sweep_that_is_left_stops_its_tasks(tmp_path, recwarn):
    assert [value for _, value in sweep(threads, [{}] * 2, processes=2)] == [1, 1]
    results = sweep(square, [{"x": x, "folder": tmp_path if x else None} for x in range(3)], processes=2)
    assert next(results)[0] == 0
    wait_for(lambda: len(list(tmp_path.iterdir())) == 2)
    results.close()
    wait_for(lambda: not any(alive(int(path.name)) for path in tmp_path.iterdir()), 20)
    assert not recwarn.list


def test_a_sweep_refuses_its_arguments_at_the_call():
    with pytest.raises(InvalidValue, match="processes must be at least 1, got 0"):
        sweep(pow, [{"base": 2, "exp": 3}], processes=0)
    with pytest.raises(InvalidType, match=r"tasks\[0\] must be a mapping, got 3"):
        sweep(pow, [3], processes=1)


def test_an_executor_that_breaks_gets_a_sentence():
    with ProcessPoolExecutor(1) as pool, pytest.raises(TrainingError, match=r"gave up \(a worker died, most likely"):
        list(sweep(die, [{"x": 1}, {"x": 2}], pool))
    threads = ThreadPoolExecutor(1)
    threads.shutdown()
    with pytest.raises(TrainingError, match=r"gave up \(RuntimeError: cannot schedule new futures after shutdown\)"):
        list(sweep(die, [{"x": 1}, {"x": 2}], threads))


def test_a_task_that_kills_every_dask_worker_is_named(cluster, dask):
    cluster.scheduler.allowed_failures = 0
    finished = []
    with pytest.raises(
        SweepError, match=r"x=1: it killed several Dask workers, most likely for lack of memory"
    ) as caught:
        finished.extend(sweep(die, [{"x": x} for x in range(6)], dask))
    assert finished  # Dask blames whatever its worker held as well
    assert sorted([*dict(finished), *caught.value.failures]) == list(range(6))


def test_a_cluster_without_workers_is_waited_for_aloud(capsys):
    with (
        LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as empty,
        on_dask(empty.scheduler_address) as executor,
    ):
        assert "no Dask worker is connected to tcp://127.0.0.1" in capsys.readouterr().err
        empty.scale(1)
        assert [value for _, (value, _) in sweep(square, [{"x": 3}], executor)] == [9]


def test_without_dask_there_is_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InvalidValue, match=r"pip install 'vaelab\[cluster\]'"), on_dask("tcp://127.0.0.1:8786"):
        pass


@pytest.mark.parametrize("where", ["here", "processes", "threads", "dask"])
def test_a_task_that_fails_loses_no_other_and_is_named(where, request):
    """Of 8 tasks with two that fail, 6 are finished, wherever they run; before, the first failure lost the rest."""
    tasks = [{"x": x, "unused": "same"} for x in range(8)]
    executor = {"threads": ThreadPoolExecutor(2), "dask": request.getfixturevalue("dask") if where == "dask" else None}
    finished = []
    with pytest.raises(SweepError) as caught:
        finished.extend(sweep(fail, tasks, executor.get(where), processes=1 if where == "here" else 2))
    assert sorted(finished) == [(x, x) for x in range(8) if x not in (1, 2)]
    assert str(caught.value) == (
        "2 of 8 tasks failed: x=1: ValueError: 1 is no good; x=2: Unpicklable: 2 cannot leave its process."
    )
    assert sorted(caught.value.failures) == [1, 2]
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_what_all_tasks_raise_is_raised_as_it_is():
    for tasks in ([{"x": 1}], [{"x": 1}] * 3):
        with pytest.raises(ValueError, match=r"^1 is no good$"):
            list(sweep(fail, tasks, processes=1))


def test_an_interruption_is_no_failure_of_a_task():
    with pytest.raises(KeyboardInterrupt):
        list(sweep(interrupt, [{"x": 1}, {"x": 2}], processes=1))


def test_a_reason_is_never_empty():
    assert reason_of(KeyError()) == "KeyError"
    assert reason_of(TrainingError("")) == "TrainingError"
    assert reason_of(TrainingError("two\nlines.")) == "two lines"
    assert reason_of(OSError(28, "No space left")) == "OSError: [Errno 28] No space left"


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
    parent.wait(timeout=60)
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
