"""The isotropic Gaussian nearest to a 2-D mixture under each divergence, by quadrature.

The target is that of Deasy et al. (2020), figure 2. Their published code does not minimize the
functionals that it names; the values here are true minima. As there, the descent starts at the
moments of the target.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from vaelab.divergences import quadrature

# Bounds keep every Gaussian that the line search tries well inside the grid.
MEAN_BOUND, STD_BOUNDS = 5.0, (0.3, 2.0)


def mixture(seed: int = 22) -> MixtureSameFamily:
    """Return the target: 10 isotropic Gaussians in the plane, from numpy's legacy generator.

    Args:
        seed: Seed of that generator; 22 is the published one.

    Returns:
        A distribution of points [2], float64.

    Example:
        >>> mixture().mean.shape
        torch.Size([2])

    References:
        Deasy et al. (2020), https://arxiv.org/abs/2006.10599, figure 2.
    """
    random = np.random.RandomState(seed)
    weights = random.dirichlet([0.5] * 10)
    variances = 1 / (random.rand(10) + 1) ** 2
    means = (random.randn(100, 10) * 1.5)[:2].T
    sigmas = np.sqrt(variances)[:, None].repeat(2, 1)
    components = Independent(Normal(torch.from_numpy(means.copy()), torch.from_numpy(sigmas)), 1)
    return MixtureSameFamily(Categorical(torch.from_numpy(weights)), components)


class Fit(NamedTuple):
    """A local minimum of a divergence.

    Args:
        value: The divergence, nats.
        mean, std: Those of the Gaussian.
        start: Where the descent began, "moments" or "component".
    """

    value: float
    mean: tuple[float, float]
    std: float
    start: str


def fit(target: MixtureSameFamily, divergence: str, alpha: float = 0.5) -> list[Fit]:
    """Minimize a divergence between q = N(mean, std² I) and p = `target` by L-BFGS on a grid.

    Args:
        target: The mixture, with its mass inside [-14, 14]².
        divergence: "primed", "primed dual" or "JS".
        alpha: Skew of the first two; at 0 and 1 they are the two KL divergences.

    Returns:
        The minimum reached from the moments of the target, and after it the lowest one reached
        from one of the three heaviest components, if that is lower.
    """
    grid = quadrature.plane(-14.0, 14.0, 141)
    log_target = target.log_prob(grid.points)
    heaviest = target.mixture_distribution.probs.argsort(descending=True)[:3]
    narrow = torch.tensor(0.8, dtype=torch.float64)
    starts = [("moments", target.mean, target.variance.mean().sqrt())]
    starts += [("component", mean, narrow) for mean in target.component_distribution.mean[heaviest]]
    from_moments, *others = (_descend(divergence, alpha, start, log_target, grid) for start in starts)
    lowest = min(others, key=lambda fitted: fitted.value)
    return [from_moments, lowest] if lowest.value < from_moments.value - 1e-6 else [from_moments]


def _descend(
    divergence: str, alpha: float, start: tuple[str, Tensor, Tensor], log_target: Tensor, grid: quadrature.Grid
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
    mean, std = parameters()
    first, second = mean.tolist()
    return Fit(float(loss().detach()), (first, second), std.item(), name)
