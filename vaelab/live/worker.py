"""The one thread of a kernel that draws.

A slider's callback may run on the main thread or on a subshell's (ipykernel 7), while matplotlib
tolerates one thread at a time. So callbacks store a value and wake the worker.
"""

import atexit
import os
import threading
import time
from collections.abc import Callable

Job = Callable[[], None]
LINGER = 10.0  # seconds without a job after which the thread ends; the next job starts another one

# Held while anything is drawn, by the worker or by a cell that draws a filmstrip.
drawing = threading.RLock()


class Worker:
    """A daemon thread that runs jobs one after the other; a waiting job is not queued twice.

    It keeps no job once it is done, and ends when there is none.

    Example:
        >>> results = []
        >>> worker.wake(lambda: results.append(1))
        >>> worker.idle(timeout=10), results
        (True, [1])
    """

    def __init__(self) -> None:
        self._waiting: dict[Job, float] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._process = 0
        self._busy = self._resting = self._ended = False

    def wake(self, job: Job, due: float = 0.0) -> None:
        """Run a job once on the worker's thread, not before `due` (time.monotonic)."""
        with self._changed:
            if self._ended:
                return
            self._waiting[job], self._resting = due, False
            if self._process != os.getpid() or self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="vaelab-live", daemon=True)
                self._process = os.getpid()
                self._thread.start()
            self._changed.notify_all()

    def rest(self) -> None:
        """End the thread at once if no job waits."""
        with self._changed:
            self._resting = True
            self._changed.notify_all()

    def end(self, timeout: float = 10.0) -> None:
        """Drop what waits, wait for the present job, and run no other: the interpreter is about to end."""
        with self._changed:
            self._ended = self._resting = True
            self._waiting.clear()
            thread = self._thread
            self._changed.notify_all()
        if thread is not None and self._process == os.getpid():
            thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._changed:
                if (job := self._take()) is None:
                    return
            with drawing:
                job()
            del job  # it may be the last reference to a panel
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _take(self) -> Job | None:
        """Wait for a job that is due; None ends the thread."""
        while (job := self._due()) is None:
            if self._waiting:
                self._changed.wait(self._pause())
                continue
            self._changed.wait_for(lambda: self._waiting or self._resting, LINGER)
            if not self._waiting:
                self._thread = None
                return None
        del self._waiting[job]
        self._busy = True
        return job

    def idle(self, timeout: float) -> bool:
        """Wait until no job waits or runs; return whether that took less than `timeout` s."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout)

    def _due(self) -> Job | None:
        """Return the job that has been due longest, if any."""
        now = time.monotonic()
        ready = [job for job, due in self._waiting.items() if due <= now]
        return min(ready, key=self._waiting.__getitem__, default=None)

    def _pause(self) -> float:
        """Return the seconds until the next job is due."""
        return max(min(self._waiting.values()) - time.monotonic(), 0.0)


worker = Worker()
atexit.register(worker.end)  # a thread inside torch or matplotlib would abort the interpreter
