"""gjs-evidence: ln p(x) by importance sampling, correct and as published.

For a toy with a known answer and for the models of gjs-recon-vs-alpha.

The published evaluation takes sigma² for the standard deviation of the proposal. The loss grows as
posteriors get narrower, so it depends on the divergence and changes the ranking.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from figures.gjs import figure, published, variants
from figures.gjs.importance_sampling import EXACT, compute_evidence
from figures.gjs.styles import COLORS
from figures.gjs.variants import KL, MMD, REVERSE
from vaelab import plots
from vaelab.runs.store import Numbers

INTERVAL = ("nats", "low_95", "high_95")
TABLE = {
    "proposal": ("right", "published"),
    "toy": ("proposal", "samples", INTERVAL),
    "alpha": "variant",
    "trained": ("variant", "proposal", INTERVAL),
}
WORDS = ("right: σ", "as published: σ²")


def alt(n: Numbers) -> str:
    right, published_ = (n["toy"][i, n["samples"] == 128][0, 0] for i in (0, 1))
    sentences = [
        f"On a toy whose evidence is {EXACT} nats, 128 samples give {right:.2f} with the right proposal "
        f"and {published_:.2f} with the published one."
    ]
    for name in (KL, "primed", "primed dual"):
        values = n["trained"][n["variant"] == name][..., 0]
        loss = values[:, 0] - values[:, 1]
        label = "the VAE" if name == KL else f"the {name} divergence"
        span = f"{loss.min():.1f}" if len(loss) == 1 else f"{loss.min():.1f} to {loss.max():.1f}"
        sentences.append(f"For {label} the mistake costs {span} nats.")
    return " ".join(sentences)


@figure(
    "gjs-evidence",
    compute_evidence,
    TABLE,
    alt,
    quick={"alphas": variants.ALPHAS, "seeds": 3, **variants.MNIST},
    full={"alphas": list(published.ALPHAS), "seeds": 3, **published.MNIST},
    seeds="means over {} seeds; bars and bands: 95 % intervals over images",
    title="Model evidence by importance sampling with the right and with the published proposal width",
)
def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.9)
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1.25, 1.25))
    left.axhline(EXACT, color="black", linewidth=0.8, label=f"exact: {EXACT}")
    for values, words, color, marker in zip(n["toy"], WORDS, (plots.MEAN, plots.P), "os", strict=True):
        _errors(left, n["samples"], values, color, marker=marker, markersize=3, label=words)
    left.set(title="a toy with a known answer", xlabel="samples per image", ylabel="ln p(x) per image (nats)")
    left.set_xscale("log", base=2)
    left.set_xticks([1, 8, 64, 512], labels=["1", "8", "64", "512"])
    left.set_ylim(float(n["toy"][..., 0].min()) - 6, -8)
    left.legend(loc="lower right")
    for axes, i, words in ((middle, 0, WORDS[0]), (right, 1, WORDS[1])):
        _trained(axes, n, i)
        axes.set(title=f"trained models, {words}", xlabel="α", xlim=(0, 1))
    right.sharey(middle)
    others = n["trained"][n["variant"] != MMD]
    low, high = float(others.min()), float(others.max())
    middle.set_ylim(low - 0.45 * (high - low), high + 0.05 * (high - low))  # space for the legend
    middle.legend(loc="lower center", ncols=2)
    return figure


def _trained(axes: Axes, n: Numbers, i: int) -> None:
    for name, label in ((KL, "KL(q‖p)"), (REVERSE, "KL(p‖q)")):
        mean, low, high = n["trained"][n["variant"] == name][0, i]
        axes.axhline(mean, color=COLORS[name], label=label)
        axes.axhspan(low, high, color=COLORS[name], alpha=0.15, linewidth=0)
    mean = n["trained"][n["variant"] == MMD][0, i, 0]  # too far below to share an axis with the others
    style: dict[str, Any] = {"transform": axes.transAxes, "ha": "center", "fontsize": "small", "color": COLORS[MMD]}
    axes.text(0.5, 0.22, f"MMD on z: {mean:.0f}, off this axis", **style)
    for name in ("primed", "primed dual"):
        where = n["variant"] == name
        _errors(axes, n["alpha"][where], n["trained"][where, i], COLORS[name], marker="o", label=name)


def _errors(axes: Axes, x: np.ndarray, values: np.ndarray, color: str, **style: Any) -> None:
    mean, low, high = values.T
    axes.errorbar(x, mean, (mean - low, high - mean), color=color, capsize=2, **style)
