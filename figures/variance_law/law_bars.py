"""The variance law: rho, law-bars, point-vs-average and law-through-training.

Inactive latents obey the law trivially, so the active ones are counted and averaged apart. It is a
law of averages, since a network rescales all posteriors of a latent together. A latent 20 % off
costs (V - 1 - ln V)/2, about 0.01 nats.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from figures.alt import itemize
from figures.variance_law import figure
from figures.variance_law.measures import compute_law_bars, compute_law_through_training, compute_point_vs_average
from figures.variance_law.theory import kl_at_fixed_ratio
from figures.variance_law.trainings import SPLITS, WIDE_PRESETS
from vaelab import plots
from vaelab.runs.store import Numbers

PUBLISHED: dict[str, Any] = {
    "seeds": 3, "latent": 16, "network": "conv", "hidden": None, "batch_size": 100, "lr": 1e-3
}  # fmt: skip
SUMMARY = ("average", "standard_deviation", "low_5", "median", "high_95", "share_of_images_within_a_tenth")
BINS = np.linspace(0, 4, 61)
TEST = SPLITS.index("test")
ACTIVE = 0.05  # of the variance of the means at the end, on test images


def alt_law_bars(n: Numbers) -> str:
    _, seeds, latent = n["of_means"].shape
    sentences = [
        f"Stacked bars for {latent} latents and {seeds} seeds: variance of the means plus mean of the variances."
    ]
    for name, total, active in zip(n["data"], n["of_means"] + n["of_noise"], n["active"], strict=True):
        for group, v in groups(total, active.astype(bool)):
            span = f"from {v.min():.2f} to {v.max():.2f}"
            sentences.append(f"{name}: over {v.size} {group} latents the sum averages {v.mean():.3f}, {span}.")
    return " ".join(sentences)


@figure(
    "var-law-bars",
    compute_law_bars,
    {"of_means of_noise active": "data seed latent"},
    alt_law_bars,
    quick={"data": ["mnist-mini", "fashion-mini"], "epochs": [20, 30], "seeds": 3, "latent": 16, "hidden": (128,)},
    full={"data": ["mnist", "fashion-mnist", "cifar10"], "epochs": [50, 50, 100], **PUBLISHED},
    title="The variance law: variance of the means + mean of the variances, about 1 on average, active or not",
    seeds="{} seeds: bars side by side",
)
def draw_law_bars(n: Numbers) -> Drawing:
    rows = len(n["data"])
    figure = plots.new_figure(7.0, 0.5 + 1.6 * rows)
    panels = figure.subplots(rows, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for i, axes in enumerate(panels):
        _bars(axes, n["of_means"][i], n["of_noise"][i])
        total, active = n["of_means"][i] + n["of_noise"][i], n["active"][i].astype(bool)
        counts = ", ".join(map(str, active.sum(1)))
        means = ", ".join(f"{name} {values.mean():.2f}" for name, values in groups(total, active))
        axes.set(title=f"{n['data'][i]}: {counts} active latents; mean sum: {means}", ylabel="variance")
    panels[-1].set(xlabel="latent, sorted by the variance of its means", xticks=range(1, n["of_means"].shape[2] + 1))
    panels[0].set_ylim(0, 1.1 * max(1.25, float((n["of_means"] + n["of_noise"]).max())))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _bars(axes: Axes, of_means: np.ndarray, of_noise: np.ndarray) -> None:
    """Draw stacked bars [seeds, latent], the seeds side by side."""
    seeds, latent = of_means.shape
    width = 0.8 / seeds
    for seed in range(seeds):
        x = np.arange(1, latent + 1) + (seed - (seeds - 1) / 2) * width
        names = ("variance of the means", "mean of the variances") if seed == 0 else (None, None)
        axes.bar(x, of_means[seed], width * 0.9, color=plots.Q, label=names[0])
        axes.bar(x, of_noise[seed], width * 0.9, bottom=of_means[seed], color=plots.JS, label=names[1])
    axes.axhline(1, color="black", linewidth=0.8, linestyle="--", label="the law: 1")


def groups(total: np.ndarray, active: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Return the sums of active and of inactive latents, without empty groups."""
    return [(name, total[where]) for name, where in (("active", active), ("inactive", ~active)) if where.any()]


def summary(n: Numbers) -> np.ndarray:
    """Return `SUMMARY` of mean² + sigma² over the images, [seeds, latent, 6]."""
    total = n["square"] + n["variance"]
    near = (np.abs(total - 1) < 0.1).mean(1)
    return np.stack([total.mean(1), total.std(1), *np.percentile(total, (5, 50, 95), axis=1), near], -1)


def active_sums(n: Numbers) -> np.ndarray:
    """Return mean² + sigma² in the active latents of all seeds: [images, latents]."""
    seeds = zip(n["square"], n["variance"], n["active"], strict=True)
    return np.concatenate([(square + variance)[:, active] for square, variance, active in seeds], 1)


def shown_latent(n: Numbers) -> int:
    """Return the latent of the first seed with the largest signal."""
    return int(n["square"][0].mean(0).argmax())


def alt_point_vs_average(n: Numbers) -> str:
    used = active_sums(n)
    low, middle, high = np.percentile(used, (5, 50, 95))
    k = shown_latent(n)
    correlation = np.corrcoef(n["variance"][0][:, k], n["square"][0][:, k])[0, 1]
    return (
        "Mean² against sigma² of one latent, image by image, beside the line where they sum to 1: their correlation is "
        f"{correlation:.2f}. Over the active latents of all seeds the sum averages {used.mean():.2f}, but its median "
        f"is {middle:.2f}, and 90 % of images lie between {low:.2f} and {high:.2f}; "
        f"{(np.abs(used - 1) < 0.1).mean():.0%} come within a tenth of 1."
    )


@figure(
    "var-point-vs-average",
    compute_point_vs_average,
    {"active": "seed latent", summary: ("seed", "latent", SUMMARY)},
    alt_point_vs_average,
    **WIDE_PRESETS,
    seeds="left: one seed, right: {} seeds",
)
def draw_point_vs_average(n: Numbers) -> Drawing:
    """Mean² + sigma² image by image: it scatters, and only its average is about 1."""
    k = shown_latent(n)
    square, variance, used = n["square"][0], n["variance"][0], active_sums(n)
    figure = plots.new_figure(7.0, 2.8)
    left, right = figure.subplots(1, 2)
    left.plot(variance[:, k], square[:, k], ".", color=plots.Q, markersize=1.5, alpha=0.5, rasterized=True)
    top = max(1.05, 1.05 * float(variance[:, k].max()))
    left.plot([0, 1], [1, 0], color=plots.P, linestyle="--", label="σ² + μ² = 1, point by point")
    left.plot(variance[:, k].mean(), square[:, k].mean(), "*", color="black", markersize=8, label="the averages")
    left.set(title=f"one latent, {len(square)} test images", xlabel="σ²(x)", ylabel="μ²(x)", xlim=(0, top))
    left.set_ylim(0, 1.05 * float(square[:, k].max()))
    left.legend(loc="upper right")
    right.hist(used.flatten().clip(0, BINS[-1]), BINS, color=plots.Q, alpha=0.35, density=True)
    right.axvline(1, color=plots.P, linestyle="--", label="1")
    right.axvline(used.mean(), color="black", label=f"average: {used.mean():.2f}")
    right.set(title=f"σ² + μ² in the {used.shape[1]} active latents", xlabel="σ²(x) + μ²(x)", ylabel="density")
    right.set(xlim=(0, BINS[-1]), yticks=[])
    right.set_xticks(range(5), ["0", "1", "2", "3", "≥ 4"])
    right.legend(loc="upper right")
    return figure


def totals(n: Numbers) -> tuple[np.ndarray, np.ndarray]:
    """Return V [seeds, splits, epochs + 1, latent] and the active latents [seeds, latent]."""
    return n["of_means"] + n["of_noise"], n["of_means"][:, TEST, -1] > ACTIVE


def nats_at_stake(n: Numbers) -> np.ndarray:
    """Return (V - 1 - ln V)/2 summed over latents, [seeds, splits, epochs + 1], nats."""
    total, _ = totals(n)
    saved: np.ndarray = 0.5 * (total - 1 - np.log(total)).sum(-1)
    return saved


def mean_active(n: Numbers) -> np.ndarray:
    """Return the mean V of the active latents, [seeds, splits, epochs + 1]."""
    return np.stack([values[..., active].mean(-1) for values, active in zip(*totals(n), strict=True)])


def alt_law_through_training(n: Numbers) -> str:
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
    alt_law_through_training,
    **WIDE_PRESETS,
    title="The variance of every latent through training: above 1 on average in the first epochs, nearer to it at the "
    "end",
    seeds="{} seeds: single latents of one, bands are ranges",
)
def draw_law_through_training(n: Numbers) -> Drawing:
    (total, active), stake = totals(n), nats_at_stake(n)
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
        plots.seed_band(right, epochs[1:], stake[:, SPLITS.index(split), 1:].T, color, linestyle=style, label=split)
    right.set(title="saved by a rescaling", xlabel="epoch", ylabel="KL, nats, all latents", ylim=(0, None))
    right.legend()
    return figure


def alt_rho(n: Numbers) -> str:
    minima = itemize("rho {:g}: {:.2f} + {:.2f}, {:.2f} nats", n["rho"], *n["best"].T)
    return (
        f"KL of one latent against sigma², one curve per rho = sigma/|mu|, and the minima on the unit circle of "
        f"sigma and mu. Sigma² + mu² at the minimum, and the KL there: {minima}."
    )


@figure(
    "var-rho",
    kl_at_fixed_ratio,
    {"kl": "rho variance", "best": ("rho", ("least_variance", "least_mean_squared", "least_kl"))},
    alt_rho,
    quick={"rhos": [0.2, 0.5, 1.0, 2.0], "low": 0.003, "high": 3.0, "points": 181},
    title="The KL of a latent whose noise and signal keep their ratio is least where sigma² + mu² = 1",
)
def draw_rho(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.8)
    left, right = figure.subplots(1, 2)
    shades = plots.color_steps("#9fb2ff", "#0a1f73", len(n["rho"]))
    angle = np.linspace(0, np.pi / 2, 91)
    right.plot(np.cos(angle), np.sin(angle), color=plots.MEAN, linestyle="--")
    for rho, values, (v, square, least), shade in zip(n["rho"], n["kl"], n["best"], shades, strict=True):
        left.plot(n["variance"], values, color=shade, label=f"ρ = {rho:g}")
        left.plot(v, least, "o", color=plots.P)
        right.plot([0, 2], [0, 2 / rho], color=shade, linewidth=0.8)
        right.plot(np.sqrt(v), np.sqrt(square), "o", color=plots.P)
    left.plot([], [], "o", color=plots.P, label="minimum")
    left.set(title="KL(q‖p) along σ = ρ|μ|", xlabel="σ²", ylabel="KL(q‖p), nats", xscale="log", ylim=(0, 4))
    left.set_xticks([0.01, 0.1, 1], labels=["0.01", "0.1", "1"])
    right.set(title="the minima lie where σ² + μ² = 1", xlabel="σ", ylabel="|μ|", aspect="equal")
    right.set(xlim=(0, 1.25), ylim=(0, 1.25))
    left.legend(ncols=2)
    return figure
