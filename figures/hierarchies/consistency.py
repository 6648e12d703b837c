"""cr-nvae: consistency in a hierarchy, with own and with shared noise, against augmentation at equal presentations."""

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.alt import itemize
from figures.hierarchies import figure
from figures.hierarchies.trainings import CONSISTENCY, compute_consistency
from vaelab import plots
from vaelab.runs.store import Numbers

MEASURES = {
    "nll": "NLL, nats",
    "rate": "rate, nats",
    "probe": "accuracy of a linear probe",
    "shift": "KL of views, nats",
}
REFERENCE = 1  # the augmented VAE
T_95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}  # quantile of Student's t by number of seeds


def differences(n: Numbers, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean paired difference from the augmented VAE, and half its 95 % interval: [methods] each."""
    paired = n[name] - n[name][REFERENCE]
    seeds = paired.shape[1]
    if seeds not in T_95:
        return paired.mean(1), np.full(len(paired), np.nan)
    return paired.mean(1), T_95[seeds] * paired.std(1, ddof=1) / np.sqrt(seeds)


def alt(n: Numbers) -> str:
    parts = []
    for name, digits in (("nll", 1), ("rate", 1), ("probe", 3), ("shift", 1)):
        mean, half = differences(n, name)
        words = [f"{m:+.{digits}f} ± {h:.{digits}f}" for m, h in zip(mean, half, strict=True)]
        words[REFERENCE] = "the reference"
        values = [f"{v:.{digits}f}" for v in n[name].mean(1)]
        parts.append(f"{MEASURES[name]}: {itemize('{} {} ({})', n['method'], values, words)}".replace("; ", ", "))
    return (
        "Hierarchies on the 8 by 8 digits: plain, with augmentation and with consistency (CR), after equally many "
        "presented images. Means, and in parentheses the paired difference from the augmented one with its 95 % "
        f"interval. {'. '.join(parts)}."
    )


@figure(
    "cr-nvae",
    compute_consistency,
    {"nll rate probe shift": "method seed"},
    alt,
    quick=CONSISTENCY,
    seeds="{} seeds: dots; bars are 95 % intervals",
)
def draw(n: Numbers) -> Drawing:
    """Differences of hierarchies with consistency, own or shared noise, from one with augmentation."""
    drawing = plots.new_figure(7.4, 2.5)
    heights = np.arange(len(n["method"]))
    panels = drawing.subplots(1, len(MEASURES), sharey=True)
    for axes, (name, label) in zip(panels, MEASURES.items(), strict=True):
        mean, half = differences(n, name)
        axes.axvline(0, color="black", linewidth=0.6)
        for k in heights:
            color = plots.REFERENCE if k == REFERENCE else plots.P if k == 0 else plots.Q
            paired = n[name][k] - n[name][REFERENCE]
            axes.plot(paired, np.full(len(paired), k), "o", color=color, alpha=0.6, markersize=3)
            axes.errorbar(mean[k], k, xerr=half[k], fmt="|", color=color, capsize=2)
        axes.set(ylim=(len(heights) - 0.5, -0.5), yticks=heights, xlabel=f"{label}:\ndifference")
    panels[0].set_yticklabels(n["method"])
    drawing.suptitle("8 × 8 digits: difference from augmentation")
    return drawing
