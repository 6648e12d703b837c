"""var-law-through-training: the variance of Q(z) per latent after every epoch, and the nats that are still at stake.

A latent 20 % off the law costs (V - 1 - ln V)/2 = 0.01 to 0.02 nats, so training is in no hurry to mend it.
"""

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.figure import Figure, Row
from figures.variance_law import PAPER
from figures.variance_law.measures import compute_law_through_training
from figures.variance_law.trainings import SPLITS, WIDE, WIDE_PAPER
from vaelab import plots
from vaelab.runs.store import Numbers

ACTIVE = 0.05  # of the variance of the means at the end, on test images


def totals(n: Numbers) -> tuple[np.ndarray, np.ndarray]:
    """V [seeds, splits, epochs + 1, latent], and which latents are active at the end [seeds, latent]."""
    return n["of_means"] + n["of_noise"], n["of_means"][:, SPLITS.index("test"), -1] > ACTIVE


def at_stake(total: np.ndarray) -> np.ndarray:
    """(V - 1 - ln V)/2 summed over latents: what a rescaling would save, [..., latent] -> [...], nats."""
    saved: np.ndarray = 0.5 * (total - 1 - np.log(total)).sum(-1)
    return saved


def rows(n: Numbers) -> list[Row]:
    total, active = totals(n)
    stake = at_stake(total)
    return [
        {
            **{"seed": seed, "split": split, "epoch": epoch, "active_latents": int(active[seed].sum())},
            **{"mean_active": float(values[active[seed]].mean()), "lowest": float(values.min())},
            **{"highest": float(values.max()), "nats_at_stake": float(stake[seed, k, epoch])},
        }
        for seed, splits in enumerate(total)
        for k, split in enumerate(SPLITS)
        for epoch, values in enumerate(splits[k])
    ]


def draw(n: Numbers) -> Drawing:
    total, active = totals(n)
    stake = at_stake(total)
    figure = plots.new_figure(7.0, 2.8)
    left, right = figure.subplots(1, 2, width_ratios=(1.4, 1))
    epochs = np.arange(total.shape[2])
    test = SPLITS.index("test")
    for k, values in enumerate(total[0, test].T):
        left.plot(epochs, values, color=plots.Q if active[0, k] else plots.REFERENCE, linewidth=0.6, alpha=0.5)
    for seed, (values, used) in enumerate(zip(total[:, test], active, strict=True)):
        name = f"mean of the active ones, seed {seed}"
        left.plot(epochs, values[:, used].mean(1), "k-" if seed == 0 else "k:", label=name)
    left.plot([], [], color=plots.Q, linewidth=0.6, label="each latent, seed 0")
    left.axhline(1, color=plots.P, linewidth=0.8, linestyle="--", label="the law: 1")
    left.set(title="variance of Q(z), test images", xlabel="epoch", ylabel="V")
    low, high = total[0, test].min(), total[0, test].max()
    left.set_ylim(min(low, 0.9) - 0.02, high + 0.6 * (high - low))
    left.legend(ncols=2)
    for split, color, style in zip(SPLITS, (plots.MEAN, plots.JS), ("-", "--"), strict=True):
        plots.seed_band(right, epochs[1:], stake[:, SPLITS.index(split), 1:].T, color, linestyle=style, label=split)
    right.set(title="saved by a rescaling", xlabel="epoch", ylabel="KL, nats, all latents", ylim=(0, None))
    right.legend()
    return figure


def alt(n: Numbers) -> str:
    total, active = totals(n)
    test = total[:, SPLITS.index("test")]
    first, last = (
        [f"{values[epoch, used].mean():.2f}" for values, used in zip(test, active, strict=True)] for epoch in (1, -1)
    )
    stake = at_stake(test)
    return (
        f"Variance of Q(z) per latent over {test.shape[1] - 1} epochs. Mean of the active latents by seed: after one "
        f"epoch {', '.join(first)}; at the end {', '.join(last)}. Rescaling would save {stake[:, 1].mean():.3f} "
        f"nats after "
        f"the first epoch, {stake[:, -1].mean():.3f} at the end."
    )


FIGURE = Figure(
    id="var-law-through-training",
    paper=PAPER,
    title="The variance of every latent through training: near 1 soon, and then in no hurry, for little is at stake",
    compute=compute_law_through_training,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={"quick": {"seeds": 2, **WIDE}, "paper": {"seeds": 3, **WIDE_PAPER}},
)
