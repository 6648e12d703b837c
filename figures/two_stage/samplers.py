"""gam-samplers, gam-cifar, gam-celeba: reconstructions, and samplers of the latents of one VAE.

gam-second-stage: digits from the prior, from the second stage raw and renormalized, and from a
mixture.
"""

from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from figures.alt import itemize
from figures.table import Row, long_table
from figures.two_stage import figure, trainings
from figures.two_stage.trainings import CONTROL, GEN1, GEN2, GMM, LAW, PUBLISHED, REC, SOURCES
from vaelab import plots
from vaelab.metrics.fid import JPEG_QUALITY
from vaelab.metrics.fid.network import SIDE
from vaelab.runs.store import Numbers

GENERATORS = [name for name in SOURCES[2:] if name != CONTROL]
COLORS = dict(zip(SOURCES, (plots.REFERENCE, plots.REFERENCE, plots.P, plots.Q, plots.JS), strict=False))
COLORS |= {PUBLISHED: plots.DUAL, GMM: plots.MEAN, CONTROL: plots.MEAN}
SCORES = {"classifier": "Fréchet distance on classifier features", "fid": "FID"}


def protocol(n: Numbers) -> dict[str, str]:
    """Return how the distances were measured."""
    by_fid = str(n["score"]) == "fid"
    return {
        "score": SCORES[str(n["score"])],
        "data": str(n["data"]),
        "split": "test",
        "resize": f"bilinear to {SIDE}, as TensorFlow 1" if by_fid else "none",
        "data_files": f"JPEG, quality {JPEG_QUALITY}" if n["jpeg"] else "as published",
        "made_files": "bytes" if by_fid else "floats",
        "reconstructed_at": "mean of z",
    }


def order_holds(n: Numbers) -> np.ndarray:
    """Return whether renormalized <= raw second stage <= prior: [seeds], false for a collapse."""
    renormalized, raw, prior = (n["frechet"][:, SOURCES.index(name)] for name in (LAW, GEN2, GEN1))
    return np.asarray((renormalized <= raw) & (raw <= prior))


def best_generators(n: Numbers) -> list[str]:
    """Return the generator with the smallest distance, per seed."""
    columns = [SOURCES.index(name) for name in GENERATORS]
    return [GENERATORS[int(np.nanargmin(distances[columns]))] for distances in n["frechet"]]


def wins(n: Numbers) -> np.ndarray:
    """Return whether a source is the best generator: [seeds, sources] of bool."""
    return np.array([[name == best for name in SOURCES] for best in best_generators(n)])


SPEC = {
    "frechet precision recall": "seed source",
    wins: "seed source",
    order_holds: "seed",
    "spread gamma_second gamma law mse variance_loss": "seed",
    "memorised": "seed",
    "images": "seed",
    "source": SOURCES,
}


def rows(n: Numbers) -> list[Row]:
    return [{**row, **protocol(n)} for row in long_table(SPEC, n)]


def describe_protocol(n: Numbers, separator: str = "; ") -> str:
    how = protocol(n)
    network = f"2015 Inception, pool 3, {how['resize']}" if how["score"] == "FID" else "no resizing"
    files = f"data files {how['data_files']}, generated images as {how['made_files']}"
    parts = f"{how['data']}, {how['split']} images; {network}", f"{files}; REC decodes the {how['reconstructed_at']}"
    return separator.join(parts)


def alt(n: Numbers) -> str:
    seeds, means, best = len(n["frechet"]), n["frechet"].mean(0), best_generators(n)
    known = np.isfinite(means)
    distances = itemize("{} {:.1f}", np.array(SOURCES)[known], means[known]).replace(";", ",")
    counts = ", ".join(f"{name} in {best.count(name)}" for name in GENERATORS if name in best)
    return (
        f"{protocol(n)['score']} from the test images, mean over {seeds} seeds: {distances}. Renormalized <= raw "
        f"second stage <= prior in {int(order_holds(n).sum())} of {seeds} seeds. Smallest among the generators, the "
        f"control {CONTROL} aside: {counts}. {describe_protocol(n)}."
    )


samplers_figure = partial(figure, compute=trainings.compute_samplers, table=rows, alt=alt, seeds="{} seeds: a dot each")


@samplers_figure(
    "gam-samplers",
    title="Ways to draw new latents of a VAE: prior, second stage, renormalized, Gaussian mixture, by distance and "
    "seed",
    quick=trainings.QUICK,
    full=trainings.MNIST,
)
@samplers_figure(
    "gam-cifar",
    title="Ways to draw new latents on CIFAR-10, which is downloaded; in the paper preset the published network, by "
    "FID",
    quick=trainings.SMALL_CIFAR,
    full=trainings.CIFAR,
)
@samplers_figure(
    "gam-celeba",
    title="CelebA with the published network: FID of reconstructions and samplers",
    full=trainings.CELEBA,
    why_no_quick_preset="the published networks are too large for a laptop, and FID needs color images",
)
def draw(n: Numbers) -> Drawing:
    drawing = plots.new_figure(7.0, 3.1)
    panels: Any = drawing.subplots(1, 3, width_ratios=(2.2, 1, 1), sharey=True)
    left, middle, right = panels
    heights = np.arange(len(SOURCES))[::-1]
    for axes, name in zip(panels, ("frechet", "precision", "recall"), strict=True):
        for values in n[name]:
            axes.plot(values, heights, color=plots.REFERENCE, linewidth=0.5, alpha=0.4)
        for source, values, height in zip(SOURCES, n[name].T, heights, strict=True):
            color = COLORS.get(source, plots.CLASSES[-1])
            axes.plot(values, [height] * len(values), "o", color=color, alpha=0.8)
        axes.grid(axis="y", linewidth=0.3)
    title = f"distance from {int(n['images'][0]):,} test images, {len(n['frechet'])} seeds"
    left.set(yticks=heights, yticklabels=SOURCES, xscale="log", xlabel=protocol(n)["score"], title=title)
    left.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    left.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    left.xaxis.set_minor_locator(NullLocator())
    middle.set(xlabel="precision", xlim=(-0.05, 1.05), title="looks real")
    right.set(xlabel="recall", xlim=(-0.05, 1.05), title="covers the real")
    drawing.supxlabel(describe_protocol(n, "\n"), fontsize=7)
    return drawing


SHOWN = (REC, GEN1, GEN2, LAW, GMM)
ROWS = [SOURCES.index(name) for name in SHOWN]


def distance(n: Numbers) -> np.ndarray:
    """Return the Fréchet distances of `SHOWN`: [seeds, sources]."""
    return np.asarray(n["frechet"][:, ROWS])


def mean_pixel(n: Numbers) -> np.ndarray:
    """Return the mean of the images of `SHOWN`, in [0, 1]: [seeds, sources]."""
    return np.asarray(n["pictures"][:, ROWS].mean((2, 3, 4, 5)) / 255)


def alt_stage(n: Numbers) -> str:
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
    trainings.train_seeds,
    {distance: "seed source", mean_pixel: "seed source", "spread": "seed", "source": SHOWN},
    alt_stage,
    seeds="{} seeds: images of one",
    quick=trainings.QUICK,
    full=trainings.MNIST,
)
def draw_stage(n: Numbers) -> Drawing:
    """What a second stage generates, raw and renormalized, beside prior and mixture."""
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
