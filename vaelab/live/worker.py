"""One thread per kernel draws; everybody else only says that something has changed.

A slider's callback may run on the main thread or on a subshell's (ipykernel 7); matplotlib tolerates only
one thread at a time.  So callbacks store a value and wake the worker, which draws the newest values only.
"""

import os
import threading
import time
from collections.abc import Callable

Job = Callable[[], None]

# Held while anything is drawn, by the worker or by a cell that draws a film-strip.
drawing = threading.RLock()


class Worker:
    """Runs jobs one after the other in a daemon thread; a job that is waiting already is not queued twice."""

    def __init__(self) -> None:
        self._waiting: dict[Job, float] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._process = 0
        self._busy = False

    def wake(self, job: Job, due: float = 0.0) -> None:
        """Have `job` run once, after everything that is stored by now, as soon as time.monotonic() reaches `due`."""
        with self._changed:
            self._waiting[job] = due
            if self._process != os.getpid() or self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="vaelab-live", daemon=True)
                self._process = os.getpid()
                self._thread.start()
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                while (job := self._due()) is None:
                    self._changed.wait(self._pause())
                del self._waiting[job]
                self._busy = True
            with drawing:
                job()
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def idle(self, timeout: float) -> bool:
        """Wait until nothing waits and nothing is drawn; False when that took longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout)

    def _due(self) -> Job | None:
        """The job whose time came first, if one's has."""
        now = time.monotonic()
        ready = [job for job, due in self._waiting.items() if due <= now]
        return min(ready, key=self._waiting.__getitem__, default=None)

    def _pause(self) -> float | None:
        """Seconds until the next job is due."""
        return max(min(self._waiting.values()) - time.monotonic(), 0.0) if self._waiting else None


worker = Worker()
