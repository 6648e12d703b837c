"""gam-second-stage: digits from the prior, from the second stage raw and renormalized, and from a mixture."""

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.alt import itemize
from figures.two_stage import figure
from figures.two_stage.trainings import GEN1, GEN2, GMM, LAW, MNIST, QUICK, REC, SOURCES, compute_renormalized
from vaelab import plots
from vaelab.runs.store import Numbers

SHOWN = (REC, GEN1, GEN2, LAW, GMM)
ROWS = [SOURCES.index(name) for name in SHOWN]


def distance(n: Numbers) -> np.ndarray:
    """Return the Fréchet distances of `SHOWN`: [seeds, sources]."""
    distances: np.ndarray = n["frechet"][:, ROWS]
    return distances


def mean_pixel(n: Numbers) -> np.ndarray:
    """Return the mean of the images of `SHOWN`, in [0, 1]: [seeds, sources]."""
    means: np.ndarray = n["pictures"][:, ROWS].mean((2, 3, 4, 5)) / 255
    return means


def alt(n: Numbers) -> str:
    means = distance(n).mean(0)
    known = np.isfinite(means)
    return (
        f"Rows of {n['shown'].shape[1]} digits: test images, their reconstructions at the mean of z, and samples of "
        "one VAE by prior, second stage, second stage renormalized and Gaussian mixture. Mean distance over "
        f"{len(n['frechet'])} seeds: {itemize('{} {:.1f}', np.array(SHOWN)[known], means[known])}. The second stage "
        f"generates latents with {n['spread'].mean():.2f} of the spread they should have."
    )


@figure(
    "gam-second-stage",
    compute_renormalized,
    {distance: "seed source", mean_pixel: "seed source", "spread": "seed", "source": SHOWN},
    alt,
    title="What a second stage generates, raw and renormalized, beside prior and mixture",
    quick=QUICK,
    full=MNIST,
)
def draw(n: Numbers) -> Drawing:
    images = np.concatenate([n["shown"][0][None], n["pictures"][0][ROWS]]) / 255
    rows, columns, _, height, width = images.shape
    drawing = plots.new_figure(7.0, 4.2 * rows / columns * height / width + 0.35)
    axes = drawing.subplots()
    scores = ["mean (range over seeds)", *map(_format_range, distance(n).T)]
    plots.image_grid(axes, images, ["test images", *SHOWN], right=scores)
    axes.set_title("One VAE, latents from four sources; right: Fréchet distance on classifier features")
    return drawing


def _format_range(values: np.ndarray) -> str:
    if not np.isfinite(values).all():
        return "collapsed"
    return f"{values.mean():.1f} ({values.min():.1f} to {values.max():.1f})"
