"""Parallel trainings: in one-thread worker processes, or on any `concurrent.futures.Executor`."""

import functools
import os
import pickle
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from contextlib import closing
from typing import Any, NamedTuple

from joblib import cpu_count
from joblib.externals import loky
from tqdm import tqdm

from vaelab._utils import checks
from vaelab._utils.errors import TrainingError, UserError
from vaelab._utils.reading import reason
from vaelab._utils.typed import typed

Task = dict[str, Any]
Results = Generator[tuple[int, Any], None, None]
NAMED = 5  # failed tasks that an error names; its `failures` holds all
ALWAYS_NAMED = ("recipe", "options", "seed")  # settings of a training
POLL = 2.0  # seconds between looks at an executor that yields nothing
IDLE = 120.0  # seconds after which an unused worker process ends
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)
LACK_OF_MEMORY = "most likely for lack of memory"
_idle: list[loky.ProcessPoolExecutor] = []  # workers of earlier sweeps


class Failure(NamedTuple):
    """What a failed task has instead of a result.

    Args:
        error: The error.
    """

    error: Exception


class SweepError(TrainingError):
    """Some tasks have failed; all others are finished.

    Args:
        message: One sentence that names the tasks and why they failed.
        failures: The error of every failed task, by its number.
        results: The results of all tasks in order, None where one failed; empty from `sweep`, which
            has yielded them.
    """

    def __init__(self, message: str, failures: dict[int, Exception], results: Sequence[Any] = ()) -> None:
        super().__init__(message, failures, results)
        self.failures, self.results = failures, list(results)


@typed
def sweep(
    function: Callable[..., Any],
    tasks: Sequence[Task],
    executor: Executor | None = None,
    *,
    processes: int | None = None,
) -> Results:
    """Run a function on many tasks in parallel, and yield the results as they finish.

    A task that fails stops no other one. Closing the iterator cancels the remaining tasks and stops
    the worker processes.

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
        SweepError: After all others have been yielded, if tasks have failed or killed their workers.
        Exception: What `function` raises, if that is the same for all tasks.

    Example:
        >>> sorted(sweep(pow, [{"base": 2, "exp": n} for n in range(4)], processes=1))
        [(0, 1), (1, 2), (2, 4), (3, 8)]
    """
    return _results(tasks, attempt_each(function, tasks, executor, processes=processes))


def _results(tasks: Sequence[Task], attempts: Results) -> Results:
    failures = {}
    with closing(attempts) as outcomes:
        for index, outcome in outcomes:
            if isinstance(outcome, Failure):
                failures[index] = outcome.error
            else:
                yield index, outcome
    if failures:
        raise sweep_error(tasks, failures)


def attempt_each(
    function: Callable[..., Any],
    tasks: Sequence[Task],
    executor: Executor | None = None,
    *,
    processes: int | None = None,
) -> Results:
    """Do what `sweep` does, but yield a `Failure` as the result of a task that fails."""
    processes = cpu_count() if processes is None else checks.positive_int("processes", processes)
    if executor is not None:
        return _on_executor(function, tasks, executor)
    if min(processes, len(tasks)) > 1:
        return _on_processes(function, tasks, min(processes, len(tasks)))
    return ((index, attempt(function, task)) for index, task in enumerate(tasks))


def attempt(function: Callable[..., Any], task: Task) -> Any:
    """Return function(**task), or a `Failure` if it raises an error."""
    try:
        return function(**task)
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # it could not leave a worker
            return Failure(TrainingError(reason_of(error)))
        return Failure(error)


def sweep_error(tasks: Sequence[Task], failures: Mapping[int, Exception], results: Sequence[Any] = ()) -> Exception:
    """Return the error for failed tasks: one that names them, or the only one that all tasks raised.

    Args:
        tasks: All tasks.
        failures: The error of every failed one, by its number.
        results: As in `SweepError`.
    """
    first, reasons = next(iter(failures.values())), {i: reason_of(error) for i, error in sorted(failures.items())}
    if len(tasks) == 1 or (len(failures) == len(tasks) and len(set(reasons.values())) == 1):
        return first
    texts = [f"{_name(tasks[i], tasks)}: {reason}" for i, reason in list(reasons.items())[:NAMED]]
    texts += [f"and {len(reasons) - NAMED} more"] * (len(reasons) > NAMED)
    error = SweepError(f"{len(failures)} of {len(tasks)} tasks failed: {'; '.join(texts)}.", dict(failures), results)
    error.__cause__ = first
    return error


def reason_of(error: BaseException) -> str:
    """Return why something failed: one line without a full stop, never an empty one."""
    text, kind = reason(error), type(error).__name__
    return text if isinstance(error, UserError) or text == kind else f"{kind}: {text}"


def _name(task: Task, tasks: Sequence[Task]) -> str:
    """Name a task by the settings in which the tasks differ, and those that identify a training."""
    named = [k for k in task if k in ALWAYS_NAMED or any(other.get(k) != task[k] for other in tasks)]
    return ", ".join(f"{k}={task[k]!r:.80}" for k in named or task)


def _on_executor(function: Callable[..., Any], tasks: Sequence[Task], executor: Executor) -> Results:
    futures: dict[Future[Any], int] = {}
    try:
        for index, task in enumerate(tasks):
            # Not as keywords: `submit` of Dask has its own `workers` and `retries`.
            try:
                futures[executor.submit(functools.partial(attempt, function, task))] = index
            except RuntimeError as error:  # shut down, or broken by an earlier task
                yield index, Failure(_gave_up(error, executor))
        while futures:
            done = wait(list(futures), POLL, FIRST_COMPLETED).done
            if not done and hasattr(executor, "check"):
                executor.check()
            for future in done:
                yield futures.pop(future), _outcome(future, executor)
    finally:
        for future in futures:
            future.cancel()


def _outcome(future: "Future[Any]", executor: Executor) -> Any:
    try:
        return future.result()
    except (BrokenExecutor, CancelledError) as error:
        return Failure(_gave_up(error, executor))
    except Exception as error:
        if type(error).__name__ == "KilledWorker":  # of Dask, after several attempts
            text = f"it killed several Dask workers, {LACK_OF_MEMORY}; give the workers more memory."
            return Failure(TrainingError(text))
        return Failure(error)


def _gave_up(error: Exception, executor: Executor) -> TrainingError:
    """Return why an executor gave up; that of `on_dask` knows more than its error."""
    known = executor.trouble() if hasattr(executor, "trouble") else ""
    died = f"a worker died, {LACK_OF_MEMORY}" if isinstance(error, BrokenExecutor) else ""
    return TrainingError(f"the executor gave up ({known or died or reason_of(error)}); run again to resume.")


def _on_processes(function: Callable[..., Any], tasks: Sequence[Task], processes: int) -> Results:
    """Run each task in one of several processes; one whose process dies is tried once more, at the end."""
    waiting, tried = deque(range(len(tasks))), set()
    free = [_worker() for _ in range(processes)]
    running: dict[Future[Any], tuple[int, loky.ProcessPoolExecutor]] = {}

    def start() -> None:
        while waiting and free:
            index, worker = waiting.popleft(), free.pop()
            running[worker.submit(attempt, function, tasks[index])] = index, worker

    try:
        start()
        while running:
            future = next(iter(loky.wait(list(running), return_when=FIRST_COMPLETED).done))
            index, worker = running.pop(future)
            finished = True
            try:
                outcome = future.result()
            except BrokenExecutor:  # this worker alone, since each has its own executor
                worker.shutdown(wait=False)
                worker = _worker()
                outcome = Failure(TrainingError(f"its worker process died twice, {LACK_OF_MEMORY}."))
                finished = index in tried
                if not finished:
                    tqdm.write("vaelab: a worker process died; its task is tried once more.", file=sys.stderr)
                    tried.add(index)
                    waiting.append(index)
            free.append(worker)
            start()  # before the caller takes the result, which may take a while
            if finished:
                yield index, outcome
        _idle.extend(free)
        free.clear()
    finally:
        for worker in (*free, *(worker for _, worker in running.values())):
            worker.shutdown(wait=False, kill_workers=True)


def _worker() -> loky.ProcessPoolExecutor:
    if _idle:
        return _idle.pop()
    return loky.ProcessPoolExecutor(1, timeout=IDLE, initializer=_follow, initargs=(os.getpid(),), env=ONE_THREAD)


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
