"""Chamfer distance of 32 pairs of 2,048 points, forward and backward, one thread, beside other forms.

Every form in a separate process: `seconds` is the least of some rounds of processor time, `peak_mb`
what they add to the memory of the process, the two clouds being there before. "broadcast" is the
usual form, `amin` over all pairwise differences, one pair of clouds at a time, since all at once
need 1.6 GB for each tensor of differences; "two cdist" are the bare distances alone, in both
directions, without gradients. `error` is the largest relative difference from the broadcast form
in float64, of values and of gradients, over four pairs.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from vaelab.metrics import chamfer

PAIRS, POINTS = 32, 2048
Form = Callable[[Tensor, Tensor], Tensor | None]


def broadcast(a: Tensor, b: Tensor) -> Tensor:
    table = (a[:, :, None] - b[:, None]).square().sum(-1)
    return table.amin(2).mean(1) + table.amin(1).mean(1)


def broadcast_by_pairs(a: Tensor, b: Tensor) -> None:
    for x, y in zip(a, b, strict=True):
        broadcast(x[None], y[None]).sum().backward()


def two_cdist(a: Tensor, b: Tensor) -> None:
    with torch.no_grad():
        for x, y in zip(a, b, strict=True):
            torch.cdist(x[None], y[None])
            torch.cdist(y[None], x[None])


def ours(a: Tensor, b: Tensor) -> None:
    chamfer(a, b).sum().backward()


FORMS: dict[str, Form] = {"broadcast": broadcast_by_pairs, "two cdist": two_cdist, "vaelab": ours}


def clouds(pairs: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Return points on the unit sphere, and others beside it, with gradients for the first."""
    torch.manual_seed(0)
    a, b = torch.nn.functional.normalize(torch.randn(2, pairs, POINTS, 3, dtype=dtype), dim=-1)
    return a.requires_grad_(), b + 0.01 * torch.randn_like(b)


def peak_mb() -> float:
    """Return the peak memory of this process, according to Linux."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def error() -> float:
    """Return the largest relative difference of value and gradient from the broadcast form in float64."""
    a, b = clouds(4, torch.float64)
    results = []
    for form in (broadcast, chamfer):
        value = form(a, b)
        (gradient,) = torch.autograd.grad(value.sum(), a)
        results.append((value.detach(), gradient))
    return max(float((x - y).abs().max() / x.abs().max()) for x, y in zip(*results, strict=True))


def one(name: str, rounds: int = 3) -> dict[str, float | str]:
    """Measure one form."""
    a, b = clouds(PAIRS)
    FORMS[name](a[:1, :64], b[:1, :64])
    before, times = peak_mb(), []
    for _ in range(rounds):
        started = time.process_time()
        FORMS[name](a, b)
        times.append(time.process_time() - started)
    row: dict[str, float | str] = {"form": name, "seconds": min(times), "peak_mb": peak_mb() - before}
    return row | ({"error": f"{error():.0e}"} if name == "vaelab" else {})


def inside(name: str) -> dict[str, float | str]:
    """Measure one form in a separate process with one thread."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, __file__, name], check=True, stdout=subprocess.PIPE, text=True, env=environment
    )
    row: dict[str, float | str] = json.loads(done.stdout.splitlines()[-1])
    return row


def measure() -> list[dict[str, float | str]]:
    """Measure all forms, then compare them with the targets."""
    rows = [inside(name) for name in FORMS]
    took = {str(row["form"]): float(row["seconds"]) for row in rows}
    memory = float(rows[-1]["peak_mb"])
    return [
        *rows,
        {"target": "vaelab over two cdist", "is": took["vaelab"] / took["two cdist"], "at_most": 2.2},
        {"target": "broadcast over vaelab", "is": took["broadcast"] / took["vaelab"], "at_least": 5.0},
        {"target": "peak of vaelab, MB", "is": memory, "at_most": 350.0},
    ]


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(one(sys.argv[1])))
