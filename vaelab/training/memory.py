"""What the C library does with the memory that a training step frees."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


@contextmanager
def kept() -> Iterator[None]:
    """Within it glibc keeps freed memory for the next step, up to 1 GB; at the end it gives it back.

    Left alone it returns the blocks of a step to the system and fetches them again page by page, which takes a
    fifteenth of the step of one small network and a fifth of that of twenty.
    """
    limit(1 << 30)
    try:
        yield
    finally:
        limit(32 << 20)


def limit(size: int) -> None:
    """Let glibc keep up to this many freed bytes; elsewhere nothing happens."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, size)
        libc.mallopt(M_TRIM_THRESHOLD, size)
        libc.malloc_trim(0)
