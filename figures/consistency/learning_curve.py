"""iwae-learning-curve: the NLL of VAE and IWAE beside the values of Burda et al. 2016, pass by pass."""

from dataclasses import replace

from matplotlib.figure import Figure as Drawing

from figures.consistency.burda_schedule import compute_learning_curve
from figures.figure import Figure, Row
from vaelab import plots
from vaelab.runs.store import Numbers

PUBLISHED = {1: (86.76, 19), 5: (85.54, 22), 50: (84.78, 25)}  # NLL and active latents, one stochastic layer, MNIST
COLORS = {1: plots.Q, 5: plots.JS, 50: plots.DUAL}
PAPER = "Burda et al. 2016"


def rows(n: Numbers) -> list[Row]:
    return [
        {
            "draws": int(k),
            "seed": seed,
            "images": int(n["images"]),
            "passes": int(n["passes"][s]),
            "nll": float(n["nll"][i, seed, s]),
            "nll_standard_error": float(n["nll_error"][i, seed, s]),
            "active": int(n["active"][i, seed, s]),
            "published_nll": PUBLISHED[int(k)][0] if int(k) in PUBLISHED else "",
            "above_published": float(n["nll"][i, seed, s] - PUBLISHED[int(k)][0]) if int(k) in PUBLISHED else "",
        }
        for i, k in enumerate(n["draws"])
        for seed in range(n["nll"].shape[1])
        for s in range(len(n["passes"]))
    ]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(5.2, 3.1)
    ax = figure.subplots()
    for k, values in zip(n["draws"], n["nll"], strict=True):
        color = COLORS.get(int(k), plots.REFERENCE)
        name = "VAE" if k == 1 else f"IWAE, k = {k}"
        plots.seed_band(
            ax, n["passes"], values.T, color, marker="o", markersize=3, label=f"{name}: {values[:, -1].mean():.1f}"
        )
        if int(k) in PUBLISHED:
            ax.axhline(PUBLISHED[int(k)][0], color=color, linestyle=":", linewidth=1)
    ax.set(
        xscale="log",
        xticks=n["passes"],
        xticklabels=[str(p) for p in n["passes"]],
        xlabel=f"passes over {int(n['images']):,} images",
        ylabel="NLL of test images (nats)",
        title="dotted: Burda et al., 60,000 images, 3280 passes",
    )
    ax.minorticks_off()
    ax.legend()
    return figure


def alt(n: Numbers) -> str:
    told = "; ".join(
        f"k = {k}: {v[:, 0].mean():.1f} after {n['passes'][0]} pass, {v[:, -1].mean():.1f} after {n['passes'][-1]}"
        + (f", published {PUBLISHED[int(k)][0]:.2f}" if int(k) in PUBLISHED else "")
        for k, v in zip(n["draws"], n["nll"], strict=True)
    )
    return f"NLL of test images against passes over {int(n['images']):,} images, for VAE and IWAE. {told}."


FIGURE = Figure(
    id="iwae-learning-curve",
    paper=PAPER,
    title="The NLL of VAE and IWAE pass by pass, on the schedule of Burda et al., with their values",
    compute=compute_learning_curve,
    table=rows,
    draw=draw,
    alt=alt,
    presets={
        "quick": {
            **{"draws": [1, 5, 50], "stages": 4, "seeds": 1, "data": "mnist-mini", "limit": 1000},
            **{"batch_size": 20, "samples": 200, "weighed": 500},
        },
        "paper": {
            **{"draws": [1, 5, 50], "stages": 8, "seeds": 1, "data": "mnist", "limit": None},
            **{"batch_size": 20, "samples": 5000, "weighed": 10_000},
        },
    },
)
# What two cores can do: four of the eight stages, 1.2 % of the passes.
MNIST = replace(
    FIGURE,
    id="iwae-learning-curve-mnist",
    title="The NLL of VAE and IWAE on full MNIST over the first 40 of the 3280 passes of Burda et al.",
    presets={
        "paper": {
            **{"draws": [1, 5, 50], "stages": 4, "seeds": 1, "data": "mnist", "limit": None},
            **{"batch_size": 20, "samples": 500, "weighed": 10_000},
        }
    },
    why_no_quick_preset="it trains on full MNIST, two hours on two cores",
)
