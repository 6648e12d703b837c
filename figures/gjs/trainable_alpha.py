"""gjs-trainable-alpha: alpha trained along with the network, from several initial values.

After the follow-up (alpha-VAEs, Deasy et al. 2021).
"""

from functools import partial

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.gjs import FOLLOW_UP, figure, published, variants
from figures.gjs.styles import COLORS
from figures.gjs.trainings import (
    TRAINABLE,
    compute_trainable_alpha,
)
from vaelab import plots
from vaelab.runs.store import Numbers

LEARNED = {"primed": 0.12, "primed dual": 0.36}  # on full MNIST, by the outputs stored with the authors' code


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


# Adam moves a logit by about the learning rate per step: at the published 1e-4 alpha needs 50 epochs to come from 0.9.
FULL_MNIST = {"data": "mnist", "latent": 10, "hidden": (400,), "epochs": 16, "batch_size": 64, "lr": 1e-3}
trainable_alpha = partial(
    figure,
    compute=compute_trainable_alpha,
    table={"start": "variant", "alphas": "variant seed epoch", "reconstruction": "variant seed"},
    alt=alt,
    paper=FOLLOW_UP,
)


@trainable_alpha(
    "gjs-trainable-alpha",
    title="Alpha trained along with the network: where it ends does not depend on where it begins",
    quick={"starts": [0.1, 0.5, 0.9], "seeds": 1, **variants.MNIST, "epochs": 16, "lr": 4e-3},
    full={"starts": [0.1, 0.3, 0.5, 0.7, 0.9], "seeds": 3, **published.MNIST},
)
@trainable_alpha(
    "gjs-trainable-alpha-mnist",
    title="Alpha trained along with the network on full MNIST, from three initial values",
    full={"starts": [0.1, 0.5, 0.9], "seeds": 1, **FULL_MNIST},
    why_no_quick_preset="it trains on full MNIST, twenty minutes on one core",
)
def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.8)
    left, right = figure.subplots(1, 2, sharey=True)
    for family in TRAINABLE:
        where, color = n["variant"] == family, COLORS[family]
        for start, curves in zip(n["start"][where], n["alphas"][where], strict=True):
            path = np.concatenate([np.full((len(curves), 1), start), curves], axis=1).T
            plots.spread(left, np.arange(len(path)), path, color)
        plots.spread(right, n["start"][where], n["alphas"][where][:, :, -1], color, marker="o", label=family)
        right.axhline(LEARNED[family], color=color, linewidth=0.6, linestyle=":")
    right.plot([0, 1], [0, 1], color="black", linewidth=0.5, linestyle="--", label="as it began")
    left.set(xlabel="epoch", ylabel="α", ylim=(0, 1), title="α while it is trained")
    right.set(xlabel="initial α", xlim=(0, 1), title="final α (dotted: published, full MNIST)")
    right.legend(loc="upper left")
    return figure
