"""gjs-variance-law: the variance of the aggregate posterior that each divergence leads to, predicted and measured.

KL(q‖p) makes Var(mean) + E[sigma²] = 1 in every latent; other divergences lead to other values, which follow from
the latent's signal-to-noise ratio R = Var(mean) / E[sigma²] alone.
"""

from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure as Drawing

from vaelab import plots
from vaelab.divergences import KL, GeometricJS, ReverseKL
from vaelab.figures.figure import Figure, Row
from vaelab.figures.geometric_js import PAPER, published, variants
from vaelab.figures.geometric_js.variants import Variant
from vaelab.posterior import MarginalPosterior
from vaelab.run_store import Numbers, Result, combined
from vaelab.variance_law import predicted_variance

ACTIVE = 0.2  # of the total: a latent whose means carry less of its variance is left out


def compute(device: str, *, primed: list[float], dual: list[float], seeds: int, **training: Any) -> Result:
    """Numbers, one row per active latent: variant, alpha, seed, ratio R, measured and predicted V [k]."""
    families = [variants.gjs("primed", a) for a in primed] + [variants.gjs("primed dual", a) for a in dual]
    every = [variants.vae(), variants.reverse(), *families]
    results = variants.trained(every, device, seeds, **training)
    found = [
        (v.name, v.alpha, seed, ratio, total, predicted_variance(divergence(v), ratio))
        for v, row in zip(every, results, strict=True)
        for seed, result in enumerate(row)
        for ratio, total in latents(result.numbers)
    ]
    names = ("variant", "alpha", "seed", "ratio", "measured", "predicted")
    numbers = {name: np.array(column) for name, column in zip(names, zip(*found, strict=True), strict=True)}
    return combined(numbers, [result for row in results for result in row])


def latents(numbers: Numbers) -> list[tuple[float, float]]:
    """R and V = Var(mean) + E[sigma²] of every active latent, over the test images."""
    mean, logvar = (torch.from_numpy(numbers[name]).double() for name in ("mean", "logvar"))
    law = MarginalPosterior(mean, logvar).variance_law()
    active = law.of_means > ACTIVE * law.total
    ratio = law.of_means / law.of_noise
    return list(zip(ratio[active].tolist(), law.total[active].tolist(), strict=True))


def divergence(variant: Variant) -> torch.nn.Module:
    """What the variant minimises."""
    if variant.name == variants.KL:
        return KL()
    if variant.name == variants.REVERSE:
        return ReverseKL()
    return GeometricJS(variant.alpha, dual=variant.options["dual"]).double()


def settings_of(n: Numbers) -> list[tuple[str, float, np.ndarray]]:
    """Every variant with its alpha, and which rows are its own."""
    seen = dict.fromkeys(
        (str(v), float(a)) for v, a in zip(n["variant"], np.nan_to_num(n["alpha"], nan=-1), strict=True)
    )
    return [
        (v, np.nan if a == -1 else a, (n["variant"] == v) & (np.nan_to_num(n["alpha"], nan=-1) == a)) for v, a in seen
    ]


def rows(n: Numbers) -> list[Row]:
    return [
        {
            "variant": str(variant),
            "alpha": "" if np.isnan(alpha) else float(alpha),
            "seed": int(seed),
            "ratio": float(ratio),
            "measured": float(measured),
            "predicted": float(predicted),
        }
        for variant, alpha, seed, ratio, measured, predicted in zip(*n.values(), strict=True)
    ]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(4.6, 3.6)
    axes = figure.subplots()
    every = settings_of(n)
    families = {"primed": "o", "primed dual": "^"}
    for variant, alpha, where in every:
        shade = 1.0 if np.isnan(alpha) else 0.35 + 0.6 * alpha
        colour = plots.between("#ffffff", variants.COLOURS[variant], 101)[round(100 * shade)]
        marker = families.get(variant, "s")
        look: dict[str, Any] = {"color": colour, "markeredgewidth": 0.3, "markeredgecolor": "black"}
        name = variants.label(variant, alpha)
        axes.plot(n["predicted"][where], n["measured"][where], marker, label=name, **look)
    ends = np.array([0.8 * min(n["predicted"].min(), n["measured"].min()), 1.25 * n["predicted"].max()])
    axes.plot(ends, ends, color="black", linewidth=0.6, linestyle="--", zorder=0)
    axes.set(
        xscale="log", yscale="log", xlabel="V predicted from R and the divergence", ylabel="V measured, test images"
    )
    axes.set_title("Var(mean) + E[σ²] of every active latent")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def alt(n: Numbers) -> str:
    told = [
        f"{variants.label(v, a)}: {n['measured'][w].mean():.2f} measured, {n['predicted'][w].mean():.2f} predicted"
        for v, a, w in settings_of(n)
    ]
    return f"Total variance of each active latent, measured against predicted; means over latents. {'; '.join(told)}."


SHOWN: dict[str, Any] = {"primed": [0.1, 0.5, 0.9], "dual": [0.2, 0.3, 0.5, 0.9]}

FIGURE = Figure(
    id="gjs-variance-law",
    paper=PAPER,
    shows="Which variance of the aggregate posterior each divergence leads to: predicted against measured, per latent",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={
        "quick": {**SHOWN, "seeds": 3, **variants.MNIST},
        "paper": {**SHOWN, "seeds": 3, "data": "mnist", "side": 32, **published.SETTING},
    },
)
