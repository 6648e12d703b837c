"""cr-latent-clouds: the posteriors of an image and of 50 gentle transformations of it.

The plane is spanned by the two first principal axes of each model's means over the test images.
"""

from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection
from matplotlib.figure import Figure as Drawing

from figures.alt import itemize
from figures.consistency import describe_images, figure, methods
from figures.consistency.trainings import compute_latent_clouds
from vaelab import plots
from vaelab.divergences import Gaussian
from vaelab.divergences.gaussian import latent_kl
from vaelab.runs.store import Numbers

SHOWN = (0, 1, 2, 3, 4, 7)  # images whose clouds are drawn
LAMBDAS = [0.0, 1.0, 5.0]


def project(mean: np.ndarray, logvar: np.ndarray, plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Project on two principal axes of `plane`: means [..., 2], covariances [..., 2, 2]."""
    center = plane.mean(0)
    axes = np.linalg.svd(plane - center, full_matrices=False)[2][:2]
    axes = axes * np.sign(axes.sum(1, keepdims=True))
    covariance = np.einsum("ai,...i,bi->...ab", axes, np.exp(logvar), axes)
    return (mean - center) @ axes.T, covariance


def rho(n: Numbers) -> np.ndarray:
    """Return nu of each cloud: distance² of views from their image over 2 Var of means: [k, c]."""
    mean, plane = n["cloud_mean"][:, 0], n["plane"][:, 0]
    distance = ((mean[:, :, 1:] - mean[:, :, :1]) ** 2).sum(-1).mean(-1)
    return np.asarray(distance / (2 * plane.var(1).sum(-1))[:, None])


def gap(n: Numbers) -> np.ndarray:
    """Return R of each cloud: [k, c], nats."""
    mean, logvar = (torch.from_numpy(n[name][:, 0]).double() for name in ("cloud_mean", "cloud_logvar"))
    image, views = (Gaussian(mean[:, :, part], logvar[:, :, part]) for part in (slice(1), slice(1, None)))
    return np.asarray(latent_kl(views, image).sum(-1).mean(-1).numpy())


def alt(n: Numbers) -> str:
    clouds = itemize("{}: R {:.1f} nats, nu {:.2f}", n["arm"], gap(n).mean(1), rho(n).mean(1))
    return (
        "Six digits and 50 gentle transformations of each, encoded as they are, projected on two principal axes, for "
        f"several models ({describe_images(n)}), with ellipses of the digits' own posteriors. Over ten digits: "
        f"{clouds}."
    )


@figure(
    "cr-latent-clouds",
    compute_latent_clouds,
    {rho: "arm image", gap: "arm image"},
    alt,
    quick={"lambdas": LAMBDAS, "seeds": 1, **methods.QUICK},
    full={"lambdas": LAMBDAS, "seeds": 1, **methods.MINI},
)
def draw(n: Numbers) -> Drawing:
    """Six images and 50 transformations of each in latent space: VAE, VAE with augmentation,
    CR-VAE."""
    drawing = plots.new_figure(7.0, 3.1)
    drawing.suptitle(f"{describe_images(n)}; R and ν over ten digits")
    grid = drawing.add_gridspec(2, len(n["arm"]), height_ratios=(5, 1))
    for j, method in enumerate(n["arm"]):
        axes = drawing.add_subplot(grid[0, j])
        _draw_clouds(axes, n, j)
        axes.set_ylabel("second principal axis" if j == 0 else "")
        axes.set_title(f"{method}\nR = {gap(n)[j].mean():.1f} nats, ν = {rho(n)[j].mean():.2f}")
    strip = drawing.add_subplot(grid[1, :])
    images = [n["cloud_images"][0, 0, i] for i in SHOWN]
    side = images[0].shape[0]
    for i, image in enumerate(images):
        strip.imshow(image, extent=(1.5 * i * side, 1.5 * i * side + side, 0, side), vmin=0, vmax=1)
        strip.plot([1.5 * i * side, 1.5 * i * side + side], [-2, -2], color=plots.CLASSES[i], linewidth=3)
    strip.set(xlim=(-1, 1.5 * len(images) * side), ylim=(-3, side), aspect="equal", anchor="C")
    strip.axis("off")
    return drawing


def _draw_clouds(ax: Axes, n: Numbers, k: int) -> None:
    """Draw the views as dots, and one standard deviation of each image's own posterior."""
    plane = n["plane"][k, 0]
    means, covariances = project(n["cloud_mean"][k, 0], n["cloud_logvar"][k, 0], plane)
    behind, _ = project(plane, 0 * plane, plane)
    ax.plot(*behind.T, ".", color="0.85", markersize=2, zorder=0)
    for color, i in zip(plots.CLASSES, SHOWN, strict=False):
        ax.plot(*means[i, 1:].T, ".", color=color, markersize=3.2, alpha=0.9, markeredgewidth=0)
        ax.plot(*means[i, 0], "o", color=color, markersize=5, markeredgecolor="black", markeredgewidth=0.7, zorder=3)
        values, vectors = np.linalg.eigh(covariances[i, 0])
        (small, large), angle = 2 * np.sqrt(values), np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1]))
        look: Any = {"facecolors": "none", "edgecolors": [color], "linewidths": 1.0, "units": "xy"}
        place: Any = {"offsets": means[i, :1], "offset_transform": ax.transData}
        ax.add_collection(EllipseCollection([large], [small], [angle], **place, **look))
    ax.set(aspect="equal", xticks=[], yticks=[], xlabel="first principal axis")
    reach = 1.05 * np.abs(behind).max()
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach))
