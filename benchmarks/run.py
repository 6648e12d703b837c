"""`make bench`: run every benchmark, print its table and write it, with the machine, to benchmarks/results/."""

import json
import platform
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import augmentation
import ensemble
import evaluation
import frechet
import gamma
import graph
import growth
import latency
import loops
import pool
import posterior
import start
import step
import torch

from vaelab._utils.files import atomic_write

RESULTS = Path(__file__).parent / "results"
BENCHMARKS = {
    **{"step": step, "loops": loops, "ensemble": ensemble, "pool": pool},
    **{"growth": growth, "start": start, "graph": graph, "latency": latency},
    **{"posterior": posterior, "augmentation": augmentation, "evaluation": evaluation, "gamma": gamma},
    **{"frechet": frechet},
}


def main() -> None:
    """All benchmarks, or those named on the command line."""
    machine = {
        "processor": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    for name in sys.argv[1:] or BENCHMARKS:
        module = BENCHMARKS[name]
        rows = module.measure()
        print(module.__doc__)
        for row in rows:
            print(
                "  ".join(
                    f"{key} {value if isinstance(value, str) else format(value, '.2f')}" for key, value in row.items()
                )
            )
        with atomic_write(RESULTS / f"{name}.json") as part:
            part.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
