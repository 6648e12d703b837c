"""gjs-plain-vs-primed: reconstruction against alpha with the weights of the mean as they are, and swapped.

At alpha = 1/2 the two are one loss.  They are trained from different seeds here, so that what is left between them at
1/2 is the noise of a run, and the yardstick for every other difference.
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.figure import Figure, Row
from figures.gjs import PAPER, published, variants
from figures.gjs.variants import FAMILIES, KL, MEASURES
from vaelab import plots
from vaelab.run_store import Numbers, Result


def compute(device: str, *, alphas: list[float], seeds: int, **training: Any) -> Result:
    """The numbers of `variants.measured`; the plain families begin at the seed where the primed ones end."""
    every = [variants.vae(), *(variants.gjs(family, a) for family in FAMILIES for a in alphas)]
    return variants.measured(every, variants.trained(every, device, seeds, **training))


def rows(n: Numbers) -> list[Row]:
    return [
        {
            "variant": str(name),
            "alpha": "" if np.isnan(alpha) else float(alpha),
            "seed": int(first) + seed,
            **{m: float(values[1, j, seed]) for j, m in enumerate(MEASURES)},
        }
        for name, alpha, first, values in zip(n["variant"], n["alpha"], n["first_seed"], n["values"], strict=True)
        for seed in range(values.shape[-1])
    ]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.9)
    vae = variants.test(n, "reconstruction", variants.chosen(n, KL)).repeat(2, axis=0)
    for axes, dual in zip(figure.subplots(1, 2, sharey=True), ("", " dual"), strict=True):
        plots.spread(axes, np.array([0.0, 1.0]), vae, plots.Q, label="KL(q‖p), the VAE", linestyle=":")
        for family in (f"primed{dual}", f"plain{dual}"):
            where = variants.chosen(n, family)
            seeds = variants.test(n, "reconstruction", where)
            plots.spread(axes, n["alpha"][where], seeds, variants.COLOURS[family], marker="o", label=family)
        axes.axvline(0.5, color="black", linewidth=0.5, linestyle="--", zorder=0)
        axes.set(title=f"geometric JS{dual and ', dual'}", xlabel="α", xlim=(0, 1))
        axes.legend()
    figure.axes[0].set_ylabel("reconstruction, test\n(squared error per image)")
    return figure


def noise(n: Numbers, dual: str = "") -> tuple[float, float]:
    """At alpha = 1/2, where both are one loss: the gap between their means, and the range over all their seeds."""
    half = n["alpha"] == 0.5
    each = [
        variants.test(n, "reconstruction", variants.chosen(n, f"{name}{dual}") & half) for name in ("primed", "plain")
    ]
    return abs(float(each[0].mean() - each[1].mean())), float(np.ptp(np.concatenate(each)))


def alt(n: Numbers) -> str:
    sentences = ["Test reconstruction error against alpha for primed and plain geometric JS."]
    for dual in ("", " dual"):
        where = variants.chosen(n, f"plain{dual}")
        values = variants.test(n, "reconstruction", where).mean(-1)
        gap, width = noise(n, dual)
        sentences.append(
            f"Plain{dual} lies between {values.min():.1f} and {values.max():.1f}. At alpha 0.5, where plain{dual} and "
            f"primed{dual} are the same loss, their means differ by {gap:.2f} and the seeds by up to {width:.2f}."
        )
    return " ".join(sentences)


PAPER_PRESET = {"alphas": list(published.ALPHAS), "seeds": 3, **published.MNIST}

FIGURE = Figure(
    id="gjs-plain-vs-primed",
    paper=PAPER,
    shows="Reconstruction against alpha, plain and primed: one loss at 1/2, where the difference is the noise of a run",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={"quick": {"alphas": variants.ALPHAS, "seeds": 2, **variants.MNIST}, "paper": PAPER_PRESET},
)
