"""`make bench`: run all benchmarks, print their tables and write them to benchmarks/results/."""

import json
import platform
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import augmentation
import chamfer
import ensemble
import evaluation
import frechet
import gamma
import graph
import growth
import hierarchical
import latency
import loops
import pool
import posterior
import start
import step
import threads
import torch

from vaelab._utils.files import atomic_write

RESULTS = Path(__file__).parent / "results"
TRAINING = [step, loops, ensemble, pool, growth, start, graph, gamma, threads, hierarchical]
BENCHMARKS = {
    module.__name__: module for module in [*TRAINING, latency, posterior, augmentation, evaluation, frechet, chamfer]
}


def main() -> None:
    """Run all benchmarks, or those named on the command line."""
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
