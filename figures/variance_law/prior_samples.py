"""var-prior-vs-mixture-samples: samples from N(0, I) and from Q(z), by Fréchet distance.

The mixture repeats its training images, each blurred by its sigma; a GMM of few components cannot.
"""

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.alt import itemize
from figures.variance_law import figure
from figures.variance_law.measures import compute_prior_samples
from figures.variance_law.trainings import SAMPLERS, WIDE, WIDE_PAPER
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


def alt(n: Numbers) -> str:
    means = itemize("{} {:.1f}", [LABELS[name] for name in SAMPLERS], n["distance"].mean(0))
    return (
        f"Rows of digits drawn in {len(SAMPLERS)} ways and their Fréchet distances on classifier features from the "
        f"test images, means over {len(n['distance'])} seeds: {means}; as many training images "
        f"{n['real'].mean():.1f}. KL(Q‖p) is {n['kl'][:, 0].mean():.2f} nats."
    )


@figure(
    "var-prior-vs-mixture-samples",
    compute_prior_samples,
    {"sampler": SAMPLERS, "distance": "seed sampler", "real": "seed"},
    alt,
    seeds="{} seeds: draws of one, a bar each",
    quick={"seeds": 2, **WIDE, "epochs": 15},
    full={"seeds": 3, **WIDE_PAPER},
    title="Draws from the prior, from the mixture Q(z) and from small Gaussian mixtures, scored against test images",
)
def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.9)
    pictures, bars = figure.subplots(1, 2, width_ratios=(2.1, 1))
    plots.image_grid(pictures, n["shown"][0] / 255, [LABELS[name] for name in SAMPLERS])
    pictures.set_title("draws of seed 0")
    seeds, samplers = n["distance"].shape
    for seed, values in enumerate(n["distance"]):
        y = np.arange(samplers) + (seed - (seeds - 1) / 2) * 0.35
        bars.barh(y, values, 0.3, color=plots.Q, alpha=1 - 0.5 * seed / (seeds - 0.5), label=f"seed {seed}")
    bars.axvline(n["real"].mean(), color="black", linewidth=0.8, linestyle="--", label="training images")
    bars.set(ylim=(samplers - 0.5, -0.5), yticks=[], xlabel="lower is nearer", box_aspect=1.05)  # beside its row
    bars.set_title("distance to test images")
    figure.legend(*bars.get_legend_handles_labels(), loc="outside lower right", ncols=seeds + 1)
    figure.suptitle("Draws, and their Fréchet distance on classifier features")
    return figure
