"""gam-second-stage: digits from the prior, from the second stage raw and renormalized, and from a mixture."""

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.figure import Figure, Row
from figures.two_stage import PAPER
from figures.two_stage.trainings import GEN1, GEN2, GMM, LAW, MNIST, QUICK, REC, SOURCES, compute_renormalized
from vaelab import plots
from vaelab.runs.store import Numbers

SHOWN = (REC, GEN1, GEN2, LAW, GMM)


def rows(n: Numbers) -> list[Row]:
    return [
        {
            "seed": seed,
            "source": name,
            "frechet": float(n["frechet"][seed, SOURCES.index(name)]),
            "mean_pixel": float(n["pictures"][seed, SOURCES.index(name)].mean() / 255),
            "spread": float(n["spread"][seed]),
        }
        for seed in range(len(n["frechet"]))
        for name in SHOWN
    ]


def draw(n: Numbers) -> Drawing:
    chosen = [SOURCES.index(name) for name in SHOWN]
    grid = np.concatenate([n["shown"][0][None], n["pictures"][0][chosen]]) / 255
    r, c, channels, height, width = grid.shape
    picture = grid.transpose(0, 3, 1, 4, 2).reshape(r * height, c * width, channels)
    figure = plots.new_figure(7.0, 4.2 * r / c * height / width + 0.35)
    axes = figure.subplots()
    axes.imshow(picture.squeeze(-1) if channels == 1 else picture, vmin=0, vmax=1)
    middles = [(i + 0.5) * height - 0.5 for i in range(r)]
    axes.set(xticks=[], title="One VAE, latents from four sources; right: Fréchet distance on classifier features")
    axes.set_yticks(middles, labels=["test images", *SHOWN])
    scores = axes.secondary_yaxis("right")
    scores.set_yticks(middles, labels=["mean (range over seeds)", *(_range(n["frechet"][:, k]) for k in chosen)])
    for each in (axes, scores):
        each.tick_params(length=0)
        each.spines[:].set_visible(False)
    return figure


def _range(values: np.ndarray) -> str:
    if not np.isfinite(values).all():
        return "collapsed"
    return f"{values.mean():.1f} ({values.min():.1f} to {values.max():.1f})"


def alt(n: Numbers) -> str:
    means = n["frechet"].mean(0)
    known = [name for name in SHOWN if np.isfinite(means[SOURCES.index(name)])]
    told = "; ".join(f"{name} {means[SOURCES.index(name)]:.1f}" for name in known)
    return (
        f"Rows of {n['shown'].shape[1]} digits: test images, their reconstructions at the mean of z, and samples of "
        "one VAE by prior, second stage, second stage renormalized and Gaussian mixture. Mean distance over "
        f"{len(n['frechet'])} seeds: {told}. The second stage generates latents with {n['spread'].mean():.2f} of the "
        "spread they should have."
    )


FIGURE = Figure(
    id="gam-second-stage",
    paper=PAPER,
    title="What a second stage generates, raw and renormalized, beside prior and mixture",
    compute=compute_renormalized,
    table=rows,
    draw=draw,
    alt=alt,
    presets={"quick": QUICK, "paper": MNIST},
)
