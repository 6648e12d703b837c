"""How many threads torch takes on the CPU, and how long they spin while they wait for one another.

A thread of OpenMP that waits spins, which is the fastest while every thread has a core. Where other
processes use the cores, threads spin for one that cannot run: two then make a hundredth of the images
of one (benchmarks/threads.py). GNU's OpenMP, that of torch on Linux, reads how long to spin when torch
is imported.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from vaelab._utils.spinning import CHOSEN

CPU_TIMES = Path("/proc/stat")
INTERVAL = 1.0  # seconds between two looks at the load


class _Adapter:
    """Lets this Python thread take as many threads of torch as cores are free; a call costs nothing between looks."""

    def __init__(self, announce: bool) -> None:
        self.most, self.announce = torch.get_num_threads(), announce
        self.fixed = self.most == 1 or CHOSEN[0] in os.environ
        self.before = None if self.fixed else _busy_seconds()
        self.next = time.monotonic() + INTERVAL

    def __call__(self) -> None:
        if self.before is None or (now := time.monotonic()) < self.next:
            return
        before, self.before = self.before, _busy_seconds()
        if self.before is None:
            return
        others = (self.before - before) / (now - self.next + INTERVAL)
        self.next = now + INTERVAL
        threads = max(1, min(self.most, round((os.cpu_count() or self.most) - others)))
        if threads < self.most and self.announce:
            self.announce = False
            _say(threads, self.most)
        if threads != torch.get_num_threads():
            torch.set_num_threads(threads)


@contextmanager
def adapt_threads(wanted: bool = True, *, announce: bool = False) -> Iterator[Callable[[], None]]:
    """Leave the cores that other processes use to them, within the block.

    Only Linux says what they use; elsewhere, with one thread, and with the environment variable
    OMP_NUM_THREADS, the number of threads stays.

    Args:
        wanted: False leaves the number of threads as it is.
        announce: Say on stderr, once, that there are fewer.

    Yields:
        A function to call often; once a second it looks, and sets the number of threads.
    """
    if not wanted:
        yield lambda: None
        return
    adapter = _Adapter(announce)
    try:
        yield adapter
    finally:
        if not adapter.fixed and torch.get_num_threads() != adapter.most:
            torch.set_num_threads(adapter.most)


def describe_threads() -> str:
    """Say how many threads torch takes: "1 thread", or "2 threads", or "at most 2 threads" if the load decides."""
    threads = torch.get_num_threads()
    most = "at most " if threads > 1 and CHOSEN[0] not in os.environ and CPU_TIMES.exists() else ""
    return f"{most}{threads} thread{'s' * (threads != 1)}"


def _busy_seconds() -> float | None:
    """Return the seconds for which cores were used by other processes since the start; None where nobody says."""
    try:
        numbers = [int(n) for n in CPU_TIMES.read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
        user, nice, system, _, _, interrupts, soft, steal = numbers
        return (user + nice + system + interrupts + soft + steal) / os.sysconf("SC_CLK_TCK") - time.process_time()
    except (OSError, ValueError, AttributeError):
        return None


def _say(threads: int, most: int) -> None:
    from vaelab._utils.progress import tqdm

    if sys.stderr is not None:
        number = "1 thread" if threads == 1 else f"{threads} threads"
        reason = f"since other processes use the cores; OMP_NUM_THREADS={most} keeps them"
        tqdm.write(f"vaelab: {number} instead of {most}, {reason}.", file=sys.stderr)
