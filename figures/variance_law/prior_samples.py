"""var-prior-vs-mixture-samples: what sampling from N(0, I) misses, and what the mixture Q(z) would give instead.

Scores are Fréchet distances on classifier features, on this data set only.  The mixture replays its training images,
each blurred by its sigma; a Gaussian mixture of few components cannot.
"""

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.figure import Figure, Row
from figures.variance_law import PAPER
from figures.variance_law.measures import compute_prior_samples
from figures.variance_law.trainings import DOORS, WIDE, WIDE_PAPER
from vaelab import plots
from vaelab.runs.store import Numbers

LABELS = {
    "N(0, I)": "z ~ N(0, I)",
    "rescaled": "N(0, I), latents rescaled",
    "mixture": "z ~ Q, the mixture",
    "GMM 10": "GMM, 10 components",
    "GMM 100": "GMM, 100 components",
    "reconstructions": "reconstructions of test images",
}


def rows(n: Numbers) -> list[Row]:
    return [
        {"door": door, "seed": seed, "frechet_distance_on_classifier_features": float(value)}
        for seed, values in enumerate(n["distance"])
        for door, value in zip((*DOORS, "training images"), (*values, n["real"][seed]), strict=True)
    ]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.9)
    pictures, bars = figure.subplots(1, 2, width_ratios=(2.1, 1))
    plots.image_grid(pictures, n["shown"][0] / 255, [LABELS[door] for door in DOORS])
    pictures.set_title("draws of seed 0")
    seeds, doors = n["distance"].shape
    for seed, values in enumerate(n["distance"]):
        y = np.arange(doors) + (seed - (seeds - 1) / 2) * 0.35
        bars.barh(y, values, 0.3, color=plots.Q, alpha=1 - 0.5 * seed / (seeds - 0.5), label=f"seed {seed}")
    bars.axvline(n["real"].mean(), color="black", linewidth=0.8, linestyle="--", label="training images")
    bars.set(ylim=(doors - 0.5, -0.5), yticks=[], xlabel="lower is nearer", box_aspect=1.05)  # beside its row
    bars.set_title("distance to test images")
    figure.legend(*bars.get_legend_handles_labels(), loc="outside lower right", ncols=seeds + 1)
    figure.suptitle("Draws, and their Fréchet distance on classifier features")
    return figure


def alt(n: Numbers) -> str:
    means = n["distance"].mean(0)
    told = [f"{LABELS[door]} {value:.1f}" for door, value in zip(DOORS, means, strict=True)]
    return (
        f"Rows of digits drawn in {len(DOORS)} ways and their Fréchet distances on classifier features from the test "
        f"images, means over {len(n['distance'])} seeds: {'; '.join(told)}; as many training images "
        f"{n['real'].mean():.1f}. "
        f"KL(Q‖p) is {n['kl'][:, 0].mean():.2f} nats."
    )


FIGURE = Figure(
    id="var-prior-vs-mixture-samples",
    paper=PAPER,
    title="Draws from the prior, from the mixture Q(z) and from small Gaussian mixtures, scored against test images",
    compute=compute_prior_samples,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={"quick": {"seeds": 2, **WIDE, "epochs": 15}, "paper": {"seeds": 3, **WIDE_PAPER}},
)
