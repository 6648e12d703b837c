"""Measure how long the cells of the notebooks compute, into times.json: the times that notebooks state are checked.

    python notebooks/times.py            all of them
    python notebooks/times.py 01 03      those

A second is one of the processor in the kernel, which has one thread: how busy the machine is hardly matters.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent))

import build

TIMES = build.HERE / "times.json"
LEAST = 0.5  # seconds of a cell that is worth a line


def measure(source: Path) -> dict[str, Any]:
    """Execute a source, and return its seconds, also those of the cells that take some, by the ids of the cells."""
    with tempfile.TemporaryDirectory() as state:  # the predictions of the solutions are nobody's
        return _measured(build.read(source), state)


def _measured(notebook: build.Notebook, state: str) -> dict[str, Any]:
    client = build.client(notebook, {"VAELAB_STATE": state})
    cells: dict[str, float] = {}
    before = 0.0

    def begin(cell: build.Notebook, **_: Any) -> None:
        nonlocal before
        before = _seconds(client)

    def end(cell: build.Notebook, **_: Any) -> None:
        cells[cell.id] = _seconds(client) - before

    client.on_cell_execute, client.on_cell_executed = begin, end
    client.execute()
    rounded = {name: round(seconds, 1) for name, seconds in cells.items() if seconds >= LEAST}
    return {"seconds": round(sum(cells.values()), 1), "cells": rounded}


def _seconds(client: Any) -> float:
    """Return the processor's seconds of a client's kernel since its start."""
    times = psutil.Process(client.km.provisioner.pid).cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def main(names: list[str]) -> None:
    """Measure the named notebooks, or all, and drop those that are gone."""
    from vaelab._utils.files import atomic_write
    from vaelab.runs.provenance import provenance_here

    sources = build.sources()
    for source in [s for s in sources if not names or any(s.stem.startswith(name) for name in names)]:
        found = {**measure(source), "machine": provenance_here(None).machine}
        known = json.loads(TIMES.read_text(encoding="utf-8")) if TIMES.is_file() else {}
        known[source.stem] = found
        kept = {s.stem: known[s.stem] for s in sources if s.stem in known}
        with atomic_write(TIMES) as part:
            part.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        print(f"{source.stem}: {found['seconds']:.0f} s", flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(build.ROOT))
    main(sys.argv[1:])
