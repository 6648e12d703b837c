"""Parallel trainings: in one-thread worker processes, or on any `concurrent.futures.Executor`."""

import functools
import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, as_completed
from contextlib import closing, contextmanager
from typing import Any

from joblib import Parallel, cpu_count, delayed, parallel_config
from tqdm import tqdm

from vaelab._utils.errors import InvalidValue, TrainingError

Task = dict[str, Any]
Results = Generator[tuple[int, Any], None, None]


def sweep(
    function: Callable[..., Any],
    tasks: Sequence[Task],
    executor: Executor | None = None,
    *,
    processes: int | None = None,
) -> Results:
    """Run a function on many tasks in parallel, and yield the results as they finish.

    Closing the iterator cancels the remaining tasks and stops the worker processes.

    Args:
        function: A function that can be imported.
        tasks: Keyword arguments of each call.
        executor: Any `concurrent.futures.Executor`, such as that of `on_dask`; it stays open.
            Without one, the tasks run in worker processes of one thread each.
        processes: Number of worker processes, one per core by default. With 1, the tasks run in
            this process one after the other, as a GPU requires.

    Returns:
        An iterator over (index of the task, its result), in the order of completion.

    Raises:
        TrainingError: If a worker dies.
        Exception: Whatever `function` raises.

    Example:
        >>> sorted(sweep(pow, [{"base": 2, "exp": n} for n in range(4)], processes=1))
        [(0, 1), (1, 2), (2, 4), (3, 8)]
    """
    processes = min(processes or cpu_count(), len(tasks))
    if executor is None and processes <= 1:
        yield from ((index, function(**task)) for index, task in enumerate(tasks))
        return
    results = _on_processes(function, tasks, processes) if executor is None else _on_executor(function, tasks, executor)
    try:
        with closing(results):
            yield from results
    except (BrokenExecutor, CancelledError) as error:
        raise TrainingError(
            f"a worker died or the executor gave up ({type(error).__name__}), most likely for lack of memory; "
            f"run again to resume."
        ) from error


def _on_executor(function: Callable[..., Any], tasks: Sequence[Task], executor: Executor) -> Results:
    futures: dict[Future[Any], int] = {}
    try:
        for index, task in enumerate(tasks):
            # Not as keywords: `submit` of Dask has its own `workers` and `retries`.
            futures[executor.submit(functools.partial(function, **task))] = index
        for future in as_completed(list(futures)):
            yield futures.pop(future), future.result()
    finally:
        for future in futures:
            future.cancel()


def _on_processes(function: Callable[..., Any], tasks: Sequence[Task], processes: int) -> Results:
    with parallel_config("loky", inner_max_num_threads=1):
        pool = Parallel(processes, return_as="generator_unordered", batch_size=1)
    calls = (delayed(_in_worker)(os.getpid(), function, index, task) for index, task in enumerate(tasks))
    try:
        results = pool(calls)
        try:
            for result in results:  # noqa: UP028 - `yield from` would close `results` with a warning
                yield result
        finally:
            with warnings.catch_warnings():  # of tasks that are cancelled, which is the purpose
                warnings.simplefilter("ignore")
                results.close()
    except KeyboardInterrupt:
        # Whatever joblib is doing at that moment, no worker may finish a task of hours first.
        for process in multiprocessing.active_children():
            if process.name.startswith("LokyProcess"):
                process.kill()
        raise


def _in_worker(parent: int, function: Callable[..., Any], index: int, task: Task) -> tuple[int, Any]:
    _follow(parent)
    return index, function(**task)


@functools.cache
def _follow(parent: int) -> None:
    """Leave interrupts to the parent, and exit if it is killed.

    By itself, a loky worker finishes its task first, which may take hours.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with, args=(parent,), daemon=True).start()


def _exit_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


@contextmanager
def on_dask(scheduler: str) -> Iterator[Executor]:
    """Connect to a Dask cluster, and yield its executor for the duration of a `with` block.

    Args:
        scheduler: Address of the scheduler, such as "tcp://127.0.0.1:8786".

    Raises:
        InvalidValue: If Dask is not installed or no scheduler answers.
        TrainingError: If a task kills several workers.
    """
    try:
        from distributed import Client, KilledWorker
    except ImportError as error:
        raise InvalidValue("Dask is not installed; run `pip install 'vaelab[cluster]'`.") from error
    try:
        client = Client(scheduler, timeout=5)
    except (OSError, ValueError) as error:
        raise InvalidValue(f"no Dask scheduler answers at {scheduler!r}; start one with `dask scheduler`.") from error
    with client:
        if not client.nthreads():
            command = f"dask worker {scheduler} --nthreads 1"
            tqdm.write(f"vaelab: waiting for workers; start some with `{command}`.", file=sys.stderr)
        try:
            yield client.get_executor()
        except KilledWorker as error:
            raise TrainingError(
                "a task killed several Dask workers, most likely for lack of memory; give the workers more memory."
            ) from error
