"""cr-latent-clouds: where one image and 50 gentle transformations of it lie, in a VAE and in consistent ones.

The plane is spanned by the two first principal axes of each model's means over the test images.
"""

from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection
from matplotlib.figure import Figure as Drawing

from figures.consistency import PAPER, methods
from figures.consistency.trainings import compute_latent_clouds
from figures.figure import Figure, Row
from vaelab import plots
from vaelab.divergences import Gaussian
from vaelab.divergences.gaussian import latent_kl
from vaelab.runs.store import Numbers

SHOWN = (0, 1, 2, 3, 4, 7)  # images whose clouds are drawn


def project(mean: np.ndarray, logvar: np.ndarray, plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means [..., latent] -> [..., 2] on the principal axes of `plane` [n, latent], and the 2x2 covariances there."""
    center = plane.mean(0)
    axes = np.linalg.svd(plane - center, full_matrices=False)[2][:2]
    axes = axes * np.sign(axes.sum(1, keepdims=True))
    covariance = np.einsum("ai,...i,bi->...ab", axes, np.exp(logvar), axes)
    return (mean - center) @ axes.T, covariance


def spread(n: Numbers) -> np.ndarray:
    """rho of each cloud, [k, c]: mean squared distance of the views from their image, over twice the variance of the
    means of the test images."""
    mean, plane = n["cloud_mean"][:, 0], n["plane"][:, 0]
    apart = ((mean[:, :, 1:] - mean[:, :, :1]) ** 2).sum(-1).mean(-1)
    whole: np.ndarray = apart / (2 * plane.var(1).sum(-1))[:, None]
    return whole


def gaps(n: Numbers) -> np.ndarray:
    """R of each cloud, [k, c], nats: of gray images, as they are."""
    mean, logvar = (torch.from_numpy(n[name][:, 0]).double() for name in ("cloud_mean", "cloud_logvar"))
    image, views = (Gaussian(mean[:, :, part], logvar[:, :, part]) for part in (slice(1), slice(1, None)))
    total: np.ndarray = latent_kl(views, image).sum(-1).mean(-1).numpy()
    return total


def rows(n: Numbers) -> list[Row]:
    rho, gap = spread(n), gaps(n)
    return [
        {
            "arm": str(arm),
            "image": i,
            "drawn": "yes" if i in SHOWN else "no",
            "rho": float(rho[k, i]),
            "gap": float(gap[k, i]),
        }
        for k, arm in enumerate(n["arm"])
        for i in range(rho.shape[1])
    ]


def draw(n: Numbers) -> Drawing:
    k = len(n["arm"])
    figure = plots.new_figure(7.0, 3.1)
    figure.suptitle(str(n["data"]))
    grid = figure.add_gridspec(2, k, height_ratios=(5, 1))
    for j, arm in enumerate(n["arm"]):
        ax = figure.add_subplot(grid[0, j])
        _clouds(ax, n, j)
        ax.set_ylabel("second principal axis" if j == 0 else "")
        ax.set_title(f"{arm}\nR = {gaps(n)[j].mean():.1f} nats, ρ = {spread(n)[j].mean():.2f}")
    strip = figure.add_subplot(grid[1, :])
    shown = [n["cloud_images"][0, 0, i] for i in SHOWN]
    side = shown[0].shape[0]
    for i, image in enumerate(shown):
        strip.imshow(image, extent=(1.5 * i * side, 1.5 * i * side + side, 0, side), vmin=0, vmax=1)
        strip.plot([1.5 * i * side, 1.5 * i * side + side], [-2, -2], color=plots.CLASSES[i], linewidth=3)
    strip.set(xlim=(-1, 1.5 * len(shown) * side), ylim=(-3, side), aspect="equal", anchor="C")
    strip.axis("off")
    return figure


def _clouds(ax: Axes, n: Numbers, k: int) -> None:
    plane = n["plane"][k, 0]
    means, covariances = project(n["cloud_mean"][k, 0], n["cloud_logvar"][k, 0], plane)
    behind, _ = project(plane, 0 * plane, plane)
    ax.plot(*behind.T, ".", color="0.85", markersize=2, zorder=0)
    for color, i in zip(plots.CLASSES, SHOWN, strict=False):
        ax.plot(*means[i, 1:].T, ".", color=color, markersize=3.2, alpha=0.9, markeredgewidth=0)
        ax.plot(*means[i, 0], "o", color=color, markersize=5, markeredgecolor="black", markeredgewidth=0.7, zorder=3)
        _ellipse(ax, means[i, 0], covariances[i, 0], color)
    ax.set(aspect="equal", xticks=[], yticks=[], xlabel="first principal axis")
    reach = 1.05 * np.abs(behind).max()
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach))


def _ellipse(ax: Axes, center: np.ndarray, covariance: np.ndarray, color: str) -> None:
    """One standard deviation of the image's own posterior."""
    values, vectors = np.linalg.eigh(covariance)
    (small, large), angle = 2 * np.sqrt(values), np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1]))
    look: Any = {"facecolors": "none", "edgecolors": [color], "linewidths": 1.0, "units": "xy"}
    ax.add_collection(
        EllipseCollection([large], [small], [angle], offsets=[center], offset_transform=ax.transData, **look)
    )


def alt(n: Numbers) -> str:
    told = "; ".join(
        f"{arm}: R {gap.mean():.1f} nats, rho {rho.mean():.2f}"
        for arm, gap, rho in zip(n["arm"], gaps(n), spread(n), strict=True)
    )
    return (
        "Six digits and 50 gentle transformations of each, encoded as they are, projected on two principal axes, for "
        f"several models ({n['data']}), with ellipses of the digits' own posteriors. Over ten digits: {told}."
    )


LAMBDAS = [0.0, 1.0, 5.0]
FIGURE = Figure(
    id="cr-latent-clouds",
    paper=PAPER,
    title="One image and 50 transformations of it in latent space: VAE, VAE with augmentation, CR-VAE",
    compute=compute_latent_clouds,
    table=rows,
    draw=draw,
    alt=alt,
    presets={
        "quick": {"lambdas": LAMBDAS, "seeds": 1, **methods.QUICK},
        "paper": {"lambdas": LAMBDAS, "seeds": 1, **methods.MINI},
    },
)
