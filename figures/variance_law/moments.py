"""The shape of Q(z): var-kurtosis and var-marginals.

The variance law does not fix the fourth moment. If it held image by image, the kurtosis would be
3 - 2 E[mean⁴]; if sigma were equal for all images, 3 + (E[mean⁴] - 3 E[mean²]²)/V².
"""

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.variance_law import figure
from figures.variance_law.measures import compute_kurtosis, compute_marginals
from figures.variance_law.theory import textbook
from figures.variance_law.trainings import WIDE_PRESETS
from vaelab import plots
from vaelab.runs.store import Numbers

PANELS = 5  # in a row
LABELS = {
    "point_by_point": "if σ² + μ² = 1 for every image:\n3 − 2 E[μ⁴]",
    "constant_sigma": "if σ were the same for every image",
}


def alt_kurtosis(n: Numbers) -> str:
    where = n["active"].astype(bool)
    measured = n["measured"][where]
    off = {c: np.sqrt(((n[c][where] - measured) ** 2).mean()) for c in LABELS}
    return (
        f"Kurtosis of Q(z) in {where.sum()} active latents: {measured.mean():.2f} on average, from "
        f"{measured.min():.2f} to {measured.max():.2f}, where a Gaussian has 3. The formula for a law that holds "
        f"image by image misses it by {off['point_by_point']:.2f} (root mean square), that for equal sigmas by "
        f"{off['constant_sigma']:.2f}. Four "
        f"textbook mixtures of variance 1 have {', '.join(f'{v:.2f}' for v in textbook().values())}."
    )


@figure(
    "var-kurtosis",
    compute_kurtosis,
    {"active variance of_means measured point_by_point constant_sigma": "seed latent"},
    alt_kurtosis,
    **WIDE_PRESETS,
    seeds="{} seeds: a dot per latent",
    title="The kurtosis of Q(z) against two predictions: the same variance leaves the fourth moment free",
)
def draw_kurtosis(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.9)
    *panels, cases = figure.subplots(1, 3, width_ratios=(1, 1, 0.8))
    active = n["active"].astype(bool)
    for axes, (column, title) in zip(panels, LABELS.items(), strict=True):
        kurtoses = np.concatenate([n[column].flatten(), n["measured"].flatten(), [3.0]])
        ends = [float(kurtoses.min()) - 0.15, float(kurtoses.max()) + 0.15]
        axes.plot(ends, ends, color="black", linewidth=0.6, linestyle="--", zorder=0)
        axes.axhline(3, color="0.7", linewidth=0.6, zorder=0)
        for where, color, name in ((active, plots.Q, "active"), (~active, plots.REFERENCE, "inactive")):
            if where.any():
                axes.plot(n[column][where], n["measured"][where], "o", color=color, alpha=0.7, label=name)
        axes.set(title=title, xlabel="kurtosis predicted", xlim=ends, ylim=ends, aspect="equal")
    panels[0].set_ylabel("kurtosis of Q(z), measured")
    if not active.all():
        panels[0].legend()
    values = textbook()
    cases.barh(range(len(values)), list(values.values()), color=plots.MEAN, alpha=0.4)
    cases.axvline(3, color="black", linewidth=0.6, linestyle="--")
    for y, (name, value) in enumerate(values.items()):
        cases.text(0.08, y, f"{name}: {value:.2f}", va="center", fontsize="small")
    cases.set(title="four mixtures, all with V = 1", xlabel="kurtosis (dashed: Gaussian)", yticks=[], xlim=(0, 3.2))
    return figure


def alt_marginals(n: Numbers) -> str:
    return (
        f"Densities of Q(z) in {len(n['density'])} latents over N(0, 1), sorted by signal. Variances from "
        f"{n['variance'].min():.2f} to {n['variance'].max():.2f}, kurtosis from {n['kurtosis'].min():.2f} to "
        f"{n['kurtosis'].max():.2f}, KL from the prior {n['kl'].min():.3f} to {n['kl'].max():.3f} nats."
    )


@figure(
    "var-marginals",
    compute_marginals,
    {"density": "latent z", "variance kurtosis kl kl_error": "latent"},
    alt_marginals,
    **WIDE_PRESETS,
    seeds="one seed of {}",
)
def draw_marginals(n: Numbers) -> Drawing:
    """The density of Q(z) in every latent over N(0, 1): one by one nearly normal."""
    d = len(n["density"])
    lines = -(-d // PANELS)
    figure = plots.new_figure(7.0, 0.35 + 1.25 * lines)
    panels = figure.subplots(lines, PANELS, sharex=True, sharey=True, squeeze=False).flatten()
    prior = np.exp(-0.5 * n["z"] ** 2) / np.sqrt(2 * np.pi)
    for k, axes in enumerate(panels[:d]):
        axes.fill_between(n["z"], 0, n["density"][k], color=plots.Q, alpha=0.3, linewidth=0)
        axes.plot(n["z"], n["density"][k], color=plots.Q, linewidth=0.8)
        axes.plot(n["z"], prior, color=plots.P, linewidth=0.8, linestyle="--")
        words = f"V {n['variance'][k]:.2f}\nkurt {n['kurtosis'][k]:.2f}\nKL {n['kl'][k]:.3f}"
        axes.text(0.98, 0.97, words, transform=axes.transAxes, ha="right", va="top", fontsize=5.5)
        axes.set(xticks=[-2, 0, 2], yticks=[])
        axes.spines.left.set_visible(False)
    for axes in panels[d:]:
        axes.set_visible(False)
    for axes in panels[d - PANELS : d]:
        axes.set_xlabel("z")
    figure.suptitle("Q(z) in each latent (filled) and N(0, 1) (dashed); KL(Q‖p) in nats")
    return figure
