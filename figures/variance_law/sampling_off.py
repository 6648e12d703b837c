"""var-sampling-off: the same network with and without sampling; without, only the quadratic penalty is kept.

The cloud looks alike to the eye.  What is lost is the scale: with noise KL draws the variance of Q(z) to 1; without,
the penalty asks for less at every scale, and where the codes stay is the optimiser's doing, not the loss's.
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.figure import Figure, Row
from figures.variance_law import PAPER, planes
from figures.variance_law.followed import PLANE, PLANE_PAPER, followed
from vaelab import plots
from vaelab.run_store import Numbers, Result, merge_results

NAMES = ("with sampling", "without")


def compute(device: str, *, shown: list[int], seeds: int, **training: Any) -> Result:
    """shown: the epochs drawn.  Numbers: shown [e]; mean, logvar [2, e, m, 2] of seed 0 and label [m]; variance
    [2, seeds, epochs + 1], that of the means on the test images plus, with sampling, the mean of the variances,
    averaged over the two latents."""
    pairs = [followed(device, seeds, sampled=sampled, **training) for sampled in (True, False)]
    first = [results[0].numbers for results in pairs]
    noise = (1, 0)  # without sampling the encoder's second output means nothing
    variance = [
        [(r.numbers["of_means"][1] + used * r.numbers["of_noise"][1]).mean(-1) for r in results]
        for used, results in zip(noise, pairs, strict=True)
    ]
    numbers = {
        "shown": np.array(shown),
        **{name: np.stack([n[f"few_{name}"][shown] for n in first]) for name in ("mean", "logvar")},
        "label": first[0]["few_labels"],
        "variance": np.array(variance),
    }
    return merge_results(numbers, [result for results in pairs for result in results])


def rows(n: Numbers) -> list[Row]:
    return [
        {"training": name, "seed": seed, "epoch": epoch, "variance": float(value)}
        for name, seeds in zip(NAMES, n["variance"], strict=True)
        for seed, values in enumerate(seeds)
        for epoch, value in enumerate(values)
    ]


def draw(n: Numbers) -> Drawing:
    columns = len(n["shown"])
    figure = plots.new_figure(7.0, 3.9)
    grid = figure.add_gridspec(2, columns + 1, width_ratios=[1] * columns + [1.25])
    for row, name in enumerate(NAMES):
        for column, epoch in enumerate(n["shown"]):
            axes = figure.add_subplot(grid[row, column])
            mean = n["mean"][row, column]
            planes.prior(axes)
            colours = [planes.colour(k) for k in n["label"]]
            if row == 0:
                planes.ellipses(axes, mean, n["logvar"][row, column], colours, linewidths=0.5)
            axes.scatter(mean[:, 0], mean[:, 1], c=colours, s=4, linewidths=0)
            axes.set(xticks=[], yticks=[], title=f"epoch {epoch}" if row == 0 else "")
            axes.set_ylabel(name if column == 0 else "")
    line = figure.add_subplot(grid[:, -1])
    for name, seeds, colour in zip(NAMES, n["variance"], (plots.Q, plots.P), strict=True):
        plots.spread(line, np.arange(seeds.shape[1]), seeds.T, colour, label=name)
    line.axhline(1, color="black", linewidth=0.6, linestyle="--")
    line.set(title="variance of the codes", xlabel="epoch", ylabel="per latent, test images", ylim=(0, None))
    line.legend()
    return figure


def alt(n: Numbers) -> str:
    with_, without = n["variance"][:, :, -1].mean(1)
    return (
        f"Clouds of {len(n['label'])} digits in the latent plane at epochs {', '.join(map(str, n['shown']))}, above "
        f"with sampling, below without: sectors of classes in both. At the end the variance of the codes is "
        f"{with_:.2f} per "
        f"latent with sampling and {without:.2f} without."
    )


FIGURE = Figure(
    id="var-sampling-off",
    paper=PAPER,
    shows="The latent plane with and without sampling: a cloud alike, without the scale that noise and KL set",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={
        "quick": {"shown": [1, 3, 10], "seeds": 2, **PLANE},
        "paper": {"shown": [1, 3, 10], "seeds": 2, **PLANE_PAPER},
    },
)
