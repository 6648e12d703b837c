"""var-other-laws: the variance of Q(z) that each regularizer leads to, predicted and measured.

At a minimum, no common scale of a latent lowers its average divergence: E[mean ∂D/∂mean + 2 s
∂D/ds] = 0, by autograd for any D. MMD compares the mixture only, so it fixes one scale for all
latents.
"""

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.gjs import variants
from figures.variance_law import figure
from figures.variance_law.predictions import compute_other_laws, laws
from vaelab import plots
from vaelab.runs.store import Numbers


def active(n: Numbers, law: int) -> np.ndarray:
    """Return the rows of a law's active latents, [k] of bool."""
    mask: np.ndarray = (n["law"] == law) & n["active"].astype(bool)
    return mask


def regularizer(n: Numbers) -> np.ndarray:
    """Return the name of each row's law."""
    return np.array([law.name for law in laws()])[n["law"]]


def alt(n: Numbers) -> str:
    parts = []
    for i, law in enumerate(laws()):
        where = active(n, i)
        means = [f"{np.exp(np.log(n[c][where]).mean()):.2f}" for c in ("predicted", "measured") if where.any()]
        parts.append(f"{law.name}: {' and '.join(means) or 'no active latent'}")
    return f"Variance of Q(z) in active latents, predicted and measured, geometric means. {'; '.join(parts)}."


@figure(
    "var-other-laws",
    compute_other_laws,
    {regularizer: "latent", "seed active measured predicted from_ratio": "latent"},
    alt,
    seeds="{} seeds",
    quick={"seeds": 2, **variants.MNIST, "epochs": 10, "batch_size": 64, "lr": 3e-3},
    full={"seeds": 3, **variants.MNIST, "data": "mnist", "epochs": 50},
)
def draw(n: Numbers) -> Drawing:
    """Which variance of Q(z) each regularizer leads to: predicted by its own law, and measured,
    which after a short training lies up to a fifth above for some.
    """
    regularizers = laws()
    figure = plots.new_figure(7.0, 3.2)
    axes = figure.subplots()
    for i in range(len(regularizers)):
        where = active(n, i)
        if not where.any():
            axes.text(i, 1, "no active\nlatent", ha="center", va="center", fontsize="x-small")
            continue
        for column, shift, color, marker in (("predicted", -0.14, plots.MEAN, "D"), ("measured", 0.14, plots.Q, "o")):
            values = n[column][where]
            x = i + shift + np.linspace(-0.07, 0.07, len(values))
            axes.plot(x, values, marker, color=color, alpha=0.35, markersize=2, markeredgewidth=0)
            mean = np.exp(np.log(values).mean())
            axes.plot(i + shift + np.array([-0.12, 0.12]), [mean, mean], color=color, linewidth=2)
    for column, color, marker in (("predicted by its law", plots.MEAN, "D"), ("measured", plots.Q, "o")):
        axes.plot([], [], f"-{marker}", color=color, label=column)
    axes.axhline(1, color="black", linewidth=0.6, linestyle="--", zorder=0)
    axes.set(ylabel="variance of Q(z), active latents", yscale="log")
    axes.set_title("Bars: geometric means; dots: single latents")
    axes.set_xticks(range(len(regularizers)), [law.name.replace(", ", ",\n") for law in regularizers])
    axes.set_yticks([0.5, 1, 2, 5, 10], labels=["0.5", "1", "2", "5", "10"])
    axes.minorticks_off()
    axes.legend(loc="upper right")
    return figure
