"""gam-samplers, gam-cifar, gam-celeba: reconstructions and six ways to draw new latents for one VAE, seed by seed."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from figures.figure import Figure, Row
from figures.two_stage import PAPER
from figures.two_stage.trainings import (
    CELEBA,
    CIFAR,
    CONTROL,
    GEN1,
    GEN2,
    GMM,
    LAW,
    MNIST,
    PUBLISHED,
    QUICK,
    SMALL_CIFAR,
    SOURCES,
    compute_samplers,
)
from vaelab import plots
from vaelab.metrics.fid import JPEG_QUALITY
from vaelab.metrics.fid.network import SIDE
from vaelab.runs.store import Numbers

GENERATORS = tuple(name for name in SOURCES[2:] if name != CONTROL)
COLORS = dict(zip(SOURCES, (plots.REFERENCE, plots.REFERENCE, plots.P, plots.Q, plots.JS), strict=False))
COLORS |= {PUBLISHED: plots.DUAL, GMM: plots.MEAN, CONTROL: plots.MEAN}
MEASURES = ("spread", "gamma_second", "gamma", "law", "mse", "variance_loss", "memorised")
SCORES = {"classifier": "Fréchet distance on classifier features", "fid": "FID"}


def protocol(n: Numbers) -> Row:
    """What must be said beside every distance."""
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


def ordered(n: Numbers) -> np.ndarray:
    """In which seeds renormalized <= raw second stage <= prior: [seeds] of bool; false where the stage collapsed."""
    renormalized, raw, prior = (n["frechet"][:, SOURCES.index(name)] for name in (LAW, GEN2, GEN1))
    answer: np.ndarray = (renormalized <= raw) & (raw <= prior)
    return answer


def winners(n: Numbers) -> list[str]:
    """The generator with the smallest distance, per seed."""
    chosen = [SOURCES.index(name) for name in GENERATORS]
    return [GENERATORS[int(np.nanargmin(row[chosen]))] for row in n["frechet"]]


def rows(n: Numbers) -> list[Row]:
    best, order = winners(n), ordered(n)
    return [
        {
            "seed": seed,
            "source": name,
            "frechet": float(n["frechet"][seed, k]),
            "precision": float(n["precision"][seed, k]),
            "recall": float(n["recall"][seed, k]),
            "wins": "" if name not in GENERATORS else str(name == best[seed]).lower(),
            "order_holds": str(bool(order[seed])).lower(),
            **{x: float(n[x][seed]) for x in MEASURES},
            "images": int(n["images"][seed]),
            **protocol(n),
        }
        for seed in range(len(n["frechet"]))
        for k, name in enumerate(SOURCES)
    ]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.1)
    left, middle, right = figure.subplots(1, 3, width_ratios=(2.2, 1, 1), sharey=True)
    places = np.arange(len(SOURCES))[::-1]
    for axes, measure in ((left, "frechet"), (middle, "precision"), (right, "recall")):
        for values in n[measure]:
            axes.plot(values, places, color=plots.REFERENCE, linewidth=0.5, alpha=0.4)
        for k, name in enumerate(SOURCES):
            color = COLORS.get(name, plots.CLASSES[-1])
            axes.plot(n[measure][:, k], [places[k]] * len(n[measure]), "o", color=color, alpha=0.8)
        axes.grid(axis="y", linewidth=0.3)
    left.set(yticks=places, yticklabels=SOURCES, xscale="log", xlabel=SCORES[str(n["score"])], title=_title(n))
    left.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    left.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    left.xaxis.set_minor_locator(NullLocator())
    middle.set(xlabel="precision", xlim=(-0.05, 1.05), title="looks real")
    right.set(xlabel="recall", xlim=(-0.05, 1.05), title="covers the real")
    figure.supxlabel(told(n, "\n"), fontsize=7)
    return figure


def _title(n: Numbers) -> str:
    return f"distance from {int(n['images'][0]):,} test images, {len(n['frechet'])} seeds"


def told(n: Numbers, between: str = "; ") -> str:
    """The protocol in words, which stands below the picture in two lines."""
    how = protocol(n)
    network = f"2015 Inception, pool 3, {how['resize']}" if str(n["score"]) == "fid" else "no resizing"
    files = f"data files {how['data_files']}, made images as {how['made_files']}"
    return f"{how['data']}, {how['split']} images; {network}{between}{files}; REC decodes the {how['reconstructed_at']}"


def alt(n: Numbers) -> str:
    seeds = len(n["frechet"])
    known = [(name, value) for name, value in zip(SOURCES, n["frechet"].mean(0), strict=True) if np.isfinite(value)]
    means = ", ".join(f"{name} {value:.1f}" for name, value in known)
    best = winners(n)
    wins = ", ".join(f"{name} in {best.count(name)}" for name in GENERATORS if name in best)
    return (
        f"{SCORES[str(n['score'])]} from the test images, mean over {seeds} seeds: {means}. Renormalized <= raw second "
        f"stage <= prior in {int(ordered(n).sum())} of {seeds} seeds. Smallest among the generators: {wins}. {told(n)}."
    )


def _figure(id: str, shows: str, presets: dict[str, dict[str, Any]], why_no_quick_preset: str = "") -> Figure:
    return Figure(id, PAPER, shows, compute_samplers, rows, draw, alt, presets, why_no_quick_preset)


FIGURE = _figure(
    "gam-samplers",
    "Ways to draw new latents for one VAE: prior, second stage, renormalized, Gaussian mixture, by distance and seed",
    {"quick": QUICK, "paper": MNIST},
)
LARGE = "the published networks are too large for a laptop, and the Inception network judges color images only"
CIFAR_TABLE = _figure(
    "gam-cifar",
    "Ways to draw new latents on CIFAR-10, which is downloaded; in the paper preset the published network, by FID",
    {"quick": SMALL_CIFAR, "paper": CIFAR},
)
CELEBA_TABLE = _figure(
    "gam-celeba", "CelebA with the published network: FID of reconstructions and samplers", {"paper": CELEBA}, LARGE
)
