"""How long threads spin while they wait: set before torch is imported, so without an import of it."""

import os
import sys

# Rounds of the waiting loop; GNU's default is 300,000. As fast as the default while every thread has a core, and
# several times faster where it has none (benchmarks/threads.py).
SPINS = {"GOMP_SPINCOUNT": "10000"}
CHOSEN = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT")  # variables by which a user decides


def limit_spinning() -> None:
    """Let threads that wait sleep soon, unless torch is imported already or the environment decides."""
    if sys.platform == "linux" and "torch" not in sys.modules and not any(name in os.environ for name in CHOSEN[1:]):
        os.environ.update(SPINS)
