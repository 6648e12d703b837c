"""Processes of one thread each, one per core: a worker that dies costs the task it was at, which is run again."""

import multiprocessing
import os
import signal
import sys
import textwrap
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from tqdm import tqdm

from vaelab.errors import TrainingError

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
