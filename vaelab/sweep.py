"""Many trainings anywhere: in processes here, or on any `concurrent.futures.Executor`, such as a Dask cluster."""

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, as_completed
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from vaelab.errors import InvalidValue, TrainingError
from vaelab.pool import cores, on_processes


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
