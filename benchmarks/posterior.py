"""ln Q(z) over 60,000 components at 2000 points in 16 dimensions, one thread, beside the peers.

Every method in a separate process, float32 means and variances: `seconds` of processor time (slow
ones on some of the points, see `points`, scaled up), `first_s` what the first small call
takes, `peak_mb` what a call adds to the memory, `error` the largest over 20 points drawn from Q
against float64 brute force in nats, at sigma about 0.2 and at 0.001 with means up to 10.  KeOps
takes part where pykeops is installed.
"""

import importlib.util
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from vaelab import MarginalPosterior
from vaelab.divergences.gaussian import LOG_2PI

N, M, D = 60_000, 2000, 16
Method = Callable[[Tensor, Tensor, Tensor], Tensor]


def same_family(z: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    mixture = MixtureSameFamily(Categorical(torch.ones(len(mean))), Independent(Normal(mean, (0.5 * logvar).exp()), 1))
    return torch.cat([mixture.log_prob(part) for part in z.split(10)])


def broadcast(z: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    constant, precision = -0.5 * (LOG_2PI + logvar).sum(1), torch.exp(-logvar)
    parts = [(constant - 0.5 * ((some[:, None] - mean) ** 2 * precision).sum(-1)).logsumexp(1) for some in z.split(10)]
    return torch.cat(parts) - math.log(len(mean))


def scikit_learn(z: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    from sklearn.mixture import GaussianMixture

    mixture = GaussianMixture(len(mean), covariance_type="diag")
    mixture.weights_, mixture.means_ = np.full(len(mean), 1 / len(mean)), mean.double().numpy()
    mixture.covariances_ = logvar.double().exp().numpy()
    mixture.precisions_cholesky_ = 1 / np.sqrt(mixture.covariances_)
    return torch.cat([torch.from_numpy(mixture.score_samples(some.double().numpy())) for some in z.split(200)])


def keops(z: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    from pykeops.torch import LazyTensor

    constant = (-0.5 * (LOG_2PI + logvar).sum(1))[None, :, None].contiguous()
    squares = (LazyTensor(z[:, None].contiguous()) - LazyTensor(mean[None].contiguous())) ** 2
    logs = LazyTensor(constant) - 0.5 * (squares * LazyTensor(torch.exp(-logvar)[None].contiguous())).sum(-1)
    return logs.logsumexp(1)[:, 0] - math.log(len(mean))


def plain_products(z: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    """Compute float64 products with a streamed log-sum-exp, the yardstick of the default path."""
    z, mean, logvar = z.double(), mean.double(), logvar.double()
    features = torch.cat([z * z, z, torch.ones_like(z[:, :1])], 1)
    total = torch.full((len(z),), -math.inf, dtype=torch.float64)
    for mu, log_var in zip(mean.split(2048), logvar.split(2048), strict=True):
        p = torch.exp(-log_var)
        constant = -0.5 * (LOG_2PI + log_var + p * mu * mu).sum(1, keepdim=True)
        table = features @ torch.cat([-0.5 * p, p * mu, constant], 1).T
        total = torch.logaddexp(total, table.logsumexp(1))
    return total - math.log(len(mean))


def default(z: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    return MarginalPosterior(mean, logvar).log_prob(z)


# how many of the points a slow method is timed on
METHODS: dict[str, tuple[Method, int]] = {
    "MixtureSameFamily": (same_family, 200),
    "broadcasting": (broadcast, 200),
    "scikit-learn": (scikit_learn, 400),
    "KeOps": (keops, M),
    "float64 products, plain": (plain_products, M),
    "vaelab default": (default, M),
}


def problem(n: int, m: int, d: int, sigma: float = 0.2) -> tuple[Tensor, Tensor, Tensor]:
    """Sample from a mixture like that of a trained VAE; at a small sigma, means up to 10."""
    torch.manual_seed(0)
    mean, logvar = torch.randn(n, d), 2 * math.log(sigma) + 0.5 * torch.randn(n, d)
    if sigma < 0.1:
        mean, logvar = 20 * torch.rand(n, d) - 10, torch.full((n, d), 2 * math.log(sigma))
    return MarginalPosterior(mean, logvar).sample(m), mean, logvar


def seconds(call: Callable[[], Tensor], rounds: int = 2) -> float:
    """Return the best of some rounds, processor time."""
    times = []
    for _ in range(rounds):
        started = time.process_time()
        call()
        times.append(time.process_time() - started)
    return min(times)


def error(method: Method, sigma: float) -> float:
    z, mean, logvar = problem(N, 20, D, sigma)
    truth = broadcast(z.double(), mean.double(), logvar.double())
    return float((method(z, mean, logvar) - truth).abs().max())


def peak_mb() -> float:
    """Return the peak memory of this process, according to Linux."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


@torch.no_grad()
def one(name: str) -> dict[str, float | str]:
    """Measure one method at the reference size."""
    method, points = METHODS[name]
    started = time.perf_counter()
    method(*problem(100, 60, D))
    first = time.perf_counter() - started
    z, mean, logvar = problem(N, points, D)
    before = peak_mb()
    taken = seconds(lambda: method(z, mean, logvar)) * M / points
    peak = peak_mb() - before
    row: dict[str, float | str] = {"method": name, "seconds": taken, "points": str(points), "first_s": first}
    return row | {"peak_mb": peak, **{f"error_{sigma}": f"{error(method, sigma):.0e}" for sigma in (0.2, 0.001)}}


@torch.no_grad()
def growth() -> list[dict[str, float | str]]:
    """Measure the default at growing sizes, each row beside the first of its kind."""
    sizes = {
        "n": [(n, M, D) for n in (6000, 60_000, 240_000)],
        "m": [(N, m, D) for m in (200, 2000, 8000)],
        "d": [(N, M, d) for d in (2, 16, 64)],
    }
    rows: list[dict[str, float | str]] = []
    for name, cases in sizes.items():
        for n, m, d in cases:
            data, row = problem(n, m, d), {"grows": name, "n": str(n), "m": str(m), "d": str(d)}
            default_s = seconds(lambda data=data: default(*data), 1)
            rows.append({**row, "default_s": default_s})
    return rows


def inside(what: str) -> list[dict[str, float | str]]:
    """Measure one method, or the growth, in a separate process with one thread."""
    command = [sys.executable, __file__, what]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    rows: list[dict[str, float | str]] = json.loads(done.stdout.splitlines()[-1])
    return rows


def targets(took: dict[str, dict[str, float | str]]) -> list[dict[str, float | str]]:
    """Compare the results with the targets: ratios of seconds."""

    def times(slow: str, fast: str) -> float | str:
        return float(took[slow]["seconds"]) / float(took[fast]["seconds"]) if slow in took else "not installed"

    rows: list[dict[str, float | str]] = [
        {
            "target": "default over plain products",
            "is": times("vaelab default", "float64 products, plain"),
            "at_most": 2.0,
        }
    ]
    for peer, least in (("MixtureSameFamily", 30.0), ("scikit-learn", 4.0), ("KeOps", 5.0)):
        rows.append({"target": f"{peer} over vaelab default", "is": times(peer, "vaelab default"), "at_least": least})
    rows.append({"target": "peak of vaelab default, MB", "is": took["vaelab default"]["peak_mb"], "at_most": 300.0})
    return rows


def measure() -> list[dict[str, float | str]]:
    """Measure the methods, compare them with the targets, then measure the growth."""
    here = [name for name in METHODS if name != "KeOps" or importlib.util.find_spec("pykeops")]
    rows = [row for name in here for row in inside(name)]
    return rows + targets({str(row["method"]): row for row in rows}) + inside("growth")


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(growth() if sys.argv[1] == "growth" else [one(sys.argv[1])]))
