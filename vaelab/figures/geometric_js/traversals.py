"""gjs-traversals: one latent at a time moved across the prior, the others as they are for one test image.

The picture hides nothing: latents are sorted by what they carry, and one that carries nothing moves nothing.
"""

from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure as Drawing

from vaelab import plots
from vaelab.figures.figure import Figure, Row
from vaelab.figures.geometric_js import PAPER, published, variants
from vaelab.gaussian import Gaussian
from vaelab.pictures import REACH
from vaelab.run_store import Numbers, Result, combined


def compute(device: str, *, primed: list[float], dual: list[float], seeds: int, **training: Any) -> Result:
    """The trainings of seed 0 (of `seeds`, which other figures read too).

    Numbers, latents sorted by rate: variant, alpha [k], rate [k, latent] in nats, and traversals
    [k, latent, steps, c, h, w], uint8.
    """
    families = [variants.gjs("primed", a) for a in primed] + [variants.gjs("primed dual", a) for a in dual]
    every = [variants.vae(), *families]
    results = [row[0] for row in variants.trained(every, device, seeds, **training)]
    rates = [rate_per_latent(r.numbers) for r in results]
    orders = [np.argsort(-rate) for rate in rates]
    numbers = {
        "variant": np.array([v.name for v in every]),
        "alpha": np.array([v.alpha for v in every]),
        "rate": np.stack([rate[order] for rate, order in zip(rates, orders, strict=True)]),
        "traversals": np.stack([r.numbers["traversals"][order] for r, order in zip(results, orders, strict=True)]),
    }
    return combined(numbers, results)


def rate_per_latent(numbers: Numbers) -> np.ndarray:
    """KL(q‖p) of every latent by itself, the mean over test images: [latent], nats."""
    q = Gaussian(*(torch.from_numpy(numbers[name]).double() for name in ("mean", "logvar")))
    rate: np.ndarray = (0.5 * (q.mean**2 + torch.expm1(q.logvar) - q.logvar)).mean(0).numpy()
    return rate


def moved(n: Numbers) -> np.ndarray:
    """Squared difference of the two ends of every traversal, summed over pixels: [k, latent]."""
    ends = n["traversals"][:, :, [0, -1]].astype(float) / 255
    change: np.ndarray = ((ends[:, :, 1] - ends[:, :, 0]) ** 2).sum((2, 3, 4))
    return change


def rows(n: Numbers) -> list[Row]:
    return [
        {
            "variant": str(variant),
            "alpha": "" if np.isnan(alpha) else float(alpha),
            "latent": latent,
            "rate_nats": float(rate),
            "squared_change": float(change),
        }
        for variant, alpha, rates, changes in zip(n["variant"], n["alpha"], n["rate"], moved(n), strict=True)
        for latent, (rate, change) in enumerate(zip(rates, changes, strict=True), start=1)
    ]


def draw(n: Numbers) -> Drawing:
    k, latent, steps = n["traversals"].shape[:3]
    figure = plots.new_figure(7.0, 7.0 / k * latent / steps * 1.02 + 0.35)
    columns = zip(n["variant"], n["alpha"], n["rate"], n["traversals"], strict=True)
    for axes, (variant, alpha, rate, images) in zip(figure.subplots(1, k), columns, strict=True):
        plots.images(axes, images[:, :, 0] / 255, [f"{r:.1f}" for r in rate])
        axes.set_title(variants.label(str(variant), alpha))
        side = images.shape[-1]
        axes.set_xticks([side / 2, steps * side / 2, (steps - 0.5) * side], [f"-{REACH:g}", "0", f"{REACH:g}"])
        axes.tick_params(labelsize="x-small")
    figure.axes[0].set_ylabel("KL(q‖p) of the latent, nats")
    figure.supxlabel("value of the latent", fontsize=8)
    return figure


def alt(n: Numbers) -> str:
    told = [
        f"{variants.label(str(v), a)} {int((rate > 0.1).sum())}"
        for v, a, rate in zip(n["variant"], n["alpha"], n["rate"], strict=True)
    ]
    return (
        f"For {len(told)} VAEs, one row of images per latent, sorted by rate, as the latent moves from -{REACH:g} to "
        f"{REACH:g}. Latents that carry more than 0.1 nats, of {n['rate'].shape[1]}: {', '.join(told)}."
    )


SHOWN: dict[str, Any] = {"primed": [0.1], "dual": [0.1, 0.3]}

FIGURE = Figure(
    id="gjs-traversals",
    paper=PAPER,
    shows="Each latent moved across the prior, sorted by what it carries: under a steep fee some carry nothing",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={
        "quick": {**SHOWN, "seeds": 3, **variants.MNIST},
        "paper": {**SHOWN, "seeds": 3, "data": "mnist", "side": 32, **published.SETTING},
    },
)
