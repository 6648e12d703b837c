"""The variance of Q(z) to which each regularizer leads, predicted from its posteriors.

MMD compares Q(z) as a whole, so it fixes a common scale of all latents only.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from figures.gjs import variants
from figures.gjs.variants import Variant
from figures.variance_law.trainings import posterior
from vaelab.divergences import KL, GeometricJS, ReverseKL
from vaelab.posterior import MarginalPosterior
from vaelab.posterior.variance_law import optimal_scale, predicted_variance
from vaelab.runs.store import Numbers, Result, merge_results

ACTIVE = 0.2  # share of the means in V above which a latent is active
IMAGES = 400  # of the mixture that MMD uses: the work grows with their square


class Law(NamedTuple):
    """A variant, its name and its divergence per latent; None for MMD, which has none."""

    variant: Variant
    name: str
    divergence: nn.Module | None


def laws() -> list[Law]:
    """Return the regularizers of the figure."""
    return [
        Law(variants.vae(), "KL(q‖p)", KL()),
        Law(variants.vae(4.0), "KL(q‖p), β = 4", KL()),
        Law(variants.reverse(), "KL(p‖q)", ReverseKL()),
        *(
            Law(
                variants.gjs("primed dual" if dual else "primed", alpha),
                f"{'dual JS' if dual else 'JS'}, α = {alpha:g}",
                GeometricJS(alpha, dual=dual).double(),
            )
            for dual in (False, True)
            for alpha in (0.1, 0.5)
        ),
        Law(variants.mmd(), "MMD", None),
    ]


def compute_other_laws(device: str, *, seeds: int, **training: Any) -> Result:
    """Return V of every latent, measured and predicted; `law` is an index into `laws()`."""
    results = variants.train([law.variant for law in laws()], device, seeds, **training)
    n = per_latent([law.divergence for law in laws()], results)
    names = {"law": "row", "measured": "measured", "predicted": "from_posteriors", "from_ratio": "from_ratio"}
    numbers = {"seed": n["seed"], "active": n["active"], **{name: n[key] for name, key in names.items()}}
    return merge_results(numbers, variants.flatten(results))


def per_latent(divergences: Sequence[nn.Module | None], results: Sequence[Sequence[Result]]) -> Numbers:
    """Return `latents` of all trainings [divergences][seeds], with the row and seed of each."""
    parts = [
        {"row": np.full(d, i), "seed": np.full(d, seed), **values}
        for i, (divergence, row) in enumerate(zip(divergences, results, strict=True))
        for seed, result in enumerate(row)
        for values in [latents(divergence, posterior(result.numbers))]
        for d in [len(values["ratio"])]
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def latents(divergence: nn.Module | None, q: MarginalPosterior) -> Numbers:
    """Return R = Var(mean) / E[sigma²] and V = Var(mean) + E[sigma²] of every latent [d].

    V is measured, predicted at the scale of the posteriors where `divergence` (None: MMD) is least,
    and predicted from R alone.
    """
    law = q.variance_law()
    centered = q.mean - q.mean.mean(0)  # every optimum has centered means
    scale = (
        best_common_scale(centered, q.logvar) if divergence is None else optimal_scale(divergence, centered, q.logvar)
    )
    ratio = (law.of_means / law.of_noise).clamp_min(1e-9)
    simple = [np.nan if divergence is None else predicted_variance(divergence, r) for r in ratio.tolist()]
    return {
        "ratio": ratio.numpy(),
        "measured": law.total.numpy(),
        "from_posteriors": (law.total * scale**2).numpy(),
        "from_ratio": np.array(simple),
        "active": (law.of_means > ACTIVE * law.total).numpy(),
    }


def population_mmd(mean: Tensor, logvar: Tensor) -> Tensor:
    """Compute MMD²(Q, N(0, I)) [] in closed form from posteriors [n, d] of different images.

    With k(x, y) = exp(-‖x-y‖²/(2h²)) and h² = d, the expectation of k for x ~ N(a, s) and y ~ N(b,
    t) is per latent h/sqrt(h² + s + t) exp(-(a - b)²/(2 (h² + s + t))), a Gaussian integral.
    """
    n, d = mean.shape
    s = logvar.exp()
    within = _kernel(mean[:, None] - mean, s[:, None] + s, d)
    within = (within.sum() - within.diagonal().sum()) / (n * (n - 1))
    across = _kernel(mean, s + 1, d).mean()
    prior = (d / (d + 2)) ** (d / 2)
    return within + prior - 2 * across


def best_common_scale(mean: Tensor, logvar: Tensor) -> Tensor:
    """Return the factor [] on means and sigmas of least `population_mmd`, in steps of 2 %."""
    mean, logvar = mean[:IMAGES], logvar[:IMAGES]
    log_t = torch.arange(-35, 36, dtype=mean.dtype) / 50
    values = torch.stack([population_mmd(mean * t.exp(), logvar + 2 * t) for t in log_t])
    return log_t[values.argmin()].exp()


def _kernel(apart: Tensor, variance: Tensor, d: int) -> Tensor:
    wide = d + variance
    log = 0.5 * torch.log(d / wide) - apart**2 / (2 * wide)
    return log.sum(-1).exp()
