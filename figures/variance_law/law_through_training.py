"""var-law-through-training: the variance of Q(z) per latent after every epoch, and the nats that are still at stake.

A latent 20 % off the law costs (V - 1 - ln V)/2 = 0.01 to 0.02 nats, so training is in no hurry to mend it.
"""

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.variance_law import figure
from figures.variance_law.measures import compute_law_through_training
from figures.variance_law.trainings import SPLITS, WIDE, WIDE_PAPER
from vaelab import plots
from vaelab.runs.store import Numbers

TEST = SPLITS.index("test")
ACTIVE = 0.05  # of the variance of the means at the end, on test images


def totals(n: Numbers) -> tuple[np.ndarray, np.ndarray]:
    """V [seeds, splits, epochs + 1, latent], and which latents are active at the end [seeds, latent]."""
    return n["of_means"] + n["of_noise"], n["of_means"][:, TEST, -1] > ACTIVE


def nats_at_stake(n: Numbers) -> np.ndarray:
    """(V - 1 - ln V)/2 summed over latents, [seeds, splits, epochs + 1]: what a rescaling would save, nats."""
    total, _ = totals(n)
    saved: np.ndarray = 0.5 * (total - 1 - np.log(total)).sum(-1)
    return saved


def mean_active(n: Numbers) -> np.ndarray:
    """The mean V of the active latents, [seeds, splits, epochs + 1]."""
    return np.stack([values[..., active].mean(-1) for values, active in zip(*totals(n), strict=True)])


def alt(n: Numbers) -> str:
    means, stake = mean_active(n)[:, TEST], nats_at_stake(n)[:, TEST]
    first, last = (", ".join(f"{mean[epoch]:.2f}" for mean in means) for epoch in (1, -1))
    return (
        f"Variance of Q(z) per latent over {means.shape[1] - 1} epochs. Mean of the active latents by seed: after one "
        f"epoch {first}; at the end {last}. Rescaling would save {stake[:, 1].mean():.3f} nats after the first epoch, "
        f"{stake[:, -1].mean():.3f} at the end."
    )


@figure(
    "var-law-through-training",
    compute_law_through_training,
    {
        "split": SPLITS,
        "of_means of_noise": "seed split epoch latent",
        mean_active: "seed split epoch",
        nats_at_stake: "seed split epoch",
    },
    alt,
    title="The variance of every latent through training: near 1 soon, and then in no hurry, for little is at stake",
    quick={"seeds": 2, **WIDE},
    full={"seeds": 3, **WIDE_PAPER},
)
def draw(n: Numbers) -> Drawing:
    total, active = totals(n)
    stake = nats_at_stake(n)
    figure = plots.new_figure(7.0, 2.8)
    left, right = figure.subplots(1, 2, width_ratios=(1.4, 1))
    epochs = np.arange(total.shape[2])
    for k, values in enumerate(total[0, TEST].T):
        left.plot(epochs, values, color=plots.Q if active[0, k] else plots.REFERENCE, linewidth=0.6, alpha=0.5)
    for seed, mean in enumerate(mean_active(n)[:, TEST]):
        left.plot(epochs, mean, "k-" if seed == 0 else "k:", label=f"mean of the active ones, seed {seed}")
    left.plot([], [], color=plots.Q, linewidth=0.6, label="each latent, seed 0")
    left.axhline(1, color=plots.P, linewidth=0.8, linestyle="--", label="the law: 1")
    left.set(title="variance of Q(z), test images", xlabel="epoch", ylabel="V")
    low, high = total[0, TEST].min(), total[0, TEST].max()
    left.set_ylim(min(low, 0.9) - 0.02, high + 0.6 * (high - low))
    left.legend(ncols=2)
    for split, color, style in zip(SPLITS, (plots.MEAN, plots.JS), ("-", "--"), strict=True):
        plots.spread(right, epochs[1:], stake[:, SPLITS.index(split), 1:].T, color, linestyle=style, label=split)
    right.set(title="saved by a rescaling", xlabel="epoch", ylabel="KL, nats, all latents", ylim=(0, None))
    right.legend()
    return figure
