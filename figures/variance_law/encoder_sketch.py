"""var-encoder-sketch: what an encoder does: one image, one Gaussian; two images, two; all images, the mixture Q(z).

The sketch of the talk, drawn with a real encoder: a VAE after its first epoch, while posteriors are wide enough to see.
"""

from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from figures.figure import Figure, Row
from figures.variance_law import PAPER, planes
from figures.variance_law.followed import PLANE, PLANE_PAPER, followed
from vaelab import plots
from vaelab.posterior import MarginalPosterior
from vaelab.run_store import Numbers, Result, merge_results

GRID = 121
COLOURS = (plots.Q, plots.JS)


def compute(device: str, *, seeds: int, **training: Any) -> Result:
    """Numbers of seed 0 after one epoch: mean, logvar [n, 2], label [n]; shown [2, h, w] and pair [2], the two images
    of the sketch; line [GRID] and density [GRID, GRID] of Q(z), the mixture over the n images."""
    results = followed(device, seeds, **training)
    n = results[0].numbers
    mean, logvar = n["few_mean"][1], n["few_logvar"][1]
    line = np.linspace(-planes.REACH, planes.REACH, GRID)
    grid = torch.from_numpy(np.stack(np.meshgrid(line, line), -1).reshape(-1, 2))
    mixture = MarginalPosterior(torch.from_numpy(mean).double(), torch.from_numpy(logvar).double())
    pair = far_apart(mean)
    numbers = {
        **{"mean": mean, "logvar": logvar, "label": n["few_labels"], "pair": pair, "shown": n["few"][pair, 0]},
        **{"line": line, "density": mixture.density_2d(grid).reshape(GRID, GRID).numpy()},
    }
    return merge_results(numbers, results)


def far_apart(mean: np.ndarray) -> np.ndarray:
    """Two of the images [n, 2] whose means lie furthest apart inside 1.7 sigma of the prior: [2]."""
    apart = np.linalg.norm(mean[:, None] - mean, axis=-1)
    outside = np.linalg.norm(mean, axis=-1) > 1.7
    apart[outside] = apart[:, outside] = -1
    return np.array(np.unravel_index(apart.argmax(), apart.shape))


def rows(n: Numbers) -> list[Row]:
    sigma = np.exp(0.5 * n["logvar"])
    return [
        {
            **{"image": i, "label": int(label), "in_sketch": "yes" if i in n["pair"] else "no"},
            **{"mean_1": float(m[0]), "mean_2": float(m[1]), "sigma_1": float(s[0]), "sigma_2": float(s[1])},
        }
        for i, (label, m, s) in enumerate(zip(n["label"], n["mean"], sigma, strict=True))
    ]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.7)
    one, two, everyone = figure.subplots(1, 3, sharex=True, sharey=True)
    for axes, count in ((one, 1), (two, 2)):
        planes.prior(axes)
        for which in range(count):
            _posterior(axes, n, which)
    planes.prior(everyone)
    levels = np.linspace(0.04, 1, 13) * n["density"].max()
    everyone.contourf(n["line"], n["line"], n["density"], levels=levels, cmap="Blues", zorder=-1)
    planes.ellipses(everyone, n["mean"], n["logvar"], ["0.3"] * len(n["mean"]), linewidths=0.3)
    one.set(title="one image: q(z|x) = N(μ(x), σ²(x))", xlabel="z₁", ylabel="z₂")
    two.set(title="two images: each its own", xlabel="z₁")
    everyone.set(title=f"{len(n['mean'])} images: their mixture, Q(z)", xlabel="z₁")
    return figure


def _posterior(axes: Axes, n: Numbers, which: int) -> None:
    """The image, and an arrow to its posterior: the ellipses of 1 and 2 sigma, and the mean."""
    i = n["pair"][which]
    mean, logvar, colour = n["mean"][i], n["logvar"][i], COLOURS[which]
    planes.ellipses(axes, mean[None], logvar[None], [colour], facecolors=[(*_rgb(colour), 0.3)])
    planes.ellipses(axes, mean[None], logvar[None] + 2 * np.log(2), [colour], facecolors=[(*_rgb(colour), 0.15)])
    axes.plot(*mean, ".", color=colour, markersize=3)
    side = 1 if mean[0] > 0 else -1
    picture = OffsetImage(255 - n["shown"][which], zoom=0.8, cmap="gray")
    arrow: dict[str, Any] = {"arrowstyle": "-|>,head_width=0.15,head_length=0.3", "color": colour, "linewidth": 0.8}
    place = (side * 2.7, 2.7 if mean[1] > 0 else -2.7)
    box = AnnotationBbox(picture, tuple(mean), place, pad=0.1, bboxprops={"edgecolor": colour}, arrowprops=arrow)
    axes.add_artist(box)


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))


def alt(n: Numbers) -> str:
    radii = planes.radius(n["logvar"])
    a, b = n["pair"]
    return (
        f"Three latent planes over the circles of N(0, I). A digit {n['label'][a]} and its posterior, an ellipse of "
        f"radius {radii[a]:.2f} around ({n['mean'][a][0]:.1f}, {n['mean'][a][1]:.1f}); beside it a digit "
        f"{n['label'][b]} with "
        f"its own; and the density of the mixture of {len(radii)} posteriors."
    )


FIGURE = Figure(
    id="var-encoder-sketch",
    paper=PAPER,
    shows="One image, one Gaussian; two images, two; all of them together are the mixture Q(z)",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={"quick": {"seeds": 2, **PLANE}, "paper": {"seeds": 2, **PLANE_PAPER}},
)
