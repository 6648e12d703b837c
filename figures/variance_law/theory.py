"""The variance law without training: one latent of fixed ratio, and mixtures of known kurtosis."""

import numpy as np
import torch

from vaelab.divergences import Gaussian, kl
from vaelab.posterior import MarginalPosterior
from vaelab.runs.store import Numbers, recipe


@recipe("kl-at-fixed-ratio", version=1)
def kl_at_fixed_ratio(*, rhos: list[float], low: float, high: float, points: int) -> Numbers:
    """Return rho [r], variance [m], kl [r, m], best [r, 3] (sigma², mu², KL), nats."""
    variance = np.geomspace(low, high, points)
    rho = np.array(rhos)
    best_variance = rho**2 / (1 + rho**2)
    best = np.stack([best_variance, best_variance / rho**2, along(rho[:, None], best_variance[:, None])[:, 0]], 1)
    return {"rho": rho, "variance": variance, "kl": along(rho[:, None], variance[None, :]), "best": best}


def along(rho: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Compute KL(N(mu, variance)‖N(0, 1)) with mu = sqrt(variance)/rho, nats."""
    s, r = np.broadcast_arrays(variance, rho)
    q = Gaussian(torch.from_numpy(np.sqrt(s) / r), torch.from_numpy(np.log(s)))
    flat = Gaussian(q.mean.flatten(), q.logvar.flatten())
    nats: np.ndarray = kl(flat, Gaussian.standard(flat.mean)).reshape(s.shape).numpy()
    return nats


def textbook() -> dict[str, float]:
    """Return the kurtosis of four mixtures of variance 1."""
    mean = torch.linspace(-1, 1, 20_001, dtype=torch.float64)[:, None]
    wide = mean * 3**0.5  # variance 1
    cases = {
        "μ uniform, σ² + μ² = 1": (0.95 * mean, torch.log(1 - (0.95 * mean) ** 2)),
        "μ uniform, σ² = 0.02": (0.98**0.5 * wide, torch.full_like(mean, np.log(0.02))),
        "μ uniform, σ² = 0.3": (0.7**0.5 * wide, torch.full_like(mean, np.log(0.3))),
        "μ = ±0.9, σ² + μ² = 1": (0.9 * mean.sign(), torch.full_like(mean, np.log(0.19))),
    }
    return {name: float(MarginalPosterior(*case).moments().kurtosis) for name, case in cases.items()}
