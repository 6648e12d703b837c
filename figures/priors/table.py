"""prior-table: N(0, I), what is fitted to the latents afterward, and priors that are learned."""

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.alt import itemize
from figures.priors import figure
from figures.priors.trainings import FITTED, FULL, PRIORS, QUICK, STANDARD, compute_priors
from figures.table import Row, long_table
from vaelab import plots
from vaelab.runs.store import Numbers

LEARNED = PRIORS[PRIORS.index(FITTED) + 1 :]
SPEC = {"nll by_draws rate distortion kl frechet": "seed prior", "real": "seed", "prior": PRIORS}


def gains(n: Numbers) -> np.ndarray:
    """Return by how many nats the NLL of each prior is below that of N(0, I), seed by seed: [seeds, priors]."""
    column = PRIORS.index(STANDARD)
    return np.asarray(n["nll"][:, column : column + 1] - n["nll"])


def rows(n: Numbers) -> list[Row]:
    return long_table({**SPEC, gains: "seed prior"}, n)


def alt(n: Numbers) -> str:
    seeds, known = len(n["nll"]), np.isfinite(n["nll"]).all(0)
    names = np.array(PRIORS)
    nlls = itemize("{} {:.1f} ({:+.1f} to {:+.1f})", names[known], n["nll"].mean(0)[known], *_range(gains(n))[:, known])
    distances = itemize("{} {:.1f}", names, n["frechet"].mean(0)).replace(";", ",")
    best = itemize("{} in {}", *_best(n))
    return (
        f"NLL in nats of binarized test images, mean over {seeds} seeds, with the lowest and the highest gain over "
        f"N(0, I) at the same seed in parentheses: {nlls}; none for the second stage. Fréchet distance on classifier "
        f"features: {distances}, and as many training images {n['real'].mean():.1f}; lowest {best} of {seeds} seeds. "
        f"All have one size of network, and the first four one training."
    ).replace("(+0.0 to +0.0)", "(the reference)")


def _range(values: np.ndarray) -> np.ndarray:
    return np.stack([values.min(0), values.max(0)])


def _best(n: Numbers) -> tuple[list[str], list[int]]:
    """Return the priors with the lowest distance of some seed, and in how many seeds."""
    index, counts = np.unique(n["frechet"].argmin(1), return_counts=True)
    return [PRIORS[i] for i in index], counts.tolist()


@figure(
    "prior-table",
    compute_priors,
    rows,
    alt,
    quick=QUICK,
    full=FULL,
    title="N(0, I), samplers fitted to the latents afterward, and learned priors: samples, NLL and Fréchet distance",
    seeds="{} seeds: draws of one, a dot each",
)
def draw(n: Numbers) -> Drawing:
    drawing = plots.new_figure(7.0, 2.7)
    pictures, left, right = drawing.subplots(1, 3, width_ratios=(2.2, 1, 1))
    plots.image_grid(pictures, n["pictures"][0] / 255, PRIORS)
    pictures.set_title("draws of seed 0")
    heights = np.arange(len(PRIORS))
    for axes, name, label in ((left, "nll", "NLL, nats"), (right, "frechet", "Fréchet distance")):
        for k, prior in enumerate(PRIORS):
            values = n[name][:, k]
            color = plots.P if prior == STANDARD else plots.Q if prior in LEARNED else plots.JS
            axes.plot(values, np.full(len(values), heights[k]), "o", color=color, alpha=0.8, markersize=4)
            if np.isnan(values).all():
                axes.text(
                    0.5, heights[k], "not defined", transform=axes.get_yaxis_transform(), ha="center", va="center"
                )
        for values in n[name]:
            axes.plot(values, heights, color=plots.REFERENCE, linewidth=0.5, alpha=0.4, zorder=0)
        axes.set(ylim=(len(PRIORS) - 0.5, -0.5), yticks=[], xlabel=label, box_aspect=1.3)  # beside its row
        axes.grid(axis="y", linewidth=0.3)
    right.set_xscale("log")
    right.axvline(n["real"].mean(), color="black", linewidth=0.8, linestyle="--")
    left.set_title("lower is better")
    right.set_title("dashed: training")
    drawing.suptitle("Draws, NLL and Fréchet distance from test images")
    return drawing
