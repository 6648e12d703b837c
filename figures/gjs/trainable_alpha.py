"""gjs-trainable-alpha: alpha trained along with the network, from several initial values.

After the follow-up (alpha-VAEs, Deasy et al. 2021).
"""

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.figure import Figure, Row
from figures.gjs import published, variants
from figures.gjs.styles import COLORS
from figures.gjs.trainings import (
    TRAINABLE,
    compute_trainable_alpha,
)
from vaelab import plots
from vaelab.runs.store import Numbers

LEARNED = {"primed": 0.12, "primed dual": 0.36}  # on full MNIST, by the outputs stored with the authors' code


def rows(n: Numbers) -> list[Row]:
    return [
        {
            "variant": str(name),
            "initial_alpha": float(start),
            "seed": seed,
            "final_alpha": float(curve[-1]),
            "last_move": float(curve[-1] - curve[-2]) if len(curve) > 1 else "",
            "reconstruction": float(error),
        }
        for name, start, curves, errors in zip(n["variant"], n["start"], n["alphas"], n["reconstruction"], strict=True)
        for seed, (curve, error) in enumerate(zip(curves, errors, strict=True))
    ]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.8)
    left, right = figure.subplots(1, 2, sharey=True)
    for family in TRAINABLE:
        where, color = n["variant"] == family, COLORS[family]
        for start, curves in zip(n["start"][where], n["alphas"][where], strict=True):
            path = np.concatenate([np.full((len(curves), 1), start), curves], axis=1).T
            plots.seed_band(left, np.arange(len(path)), path, color)
        plots.seed_band(right, n["start"][where], n["alphas"][where][:, :, -1], color, marker="o", label=family)
        right.axhline(LEARNED[family], color=color, linewidth=0.6, linestyle=":")
    right.plot([0, 1], [0, 1], color="black", linewidth=0.5, linestyle="--", label="as it began")
    left.set(xlabel="epoch", ylabel="α", ylim=(0, 1), title="α while it is trained")
    right.set(xlabel="initial α", xlim=(0, 1), title="final α (dotted: published, full MNIST)")
    right.legend(loc="upper left")
    return figure


def alt(n: Numbers) -> str:
    told = []
    for family in TRAINABLE:
        last = n["alphas"][n["variant"] == family][:, :, -1]
        starts = n["start"][n["variant"] == family]
        told.append(
            f"{family}: from {starts.min():g} to {starts.max():g} at the start, {last.min():.2f} to {last.max():.2f} "
            f"at the end"
        )
    return f"Alpha over {n['alphas'].shape[-1]} epochs of training, and where it ends. {'. '.join(told)}.".replace(
        ". p", ". P"
    )


FIGURE = Figure(
    id="gjs-trainable-alpha",
    paper="Deasy, McIver, Simidjievski & Lio 2021",
    title="Alpha trained along with the network: where it ends does not depend on where it begins",
    compute=compute_trainable_alpha,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={
        "quick": {"starts": [0.1, 0.5, 0.9], "seeds": 1, **variants.MNIST, "epochs": 16, "lr": 4e-3},
        "paper": {
            **{"starts": [0.1, 0.3, 0.5, 0.7, 0.9], "seeds": 3},
            **published.MNIST,
        },
    },
)
# Adam moves a logit by about the learning rate per step: at the published 1e-4 alpha needs 50 epochs to come from 0.9.
MNIST = replace(
    FIGURE,
    id="gjs-trainable-alpha-mnist",
    title="Alpha trained along with the network on full MNIST, from three initial values",
    presets={
        "paper": {
            **{"starts": [0.1, 0.5, 0.9], "seeds": 1, "data": "mnist", "latent": 10, "hidden": (400,)},
            **{"epochs": 16, "batch_size": 64, "lr": 1e-3},
        }
    },
    why_no_quick_preset="it trains on full MNIST, twenty minutes on one core",
)
