"""Dask clusters that fail: other software on a worker, no worker, a scheduler that is silent or gone."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from distributed import Client, LocalCluster

from tests.runs.test_store import cube
from vaelab._utils.errors import InvalidValue, TrainingError
from vaelab.runs import cluster, executors, provenance
from vaelab.runs.cluster import on_dask
from vaelab.runs.executors import sweep
from vaelab.runs.provenance import OtherSoftware, software
from vaelab.runs.store import run_cached

ROOT = Path(__file__).parents[2]
DASK = [sys.executable, "-m"]


def start_worker(address, path=ROOT):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(path), str(ROOT)]), "OMP_NUM_THREADS": "1"}
    command = [*DASK, "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=path)


def stop(*processes):
    for process in processes:
        process.kill()
        process.wait()


def test_a_worker_with_another_vaelab_stores_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path / "store"))
    (tmp_path / "calls").mkdir()
    other = tmp_path / "other"
    shutil.copytree(ROOT / "vaelab", other / "vaelab", ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "vaelab" / "divergences" / "gaussian.py").open("a") as file:
        file.write("\n# another formula\n")
    tasks = [{"x": x, "folder": str(tmp_path / "calls")} for x in range(3)]
    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=None) as empty:
        worker = start_worker(empty.scheduler_address, other)
        try:
            with Client(empty) as client:
                client.wait_for_workers(1, timeout=60)
                words = rf"got vaelab .*\(source .*instead of .*\(source {provenance.SOURCE}\) on the "
                with (
                    pytest.raises(OtherSoftware, match=words + "Dask worker tcp://") as caught,
                    on_dask(empty.scheduler_address),
                ):
                    pass
                assert str(caught.value).isprintable()
                with pytest.raises(OtherSoftware, match=words + "worker"):  # that has joined later
                    run_cached(cube, tasks, [""] * 3, client.get_executor(), progress=False)
        finally:
            stop(worker)
    assert not list((tmp_path / "calls").iterdir())
    assert not list((tmp_path / "store").rglob("*.npz"))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (ModuleNotFoundError("No module named 'vaelab'"), r"got vaelab none \(ModuleNotFoundError: No module"),
        ({**software(), "torch": "1.0.0"}, r"got torch 1\.0\.0 instead of"),
        ({**software(), "vaelab": "0.0.9"}, r"got vaelab 0\.0\.9 instead of"),
    ],
)
def test_what_a_worker_lacks_is_named(answer, words):
    client = SimpleNamespace(run=lambda *_, **__: {"tcp://a:1": software(), "tcp://b:2": answer})
    with pytest.raises(OtherSoftware, match=words + r".* on the Dask worker tcp://b:2; .* install the same"):
        cluster._require_our_software(client)


def test_another_version_of_the_recipe_is_refused(monkeypatch):
    from vaelab.runs import store

    expected = store._software(cube)
    monkeypatch.setattr(cube, "recipe", store.Recipe("cube", 7))
    with pytest.raises(OtherSoftware, match="got recipe cube version 7 instead of version 1 on the worker"):
        store._timed(cube, None, expected, [{"x": 1}])


def test_no_wait_without_a_word_and_none_without_an_end(tmp_path, monkeypatch, capsys):
    """The scheduler does not answer for a while, then its worker is killed, then itself."""
    monkeypatch.setattr(executors, "POLL", 0.1)
    monkeypatch.setattr(cluster, "CONNECT", 60.0)  # however busy this machine is
    command = [*DASK, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    command += ["--scheduler-file", str(tmp_path / "scheduler.json")]
    scheduler = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    address = next(line for line in scheduler.stderr if "Scheduler at:" in line).split()[-1]
    worker = start_worker(address)

    def interrupted(process, how, until=lambda executor: True):
        with on_dask(address, patience=1) as executor:
            process.send_signal(how)
            while not until(executor):
                time.sleep(0.05)
            list(sweep(pause, [{"seconds": 60.0}] * 2, executor))

    try:
        with Client(address) as client:
            client.wait_for_workers(1, timeout=60)
        monkeypatch.setattr(cluster, "ANSWER", 1.0)  # each look at the stopped scheduler takes as long
        with pytest.raises(TrainingError, match=f"the Dask scheduler at {address} does not answer, for [0-9]+ seconds"):
            interrupted(scheduler, signal.SIGSTOP)
        assert f"vaelab: the Dask scheduler at {address} does not answer; waiting for" in capsys.readouterr().err
        scheduler.send_signal(signal.SIGCONT)
        monkeypatch.setattr(cluster, "ANSWER", 60.0)
        with pytest.raises(TrainingError, match=f"no Dask worker is connected to {address}, for [0-9]+ seconds"):
            interrupted(worker, signal.SIGKILL)
        words = f"no Dask worker is connected to {address}; waiting for up to [01] seconds; start workers with `dask "
        assert re.search(words, capsys.readouterr().err)
        with pytest.raises(TrainingError, match=f"the connection to the Dask scheduler at {address} is lost"):
            interrupted(scheduler, signal.SIGKILL, lambda executor: executor.client.status != "running")
        monkeypatch.setattr(cluster, "CONNECT", 0.5)
        with pytest.raises(InvalidValue, match=f"no Dask scheduler answers at '{address}'"), on_dask(address):
            pass
    finally:
        stop(scheduler, worker)
        scheduler.stderr.close()


def test_a_closed_connection_takes_no_tasks():
    client = SimpleNamespace(status="closed", get_executor=lambda: None)
    executor = cluster.DaskExecutor(client, "tcp://a:1", patience=1)
    with pytest.raises(TrainingError, match=r"gave up \(the connection to the Dask scheduler at tcp://a:1 is lost\)"):
        list(sweep(pause, [{"seconds": 0.0}] * 2, executor))


def pause(seconds):
    time.sleep(seconds)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("tls://127.0.0.1:8786", r"'tls://127.0.0.1:8786' \(it needs certificates\); set distributed.comm.tls.ca-file"),
        ("nonsense", r"got 'nonsense' \(ValueError: missing port number .*\); give one such as tcp://"),
        ("http://a\nb:1", r"got 'http://a\\nb:1' \(known are tcp://, ws://, tls://, wss://\)"),
        ("ucx://127.0.0.1:1", r"got 'ucx://127.0.0.1:1' \(known"),
        ("inproc://x:1", r"got 'inproc://x:1' \(known"),
        ("", r"got '' \(ValueError"),
    ],
)
def test_an_address_that_cannot_be_used_gets_a_sentence(address, words):
    with pytest.raises(InvalidValue, match=words) as caught, on_dask(address):
        pass
    assert str(caught.value).isprintable()


def test_tls_addresses_work_with_certificates(monkeypatch):
    """Certificates of Dask's configuration lead past the check, to a scheduler that is not there."""
    monkeypatch.setattr("distributed.security.Security.get_connection_args", lambda *_: {"ssl_context": object()})
    cluster._check_address("tls://127.0.0.1:8786")
