"""ln p(x) by importance sampling, for a toy with a known answer and for trained models.

The toy: z ~ N(0, I) in ten dimensions, x = z + noise of standard deviation 0.2. Its posterior
N(x / 1.04, 0.04 / 1.04) is the encoder, so importance sampling has no error.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from figures.gjs import variants
from vaelab.metrics.log_likelihood import bootstrap, log_evidence
from vaelab.objectives.objective import Experiment
from vaelab.posterior.linear_gaussian import LinearGaussian
from vaelab.runs.measure import published_proposal
from vaelab.runs.store import Numbers, Result, cached, merge_results, recipe

DIMENSIONS, NOISE = 10, 0.2
MARGINAL = 1 + NOISE**2
EXACT = -14.3396  # the mean of ln p(x) over the toy images, which are scaled to have it
ESTIMATES = ("evidence", "evidence_published")
SAMPLES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]


def linear_gaussian() -> Experiment:
    """Return the model whose encoder is its true posterior, in float64."""
    return LinearGaussian(torch.eye(DIMENSIONS), torch.zeros(DIMENSIONS), NOISE).experiment()


def toy_images(n: int, seed: int = 0) -> Tensor:
    """Sample x [n, 10], scaled so that the mean of ln p(x) is `EXACT`."""
    x = torch.randn(n, DIMENSIONS, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    target = -2 * MARGINAL * (EXACT + 0.5 * DIMENSIONS * math.log(2 * math.pi * MARGINAL))
    return x * (target / float((x**2).sum(1).mean())) ** 0.5


@recipe("estimate-the-evidence-of-a-toy", version=1)
def toy(*, samples: list[int], images: int) -> Numbers:
    """Return toy [2, k, 3], correct and as published, by samples: mean and its interval."""
    experiment, x = linear_gaussian(), toy_images(images)
    estimates = []
    for proposal in (None, published_proposal):
        values = [log_evidence(experiment, x, k, proposal=proposal) for k in samples]
        estimates.append([(ln_p.mean().item(), *bootstrap(ln_p)) for ln_p in values])
    return {"samples": np.array(samples), "toy": np.array(estimates)}


def compute_evidence(device: str, *, alphas: list[float], seeds: int, **training: Any) -> Result:
    """Return those of `toy`, and trained [v, 2, 3]: mean and its interval over images."""
    models = [variants.vae(), variants.reverse(), variants.mmd(), *variants.primed_and_dual(alphas, alphas)]
    results = variants.train(models, device, seeds, **training)
    of_toy = cached(toy, {"samples": SAMPLES, "images": 500})
    numbers = {
        **of_toy.numbers,
        **variants.columns(models, "variant", "alpha"),
        "trained": np.array([[_interval(row, name) for name in ESTIMATES] for row in results]),
    }
    return merge_results(numbers, [of_toy, *variants.flatten(results)])


def _interval(results: list[Result], name: str) -> tuple[float, float, float]:
    values = torch.from_numpy(np.mean([r.numbers[name] for r in results], axis=0))
    return (values.mean().item(), *bootstrap(values))
