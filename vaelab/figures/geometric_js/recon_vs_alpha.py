"""gjs-recon-vs-alpha: reconstruction against alpha, primed and dual, between the KL lines (paper 1, figure 3)."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from vaelab import plots
from vaelab.figures.figure import Figure, Row
from vaelab.figures.geometric_js import PAPER
from vaelab.run_store import Numbers, Result, combined
from vaelab.runs import Run, train_all

VARIANTS = ("KL(q||p)", "KL(p||q)", "primed", "primed dual")
MEASURES = ("reconstruction", "reconstruction_sampled", "rate", "divergence")


def compute(device: str, *, alphas: list[float], seeds: int, **training: Any) -> Result:
    """One training per variant, alpha and seed.

    Numbers: variant and alpha (nan for the KL lines) [k]; values [k, 2, 4, seeds]: split (train, test), measure, seed.
    """
    settings: list[tuple[str, float, str, dict[str, Any]]] = [
        ("KL(q||p)", np.nan, "vae", {}),
        ("KL(p||q)", np.nan, "reverse_kl_vae", {}),
        *(("primed", a, "gjs_vae", {"alpha": a, "dual": False}) for a in alphas),
        *(("primed dual", a, "gjs_vae", {"alpha": a, "dual": True}) for a in alphas),
    ]
    runs = [Run(recipe, options, **training, seed=s) for _, _, recipe, options in settings for s in range(seeds)]
    results = train_all(runs, device)
    values = [[[float(r.numbers[f"{split}_{m}"]) for m in MEASURES] for split in ("train", "test")] for r in results]
    shaped = np.array(values).reshape(len(settings), seeds, 2, len(MEASURES)).transpose(0, 2, 3, 1)
    numbers = {
        "variant": np.array([variant for variant, *_ in settings]),
        "alpha": np.array([alpha for _, alpha, *_ in settings]),
        "values": shaped,
    }
    return combined(numbers, results)


def rows(n: Numbers) -> list[Row]:
    return [
        {
            "variant": str(variant),
            "alpha": "" if np.isnan(alpha) else float(alpha),
            "split": split,
            "seed": seed,
            **{m: float(values[i, j, seed]) for j, m in enumerate(MEASURES)},
        }
        for variant, alpha, values in zip(n["variant"], n["alpha"], n["values"], strict=True)
        for i, split in enumerate(("train", "test"))
        for seed in range(values.shape[-1])
    ]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.9)
    for axes, variant, colour in zip(
        figure.subplots(1, 2, sharey=True), ("primed", "primed dual"), (plots.JS, plots.DUAL), strict=True
    ):
        _line(axes, n, "KL(q||p)", plots.Q, "KL(q‖p), the VAE")
        _line(axes, n, "KL(p||q)", plots.P, "KL(p‖q)")
        chosen = n["variant"] == variant
        for split, (name, line, marker) in enumerate((("train", "--", "none"), ("test", "-", colour))):
            seeds = n["values"][chosen, split, 0]
            plots.spread(
                axes,
                n["alpha"][chosen],
                seeds,
                colour,
                linestyle=line,
                marker="o",
                markerfacecolor=marker,
                label=f"{variant}, {name}",
            )
        axes.set(title=f"{variant} geometric JS", xlabel="α", xlim=(0, 1))
        axes.legend()
    figure.axes[0].set_ylabel("reconstruction\n(squared error per image)")
    return figure


def _line(axes: Axes, n: Numbers, variant: str, colour: str, label: str) -> None:
    """A horizontal line at the test mean of a variant without alpha, with its spread over seeds."""
    seeds = n["values"][n["variant"] == variant, 1, 0].repeat(2, axis=0)
    plots.spread(axes, np.array([0.0, 1.0]), seeds, colour, label=label)


def alt(n: Numbers) -> str:
    test = n["values"][:, 1, 0].mean(-1)
    vae, reverse = (test[n["variant"] == v][0] for v in VARIANTS[:2])
    sentences = [f"Test reconstruction error against alpha; the VAE lies at {vae:.1f}, KL(p‖q) at {reverse:.1f}."]
    for variant in VARIANTS[2:]:
        chosen = n["variant"] == variant
        a, values = n["alpha"][chosen], test[chosen]
        sentences.append(
            f"{variant.capitalize()}: {values[0]:.1f} at alpha {a[0]:g}, best {values.min():.1f} at "
            f"{a[values.argmin()]:g}, {values[-1]:.1f} at {a[-1]:g}."
        )
    return " ".join(sentences)


QUICK = {"alphas": [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9], "seeds": 3, "data": "mnist-mini", "epochs": 12}
PUBLISHED = {
    "alphas": [a / 10 for a in range(1, 10)],
    "seeds": 3,
    "data": "mnist",
    "network": "burgess",
    "hidden": None,
    "epochs": 100,
    "batch_size": 64,
    "lr": 1e-4,
}

FIGURE = Figure(
    id="gjs-recon-vs-alpha",
    paper=PAPER,
    shows="Reconstruction of handwritten digits against alpha, primed and dual, between the two KL lines",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={"quick": QUICK, "paper": PUBLISHED},
)
