"""The 2-D mixture of paper 1, figure 2, and the isotropic Gaussian that is nearest to it under each divergence.

The published code does not minimize the functionals that it names; these are their true minima, by quadrature.  As
there, the descent starts at the moments of the target.  Where a start at one of its components ends lower, that second
minimum is reported beside it.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from vaelab.divergences import quadrature

# Bounds keep every Gaussian that the line search tries well inside the grid.
GRID = {"low": -14.0, "high": 14.0, "n": 141}
MEAN_BOUND, STD_BOUNDS = 5.0, (0.3, 2.0)


def mixture(seed: int = 22) -> MixtureSameFamily:
    """The paper's target: 10 isotropic components in the plane, drawn with numpy's legacy generator."""
    random = np.random.RandomState(seed)
    weights = random.dirichlet([0.5] * 10)
    variances = 1 / (random.rand(10) + 1) ** 2
    means = (random.randn(100, 10) * 1.5)[:2].T
    sigmas = np.sqrt(variances)[:, None].repeat(2, 1)
    components = Independent(Normal(torch.from_numpy(means.copy()), torch.from_numpy(sigmas)), 1)
    return MixtureSameFamily(Categorical(torch.from_numpy(weights)), components)


class Fit(NamedTuple):
    """A local minimum: the divergence in nats, mean [2] and standard deviation of the Gaussian, where it started."""

    value: float
    mean: tuple[float, float]
    std: float
    start: str


def fit(target: MixtureSameFamily, divergence: str, alpha: float = 0.5) -> list[Fit]:
    """Minimize a divergence between q = N(mean, std² I) and p = `target` over mean and std by L-BFGS on a grid.

    divergence: "primed", "primed dual" (with alpha; their ends are the two KL) or "JS".  Returns the minimum reached
    from the target's moments, and behind it the one reached from one of the three heaviest components, if that lies
    lower.
    """
    grid = quadrature.plane(**GRID)  # type: ignore[arg-type]
    log_target = target.log_prob(grid.points)
    heaviest = target.mixture_distribution.probs.argsort(descending=True)[:3]
    narrow = torch.tensor(0.8, dtype=torch.float64)
    starts = [("moments", target.mean, target.variance.mean().sqrt())]
    starts += [("component", mean, narrow) for mean in target.component_distribution.mean[heaviest]]
    wide, *others = (_descend(divergence, alpha, start, log_target, grid) for start in starts)
    lowest = min(others, key=lambda found: found.value)
    return [wide, lowest] if lowest.value < wide.value - 1e-6 else [wide]


def _descend(
    divergence: str,
    alpha: float,
    start: tuple[str, Tensor, Tensor],
    log_target: Tensor,
    grid: quadrature.Grid,
) -> Fit:
    low, high = STD_BOUNDS
    name, mean, std = start
    free = torch.cat([torch.atanh(mean / MEAN_BOUND), torch.logit((std - low) / (high - low))[None]]).requires_grad_()

    def parameters() -> tuple[Tensor, Tensor]:
        return MEAN_BOUND * torch.tanh(free[:2]), low + (high - low) * torch.sigmoid(free[2])

    def log_q(z: Tensor) -> Tensor:
        return Normal(*parameters()).log_prob(z).sum(1)

    def loss() -> Tensor:
        if divergence == "JS":
            return quadrature.jensen_shannon(log_q, lambda z: log_target, grid)
        return quadrature.geometric_js(log_q, lambda z: log_target, alpha, grid, dual=divergence == "primed dual")

    def step() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    optimizer = torch.optim.LBFGS(
        [free], max_iter=100, tolerance_grad=1e-9, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    )
    optimizer.step(step)
    found_mean, found_std = parameters()
    first, second = found_mean.tolist()
    return Fit(float(loss().detach()), (first, second), found_std.item(), name)
