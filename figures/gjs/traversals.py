"""gjs-traversals: one latent at a time moved across the prior, the others as they are for one test image.

The picture hides nothing: latents are sorted by what they carry, and one that carries nothing moves nothing.
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.figure import Figure, Row
from figures.gjs import PAPER, published, variants
from vaelab import plots
from vaelab.pictures import REACH
from vaelab.run_store import Numbers, Result, merge_results


def compute(device: str, *, primed: list[float], dual: list[float], seeds: int, **training: Any) -> Result:
    """The trainings of seed 0 (of `seeds`, which other figures read too).

    Numbers, latents sorted by information: variant, alpha [k], information [k, latent] in nats, and traversals
    [k, latent, steps, c, h, w], uint8.
    """
    every = [variants.vae(), *variants.both(primed, dual)]
    results = [row[0] for row in variants.trained(every, device, seeds, **training)]
    said = [information(r.numbers) for r in results]
    orders = [np.argsort(-each) for each in said]
    numbers = {
        "variant": np.array([v.name for v in every]),
        "alpha": np.array([v.alpha for v in every]),
        "information": np.stack([each[order] for each, order in zip(said, orders, strict=True)]),
        "traversals": np.stack([r.numbers["traversals"][order] for r, order in zip(results, orders, strict=True)]),
    }
    return merge_results(numbers, results)


def information(numbers: Numbers) -> np.ndarray:
    """What each latent says about the image, ½ ln(1 + Var(mean) / E[sigma²]), that of a Gaussian channel: [latent],
    nats.  Other than KL(q‖p) it does not count a scale that nobody asked for."""
    mean, logvar = numbers["mean"].astype(float), numbers["logvar"].astype(float)
    said: np.ndarray = 0.5 * np.log1p(mean.var(0) / np.exp(logvar).mean(0))
    return said


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
            "information_nats": float(each),
            "squared_change": float(change),
        }
        for variant, alpha, said, changes in zip(n["variant"], n["alpha"], n["information"], moved(n), strict=True)
        for latent, (each, change) in enumerate(zip(said, changes, strict=True), start=1)
    ]


def draw(n: Numbers) -> Drawing:
    k, latent, steps = n["traversals"].shape[:3]
    figure = plots.new_figure(7.0, 5.9 / k * latent / steps + 0.6)
    for i, axes in enumerate(figure.subplots(1, k, squeeze=False)[0]):
        images = n["traversals"][i]
        plots.images(axes, images[:, :, 0] / 255, [f"{said:.1f}" for said in n["information"][i]])
        axes.set_title(variants.label(str(n["variant"][i]), n["alpha"][i]))
        side = images.shape[-1]
        axes.set_xticks([side / 2, steps * side / 2, (steps - 0.5) * side], [f"-{REACH:g}", "0", f"{REACH:g}"])
        axes.tick_params(labelsize="x-small")
        axes.set_xlabel("value of the latent")
    figure.axes[0].set_ylabel("latent, by what it says (nats)")
    return figure


def alt(n: Numbers) -> str:
    told = [
        f"{variants.label(str(v), a)}: {said.sum():.1f}, from {said[-1]:.1f} to {said[0]:.1f} each"
        for v, a, said in zip(n["variant"], n["alpha"], n["information"], strict=True)
    ]
    return (
        f"For {len(told)} VAEs, one row of images per latent, sorted by information, as it moves from -{REACH:g} "
        f"to {REACH:g}. Nats that the {n['information'].shape[1]} latents say together: {'; '.join(told)}."
    )


SHOWN: dict[str, Any] = {"primed": [0.1], "dual": [0.3, 0.1]}

FIGURE = Figure(
    id="gjs-traversals",
    paper=PAPER,
    shows="Each latent moved across the prior, sorted by what it says: under a steep entrance fee all say little",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={
        "quick": {**SHOWN, "seeds": 3, **variants.MNIST},
        "paper": {**SHOWN, "seeds": 3, **published.MNIST},
    },
)
