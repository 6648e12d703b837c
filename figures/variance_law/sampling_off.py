"""var-sampling-off: the same network with and without sampling; without, only the quadratic penalty is kept.

The cloud looks alike to the eye.  What is lost is the scale: with noise KL draws the variance of Q(z) to 1; without,
the penalty asks for less at every scale, and where the codes stay is the optimizer's doing, not the loss's.
"""

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.variance_law import figure, planes
from figures.variance_law.measures import compute_sampling_off
from figures.variance_law.trainings import PLANE, PLANE_PAPER
from vaelab import plots
from vaelab.runs.store import Numbers

NAMES = ("with sampling", "without")


def alt(n: Numbers) -> str:
    with_, without = n["variance"][:, :, -1].mean(1)
    return (
        f"Clouds of {len(n['label'])} digits in the latent plane at epochs {', '.join(map(str, n['shown']))}, above "
        "with sampling, below without: sectors of classes in both. At the end the variance of the codes is "
        f"{with_:.2f} per latent with sampling and {without:.2f} without."
    )


@figure(
    "var-sampling-off",
    compute_sampling_off,
    {"training": NAMES, "variance": "training seed epoch"},
    alt,
    title="The latent plane with and without sampling: a cloud alike, without the scale that noise and KL set",
    quick={"shown": [1, 3, 10], "seeds": 2, **PLANE},
    full={"shown": [1, 3, 10], "seeds": 2, **PLANE_PAPER},
)
def draw(n: Numbers) -> Drawing:
    columns = len(n["shown"])
    figure = plots.new_figure(7.0, 3.9)
    grid = figure.add_gridspec(2, columns + 1, width_ratios=[1] * columns + [1.25])
    for row, name in enumerate(NAMES):
        for column, epoch in enumerate(n["shown"]):
            axes = figure.add_subplot(grid[row, column])
            mean = n["mean"][row, column]
            planes.prior(axes)
            colors = [planes.color(k) for k in n["label"]]
            if row == 0:
                planes.ellipses(axes, mean, n["logvar"][row, column], colors, linewidths=0.5)
            axes.scatter(mean[:, 0], mean[:, 1], c=colors, s=4, linewidths=0)
            axes.set(xticks=[], yticks=[], title=f"epoch {epoch}" if row == 0 else "")
            axes.set_ylabel(name if column == 0 else "")
    line = figure.add_subplot(grid[:, -1])
    for name, seeds, color in zip(NAMES, n["variance"], (plots.Q, plots.P), strict=True):
        plots.spread(line, np.arange(seeds.shape[1]), seeds.T, color, label=name)
    line.axhline(1, color="black", linewidth=0.6, linestyle="--")
    line.set(title="variance of the codes", xlabel="epoch", ylabel="per latent, test images", ylim=(0, None))
    line.legend()
    return figure
