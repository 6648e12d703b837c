"""var-trajectories: ten digits on their way through the latent plane, one of each class, over the first five epochs.

The film of the author's page as one picture: circles shrink, since 60,000 digits have to share the plane.
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.figure import Figure, Row
from figures.variance_law import PAPER, planes
from figures.variance_law.followed import PLANE, PLANE_PAPER, followed
from vaelab import plots
from vaelab.run_store import Numbers, Result, merge_results

EPOCHS = 5  # drawn in the plane; the radii are followed to the end


def compute(device: str, *, seeds: int, **training: Any) -> Result:
    """Numbers of seed 0: mean [epochs + 1, 10, 2], radius [epochs + 1, 10], label [10]; and radii [seeds, epochs + 1]
    of all followed digits, their geometric mean."""
    results = followed(device, seeds, **training)
    n = results[0].numbers
    one_each = np.unique(n["few_labels"], return_index=True)[1]
    radii = [np.exp(0.5 * result.numbers["few_logvar"].mean((1, 2))) for result in results]
    numbers = {
        "mean": n["few_mean"][:, one_each],
        "radius": planes.radius(n["few_logvar"][:, one_each]),
        "label": n["few_labels"][one_each],
        "radii": np.stack(radii),
    }
    return merge_results(numbers, results)


def rows(n: Numbers) -> list[Row]:
    return [
        {
            **{"epoch": epoch, "label": int(label), "mean_1": float(mean[0]), "mean_2": float(mean[1])},
            **{"radius": float(radius)},
        }
        for epoch, (means, sizes) in enumerate(zip(n["mean"], n["radius"], strict=True))
        for label, mean, radius in zip(n["label"], means, sizes, strict=True)
    ]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.6)
    plane, line = figure.subplots(1, 2, width_ratios=(1.25, 1))
    planes.prior(plane)
    for k, label in enumerate(n["label"]):
        path, sizes = n["mean"][: EPOCHS + 1, k], n["radius"][: EPOCHS + 1, k]
        colour = planes.colour(label)
        plane.plot(*path.T, color=colour, linewidth=0.8)
        logvar = 2 * np.log(sizes[:, None]).repeat(2, 1)
        for epoch in range(1, EPOCHS + 1):
            shade = 1.0 if epoch == EPOCHS else 0.4
            planes.ellipses(plane, path[epoch, None], logvar[epoch, None], [colour], alpha=shade)
    planes.digits(plane, n["mean"][EPOCHS], n["label"], size=8)
    planes.ellipses(plane, n["mean"][0, :1], np.log(n["radius"][:1, :1].repeat(2, 1) ** 2), ["0.6"], linestyles=":")
    plane.set(title=f"ten test digits, from the start (dotted) to epoch {EPOCHS}", xlabel="z₁", ylabel="z₂")
    for seed, radii in enumerate(n["radii"]):
        line.plot(radii, color=plots.Q, marker="o", linestyle="-:"[seed > 0], label=f"seed {seed}")
    line.set(title="σ, geometric mean over the digits", xlabel="epoch", ylabel="σ", yscale="log")
    line.set_yticks([0.1, 0.2, 0.5, 1], labels=["0.1", "0.2", "0.5", "1"])
    line.minorticks_off()
    line.legend()
    return figure


def alt(n: Numbers) -> str:
    sizes = n["radii"][0]
    return (
        f"Paths of ten digits in the latent plane with circles of their sigmas: all start near 0 with sigma "
        f"{sizes[0]:.2f} (dotted; dashed are 1, 2 and 3 sigmas of the prior) and drift apart into sectors, while sigma "
        f"falls to {sizes[1]:.2f} after one epoch and to "
        f"{sizes[min(EPOCHS, len(sizes) - 1)]:.2f} after {min(EPOCHS, len(sizes) - 1)}."
    )


FIGURE = Figure(
    id="var-trajectories",
    paper=PAPER,
    shows="Ten digits on their way through the latent plane: circles shrink and move apart",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={"quick": {"seeds": 2, **PLANE}, "paper": {"seeds": 2, **PLANE_PAPER}},
)
