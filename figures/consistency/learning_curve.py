"""iwae-learning-curve: the NLL of VAE and IWAE beside that of Burda et al. (2016)."""

from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.alt import itemize
from figures.consistency import figure
from figures.consistency.burda_schedule import compute_learning_curve
from vaelab import plots
from vaelab.runs.store import Numbers

PUBLISHED = {1: (86.76, 19), 5: (85.54, 22), 50: (84.78, 25)}  # NLL and active latents, one stochastic layer, MNIST
PUBLISHED_IMAGES, PUBLISHED_PASSES = 60_000, 3280
COLORS = {1: plots.Q, 5: plots.JS, 50: plots.DUAL}
DRAWS: dict[str, Any] = {"draws": [1, 5, 50], "seeds": 1, "batch_size": 20}
QUICK: dict[str, Any] = {**DRAWS, "stages": 4, "data": "mnist-mini", "limit": 1000, "samples": 200, "weighed": 500}
FULL: dict[str, Any] = {**DRAWS, "stages": 8, "data": "mnist", "limit": None, "samples": 5000, "weighed": 10_000}


def published_nll(n: Numbers) -> np.ndarray:
    """Return the NLL of Burda et al. by draws: [k], nan where there is none."""
    return np.array([PUBLISHED.get(int(k), (np.nan,))[0] for k in n["draws"]])


TABLE = {"nll nll_error active": "draws seed passes", published_nll: "draws", "images": ""}


def alt(n: Numbers) -> str:
    curves = itemize(
        f"k = {{}}: {{:.1f}} after {n['passes'][0]} pass, {{:.1f}} after {n['passes'][-1]}, published {{:.2f}}",
        *(n["draws"], n["nll"][:, :, 0].mean(1), n["nll"][:, :, -1].mean(1), published_nll(n)),
    )
    words = curves.replace(", published nan", "")
    published = f" Published: {PUBLISHED_IMAGES:,} images, {PUBLISHED_PASSES} passes." if words == curves else ""
    return f"NLL of test images against passes over {int(n['images']):,} images, for VAE and IWAE. {words}.{published}"


burda_figure = partial(figure, compute=compute_learning_curve, table=TABLE, alt=alt, paper="Burda et al. 2016")


# What two cores can do: four of the eight stages, 1.2 % of the passes.
@burda_figure(
    "iwae-learning-curve-mnist",
    title="The NLL of VAE and IWAE on full MNIST over the first 40 of the 3280 passes of Burda et al.",
    full={**FULL, "stages": 4, "samples": 500},
    why_no_quick_preset="it trains on full MNIST, two hours on two cores",
)
@burda_figure(
    "iwae-learning-curve",
    title="The NLL of VAE and IWAE pass by pass, on the schedule of Burda et al., and their final values",
    quick=QUICK,
    full=FULL,
)
def draw(n: Numbers) -> Drawing:
    drawing = plots.new_figure(5.2, 3.1)
    ax = drawing.subplots()
    for k, values in zip(n["draws"], n["nll"], strict=True):
        color = COLORS.get(int(k), plots.REFERENCE)
        name = "VAE" if k == 1 else f"IWAE, k = {k}"
        label = f"{name}: {values[:, -1].mean():.1f}"
        plots.seed_band(ax, n["passes"], values.T, color, marker="o", markersize=3, label=label)
        if int(k) in PUBLISHED:
            ax.axhline(PUBLISHED[int(k)][0], color=color, linestyle=":", linewidth=1)
    ax.set(xscale="log", xlabel=f"passes over {int(n['images']):,} images", ylabel="NLL of test images (nats)")
    ax.set_title(f"dotted: Burda et al., {PUBLISHED_IMAGES:,} images, {PUBLISHED_PASSES} passes")
    ax.set_xticks(n["passes"], [str(p) for p in n["passes"]])
    ax.minorticks_off()
    ax.legend()
    return drawing
