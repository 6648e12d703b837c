"""gjs-noise: denoising.  The network sees a noisy image and is judged against the clean one, at rising noise.

After the follow-up (alpha-VAEs, Deasy et al. 2021), whose skews are trained, too.
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.figure import Figure, Row
from figures.gjs import published, variants
from figures.gjs.variants import LEARNED
from vaelab import plots
from vaelab.run_store import Numbers, Result, merge_results

PICTURED = 6


def compute(device: str, *, noises: list[float], seeds: int, **training: Any) -> Result:
    """One training per variant, level of noise and seed.

    Numbers: variant [k], noise [m], reconstruction [k, m, seeds] against the clean test images; and of seed 0 shown
    [n, c, h, w], inputs [m, n, c, h, w] and reconstructions [k, m, n, c, h, w], uint8.
    """
    dual = variants.learned("primed dual", 0.3)
    every = [variants.vae(), variants.reverse(), variants.mmd(), variants.learned("primed", 0.3), dual]
    levels = [variants.trained(every, device, seeds, **training, noise=noise) for noise in noises]
    first = [[row[0].numbers for row in level] for level in levels]
    errors = [[[float(r.numbers["test_reconstruction"]) for r in row] for row in level] for level in levels]
    numbers = {
        "variant": np.array([v.name for v in every]),
        "noise": np.array(noises),
        "reconstruction": np.array(errors).transpose(1, 0, 2),
        "shown": first[0][0]["shown"][:PICTURED],
        "inputs": np.stack([level[0]["inputs"][:PICTURED] for level in first]),
        "reconstructions": np.stack([[n["reconstructions"][:PICTURED] for n in level] for level in first], 1),
    }
    return merge_results(numbers, [result for level in levels for row in level for result in row])


def rows(n: Numbers) -> list[Row]:
    return [
        {"variant": str(name), "noise": float(noise), "seed": seed, "reconstruction": float(value)}
        for name, levels in zip(n["variant"], n["reconstruction"], strict=True)
        for noise, values in zip(n["noise"], levels, strict=True)
        for seed, value in enumerate(values)
    ]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.0)
    axes, pictures = figure.subplots(1, 2, width_ratios=(5, 4))
    for name, seeds in zip(n["variant"], n["reconstruction"], strict=True):
        plots.spread(axes, n["noise"], seeds, variants.COLOURS[str(name)], marker="o", label=variants.label(str(name)))
    axes.set(
        xlabel="standard deviation of the noise on the input",
        ylabel="squared error against\nthe clean test image",
        xlim=(0, None),
    )
    axes.legend()
    level = int(np.abs(n["noise"] - 1).argmin())
    learned = int(np.flatnonzero(n["variant"] == LEARNED["primed dual"])[0])
    grid = [n["shown"], n["inputs"][level], n["reconstructions"][0, level], n["reconstructions"][learned, level]]
    names = ["clean", f"noise {n['noise'][level]:g}", "KL(q‖p)", "primed dual,\nlearned α"]
    plots.images(pictures, np.stack(grid)[:, :, 0] / 255, names)
    return figure


def alt(n: Numbers) -> str:
    mean = n["reconstruction"].mean(-1)
    told = [
        f"{variants.label(str(name))} from {values[0]:.1f} to {values[-1]:.1f}"
        for name, values in zip(n["variant"], mean, strict=True)
    ]
    return (
        f"Squared error against the clean image for input noise from {n['noise'][0]:g} to {n['noise'][-1]:g}: "
        f"{'; '.join(told)}. Beside it, clean and noisy test images and what two of the VAEs make of them."
    )


FIGURE = Figure(
    id="gjs-noise",
    paper="Deasy, McIver, Simidjievski & Lio 2021",
    shows="Denoising: squared error against the clean image for rising noise on the input, with trained skews",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={
        "quick": {"noises": [0.5, 1.0, 2.0, 3.0], "seeds": 1, **variants.MNIST, "epochs": 5},
        "paper": {
            **{"noises": [0.5, 1.0, 1.5, 2.0, 2.5, 3.0], "seeds": 3},
            **published.MNIST,
        },
    },
)
