"""gjs-noise: denoising.  The network sees a noisy image and is judged against the clean one, at rising noise.

After the follow-up (alpha-VAEs, Deasy et al. 2021), whose skews are trained, too.
"""

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.gjs import FOLLOW_UP, figure, published, variants
from figures.gjs.styles import COLORS
from figures.gjs.trainings import compute_denoising
from figures.gjs.variants import LEARNED
from vaelab import plots
from vaelab.runs.store import Numbers


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


@figure(
    "gjs-noise",
    compute_denoising,
    {"reconstruction": "variant noise seed"},
    alt,
    title="Denoising: squared error against the clean image for rising noise on the input, with trained skews",
    quick={"noises": [0.5, 1.0, 2.0, 3.0], "seeds": 1, **variants.MNIST, "epochs": 5},
    full={"noises": [0.5, 1.0, 1.5, 2.0, 2.5, 3.0], "seeds": 3, **published.MNIST},
    paper=FOLLOW_UP,
)
def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 3.0)
    axes, pictures = figure.subplots(1, 2, width_ratios=(5, 4))
    for name, seeds in zip(n["variant"], n["reconstruction"], strict=True):
        plots.spread(axes, n["noise"], seeds, COLORS[str(name)], marker="o", label=variants.label(str(name)))
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
    plots.image_grid(pictures, np.stack(grid)[:, :, 0] / 255, names)
    return figure
