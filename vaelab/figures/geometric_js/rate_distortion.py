"""gjs-rate-distortion: every variant on one plane, distortion against rate: the fair comparison.

A lower reconstruction error alone may only say that a divergence asks for less.  At equal rate, KL(q‖p) of the encoder
whatever was trained, the question is fair.  The primed dual at alpha is, for latents that are used, alpha KL(q‖p) plus
a constant, so its point should lie beside that of the beta-VAE with beta = alpha.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from vaelab import plots
from vaelab.figures.figure import Figure, Row
from vaelab.figures.geometric_js import PAPER, published, variants
from vaelab.figures.geometric_js.variants import BETA, FAMILIES, KL, REVERSE
from vaelab.run_store import Numbers, Result

DISTORTIONS = {"reconstruction": "z at the posterior mean", "reconstruction_sampled": "z sampled"}


def compute(device: str, *, alphas: list[float], betas: list[float], seeds: int, **training: Any) -> Result:
    """The numbers of `variants.measured` for all variants."""
    families = [variants.gjs(family, a) for family in FAMILIES[:3] for a in alphas]
    every = [*map(variants.vae, betas), variants.reverse(), *families]
    return variants.measured(every, variants.trained(every, device, range(seeds), **training))


def rows(n: Numbers) -> list[Row]:
    measures = ("rate", *DISTORTIONS)
    return [
        {
            "variant": str(name),
            "beta": float(weight) if np.isnan(alpha) else "",
            "alpha": "" if np.isnan(alpha) else float(alpha),
            "seed": seed,
            **{m: float(variants.test(n, m, np.array([i]))[0, seed]) for m in measures},
        }
        for i, (name, weight, alpha) in enumerate(zip(n["variant"], n["weight"], n["alpha"], strict=True))
        for seed in range(n["values"].shape[-1])
    ]
