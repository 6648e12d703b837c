"""gam-parts: the two parts of the loss over the training; with a computed gamma the first is half a nat per pixel."""

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.balancing import PAPER, paths
from figures.figure import Figure, Row
from vaelab import plots
from vaelab.run_store import Numbers


def ratio(n: Numbers) -> np.ndarray:
    """SE / (2 gamma²), the part of the loss that knows the images, over D/2: [k, seeds, points]."""
    parts: np.ndarray = n["mse"] / n["variance"]
    return parts


def weighted(n: Numbers) -> np.ndarray:
    """The divergence with its weight, nats: [k, seeds, points]."""
    nats: np.ndarray = n["strength"] * n["divergence"]
    return nats


def rows(n: Numbers) -> list[Row]:
    return [
        {
            "method": str(label),
            "seed": seed,
            "step": int(step),
            "reconstruction_over_half_D": float(ratio(n)[i, seed, j]),
            "weighted_kl_nats": float(weighted(n)[i, seed, j]),
        }
        for i, label in enumerate(n["label"])
        for seed in range(n["mse"].shape[1])
        for j, step in enumerate(n["step"])
    ]


def late(n: Numbers) -> np.ndarray:
    """The ratio over the last quarter of the steps, mean over it: [k, seeds]."""
    end = n["step"] > 0.75 * n["step"][-1]
    steps = np.diff(n["step"], prepend=0)[end]
    value: np.ndarray = (ratio(n)[..., end] * steps).sum(-1) / steps.sum()
    return value


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.9)
    left, right = figure.subplots(1, 2)
    paths.curves(left, n, ratio(n))
    left.axhline(1, color="black", linewidth=0.8, linestyle=":")
    left.set(
        yscale="log", ylabel="SE / (2 gamma²), in units of D/2", title="reconstruction: at 1 the balance is struck"
    )
    paths.curves(right, n, weighted(n))
    right.set(ylim=(0, None), ylabel="weight × KL(q‖p), nats", title="divergence: a small gamma overshoots")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def alt(n: Numbers) -> str:
    told = "; ".join(f"{label}: {v.mean():.3f}" for label, v in zip(n["label"], late(n), strict=True))
    return (
        "The two parts of the loss against the step. The reconstruction part SE / (2 gamma²) over D/2, mean over the "
        f"last quarter of the steps: {told}. The divergence ends, in nats, at {paths.last(n, weighted(n))}."
    )


FIGURE = Figure(
    id="gam-parts",
    paper=PAPER,
    shows="The two parts of the loss: with a computed gamma the reconstruction part is half a nat per pixel, always",
    compute=paths.compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets=paths.PRESETS,
)
