"""Many trainings: in processes here, or on any `concurrent.futures.Executor`.

Processes have one thread each, one per core; a worker that dies costs the task it was at, which is
run again.
"""

import multiprocessing
import os
import signal
import sys
import textwrap
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    as_completed,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from vaelab._utils.errors import InvalidValue, TrainingError


def sweep(
    function: Callable[..., Any],
    tasks: Sequence[dict[str, Any]],
    executor: Executor | None = None,
    *,
    processes: int | None = None,
) -> Iterator[tuple[int, Any]]:
    """Yield (index, function(**task)) as the tasks finish, in any order, each once.

    function must be importable from a module.  executor: any, such as `dask.distributed.Client(...).get_executor()`;
    it stays open.  Without one, `processes` of one thread each (default: one per core; 1 runs the tasks here, one by
    one, as a GPU wants it).  Left early, by an interrupt or an error, what has not begun is cancelled, and the
    processes stop at once.  A task lost with its worker is run again, by the processes here and by Dask.

    Raises TrainingError when a task kills its worker twice or the executor gives up, and whatever `function` raises.
    """
    processes = min(processes or cores(), len(tasks))
    if executor is not None:
        yield from _on_executor(function, tasks, executor)
    elif processes > 1:
        yield from on_processes(function, tasks, processes)
    else:
        yield from ((index, function(**task)) for index, task in enumerate(tasks))


def _on_executor(
    function: Callable[..., Any], tasks: Sequence[dict[str, Any]], executor: Executor
) -> Iterator[tuple[int, Any]]:
    futures: dict[Future[Any], int] = {}
    try:
        # The task travels as one argument: Dask would take a setting called `workers` or `retries` for its own.
        futures.update((executor.submit(_call, function, task), index) for index, task in enumerate(tasks))
        for future in as_completed(list(futures)):
            yield futures.pop(future), future.result()
    except (BrokenExecutor, CancelledError) as error:
        raise TrainingError(
            f"the executor gave up ({error or type(error).__name__}), most likely because a worker or the scheduler "
            "died; see its log, and run the command again."
        ) from error
    finally:
        for future in futures:
            future.cancel()


def _call(function: Callable[..., Any], task: dict[str, Any]) -> Any:
    return function(**task)


@contextmanager
def on_dask(scheduler: str) -> Iterator[Executor]:
    """The executor of the Dask cluster with this scheduler, such as "tcp://127.0.0.1:8786".

    Raises InvalidValue without Dask or when nobody answers there, TrainingError when a task kills every worker.
    """
    try:
        from distributed import Client, KilledWorker
    except ImportError as error:
        raise InvalidValue("Dask is not installed; run `pip install 'vaelab[cluster]'`.") from error
    try:
        client = Client(scheduler, timeout=5)
    except (OSError, ValueError) as error:
        raise InvalidValue(
            f"no Dask scheduler answers at {scheduler!r}; start one with `dask scheduler` and give its address."
        ) from error
    with client:
        if not client.nthreads():
            tqdm.write(
                f"vaelab: waiting for workers; start some with `dask worker {scheduler} --nthreads 1`.", file=sys.stderr
            )
        try:
            yield client.get_executor()
        except KilledWorker as error:
            raise TrainingError(
                "a task killed one Dask worker after the other, most likely for lack of memory; give the workers more "
                "memory, or make the model smaller."
            ) from error


DEATHS = 2


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def on_processes(
    function: Callable[..., Any], tasks: Sequence[dict[str, Any]], processes: int
) -> Iterator[tuple[int, Any]]:
    """Yield (index, function(**task)) as the tasks finish; left early, the workers stop at once.

    Raises TrainingError for a task that kills its worker twice, and whatever `function` raises.
    """
    others = set(multiprocessing.active_children())
    slots = _Slots(function, tasks)
    try:
        for _ in range(processes):
            slots.next_task(_worker())
        while slots.running:
            for future in wait(slots.running, return_when=FIRST_COMPLETED).done:
                index, worker = slots.running.pop(future)
                if isinstance(future.exception(), BrokenProcessPool):
                    slots.again(index)
                    slots.next_task(_worker())
                else:
                    slots.next_task(worker)
                    yield index, future.result()
    except BaseException:
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        for _, worker in slots.running.values():
            worker.shutdown(wait=True, cancel_futures=True)


class _Slots:
    """Which task runs where.  Every worker is a pool of its own, so that a death loses one task and accuses one."""

    def __init__(self, function: Callable[..., Any], tasks: Sequence[dict[str, Any]]) -> None:
        self.function, self.tasks = function, tasks
        self.waiting, self.deaths = deque(range(len(tasks))), Counter[int]()
        self.running: dict[Future[Any], tuple[int, ProcessPoolExecutor]] = {}

    def next_task(self, worker: ProcessPoolExecutor) -> None:
        """Give a worker the next task, or send it home."""
        if not self.waiting:
            worker.shutdown(wait=False)
            return
        index = self.waiting.popleft()
        try:
            future = worker.submit(self.function, **self.tasks[index])
        except BrokenProcessPool:  # it died between two tasks, which is no task's fault
            worker = _worker()
            future = worker.submit(self.function, **self.tasks[index])
        self.running[future] = index, worker

    def again(self, index: int) -> None:
        """Put a lost task at the head of the queue, and tell the user."""
        self.deaths[index] += 1
        if self.deaths[index] == DEATHS:
            raise TrainingError(
                f"the task {textwrap.shorten(str(self.tasks[index]), 300)} killed its worker process twice, most "
                "likely for lack of memory (or the script has no `if __name__ == '__main__':`); make it smaller or "
                "close other programs, and run the command again."
            )
        self.waiting.appendleft(index)
        tqdm.write("vaelab: a worker process died; its task is run again in a fresh one.", file=sys.stderr)


def _worker() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_prepare_worker)


def _prepare_worker() -> None:
    """One thread; an interrupt is the parent's business; and no worker outlives a killed parent."""
    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
