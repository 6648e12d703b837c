"""var-digits-plane: 100 test digits in a latent plane after 10 epochs, each with the circle of its sigma.

The MNIST case of the talk, which asks: why does this cloud look Gaussian, if KL never sees more than one digit at once?
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.figure import Figure, Row
from figures.variance_law import PAPER, planes
from figures.variance_law.followed import PLANE, PLANE_PAPER, followed
from vaelab import plots
from vaelab.run_store import Numbers, Result, merge_results


def compute(device: str, *, seeds: int, **training: Any) -> Result:
    """Numbers: mean, logvar [seeds, m, 2], label [m] of the digits; of_means, of_noise [seeds, 2] over all test
    images."""
    results = followed(device, seeds, **training)
    each = [result.numbers for result in results]
    numbers = {
        **{name: np.stack([n[f"few_{name}"][-1] for n in each]) for name in ("mean", "logvar")},
        **{name: np.stack([n[name][1, -1] for n in each]) for name in ("of_means", "of_noise")},
        "label": each[0]["few_labels"],
    }
    return merge_results(numbers, results)


def rows(n: Numbers) -> list[Row]:
    sigma = np.exp(0.5 * n["logvar"])
    return [
        {
            **{"seed": seed, "image": i, "label": int(n["label"][i])},
            **{"mean_1": float(m[0]), "mean_2": float(m[1]), "sigma_1": float(s[0]), "sigma_2": float(s[1])},
        }
        for seed, (means, sigmas) in enumerate(zip(n["mean"], sigma, strict=True))
        for i, (m, s) in enumerate(zip(means, sigmas, strict=True))
    ]


def draw(n: Numbers) -> Drawing:
    seeds = len(n["mean"])
    figure = plots.new_figure(7.0, 3.75)
    for seed, axes in enumerate(figure.subplots(1, seeds, sharex=True, sharey=True, squeeze=False)[0]):
        mean = n["mean"][seed]
        planes.prior(axes)
        planes.ellipses(axes, mean, n["logvar"][seed], [planes.colour(k) for k in n["label"]])
        planes.digits(axes, mean, n["label"])
        v = n["of_means"][seed] + n["of_noise"][seed]
        axes.set(title=f"seed {seed}: V = {v[0]:.2f} and {v[1]:.2f}", xlabel="z₁")
    figure.axes[0].set_ylabel("z₂")
    return figure


def alt(n: Numbers) -> str:
    v = n["of_means"] + n["of_noise"]
    told = [f"{a:.2f} and {b:.2f}" for a, b in v]
    size = planes.radius(n["logvar"])
    inside = [f"{(np.linalg.norm(m, axis=1) < 2).mean():.0%}" for m in n["mean"]]
    return (
        f"{len(n['label'])} digits in the latent plane of {len(v)} VAEs, each class in its sector, a roundish "
        f"cloud about 0; inside two sigma of the prior lie {' and '.join(inside)}. The circles of their own sigmas "
        f"are small, "
        f"{size.mean():.2f} on average. Total variance of the two latents, by seed: {'; '.join(told)}."
    )


FIGURE = Figure(
    id="var-digits-plane",
    paper=PAPER,
    shows="100 test digits in the latent plane after 10 epochs, with the circles of their sigmas and of the prior",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={"quick": {"seeds": 2, **PLANE}, "paper": {"seeds": 2, **PLANE_PAPER}},
)
