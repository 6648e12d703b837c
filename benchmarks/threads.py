"""Images a second of a training on an idle machine and beside as many busy processes as cores: a thread for each core,
which spins as long as OpenMP's default, 30 times shorter, or not at all ("passive"); one thread; and vaelab as it is.

The ways alternate within a round; ratios are medians over the rounds. Three minutes.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

ROUNDS, SECONDS, SETTLE, PAUSE = 5, 0.8, 1.3, 0.3
CORES = os.cpu_count() or 1
MODELS = {
    "mlp 64-32-2": "(1, 8, 8), 2, hidden=(32,)",
    "mlp 784-400-20": "(1, 28, 28), 20, hidden=(400,)",
    "conv 28 x 28, 16-32": "(1, 28, 28), 10, network='conv', hidden=(16, 32)",
}
ALL = {"OMP_NUM_THREADS": str(CORES)}
WAYS: Mapping[str, Mapping[str, str]] = {
    "default": {**ALL, "GOMP_SPINCOUNT": "300000"},
    "short": ALL,  # vaelab limits the spinning
    "passive": {**ALL, "OMP_WAIT_POLICY": "PASSIVE"},
    "one": {"OMP_NUM_THREADS": "1"},
    "vaelab": {},
}
BUSY = "import time; end = time.time() + 300\nwhile time.time() < end: pass"  # ends by itself, whatever happens here
INSIDE = """
import sys, time
from vaelab import TrainConfig, recipes, train
import torch

steps = {}
for line in sys.stdin:
    shape, model, settle, seconds = eval(line)
    if model not in steps:
        images = torch.randint(0, 256, (20 * 128, *shape), dtype=torch.uint8)
        experiment = eval(f"recipes.vae({model})")
        steps[model] = train(experiment, images, TrainConfig(epochs=10**6, device="cpu"))
    ready = time.perf_counter() + settle
    while time.perf_counter() < ready:
        next(steps[model])
    started, n = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        next(steps[model])
        n += 128
    print(n / (time.perf_counter() - started), flush=True)
"""


def measure() -> list[dict[str, float | str]]:
    """Measure every model with no and with as many busy processes as cores."""
    rows: list[dict[str, float | str]] = []
    with ExitStack() as stack:
        kernels = {name: stack.enter_context(_kernel(way)) for name, way in WAYS.items()}
        for machine, busy in (("idle", 0), ("busy", CORES)):
            for model, arguments in MODELS.items():
                found: dict[str, list[float]] = {name: [] for name in kernels}
                load = os.getloadavg()[0]
                with _busy(busy):
                    for _ in range(ROUNDS):
                        for name, kernel in kernels.items():
                            found[name].append(_ask(kernel, arguments, SETTLE if name == "vaelab" else 0.1))
                row: dict[str, float | str] = {"machine": machine, "model": model, "cores": float(CORES)}
                rows.append({**row, **_row(machine, found), "load_before": load})
    return rows


def _row(machine: str, found: Mapping[str, list[float]]) -> dict[str, float]:
    row = {f"{name}_images_per_s": statistics.median(rates) for name, rates in found.items()}
    for name in ("short", "passive", "one", "vaelab"):
        ratios = [a / b for a, b in zip(found[name], found["default"], strict=True)]
        row[f"{name}_over_default"] = statistics.median(ratios)
    row["vaelab_over_one"] = statistics.median(a / b for a, b in zip(found["vaelab"], found["one"], strict=True))
    return row | ({"vaelab_over_default_at_least": 0.97} if machine == "idle" else {"vaelab_over_one_at_least": 0.8})


@contextmanager
def _kernel(environment: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    names = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    clean = {name: value for name, value in os.environ.items() if name not in names}
    command, pipe = [sys.executable, "-c", INSIDE], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env={**clean, **environment}) as kernel:
        try:
            yield kernel
        finally:
            kernel.kill()


def _ask(kernel: "subprocess.Popen[str]", arguments: str, settle: float) -> float:
    """Return the images a second of a model that trains in a kernel, after some seconds that do not count."""
    assert kernel.stdin is not None
    assert kernel.stdout is not None
    shape = arguments[: arguments.index(")") + 1]
    kernel.stdin.write(f"({shape}, {arguments!r}, {settle}, {SECONDS})\n")
    kernel.stdin.flush()
    return float(kernel.stdout.readline())


@contextmanager
def _busy(count: int) -> Iterator[None]:
    """Run busy processes meanwhile."""
    processes = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        time.sleep(PAUSE * bool(count))
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
