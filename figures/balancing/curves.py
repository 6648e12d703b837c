"""The balance over the training, by the policy of gamma: gam-gamma, gam-error, gam-kl, and gam-parts.

A gamma that is small within the first steps makes the divergence overshoot before it grows.
With a computed gamma the reconstruction part of the loss ends near half a nat per pixel.

gam-ratchet: three rules for gamma on an error that only fluctuates; under rule A gamma can only
fall.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from figures.alt import itemize
from figures.balancing import figure, methods
from figures.balancing.styles import line_style
from figures.balancing.trainings import RULES, compute_curves, simulate_rules
from vaelab import plots
from vaelab.runs.store import Numbers

PRESETS: dict[str, Any] = {
    "quick": {**methods.SWEEP, "variances": [0.1]},
    "full": {**methods.FULL_SWEEP, "variances": [0.1]},
}
CURVES = {"variance mse divergence": "label seed step"}
EARLY = 100  # steps


def draw_curves(axes: Axes, n: Numbers, values: np.ndarray) -> None:
    """Draw values [k, seeds, points] against the step: means over seeds, bands from low to high."""
    for label, seeds in zip(n["label"], values, strict=True):
        color, line = line_style(str(label))
        axes.plot(n["step"], seeds.mean(0), color=color, linestyle=line, label=str(label))
        axes.fill_between(n["step"], seeds.min(0), seeds.max(0), color=color, alpha=0.15, linewidth=0)
    axes.set(xscale="log", xlabel="optimizer step", xlim=(n["step"][0], n["step"][-1]))


def last_values(n: Numbers, values: np.ndarray) -> str:
    """Describe the last point, which is a mean over the steps since the point before."""
    first, last = n["step"][-2] + 1, n["step"][-1]
    means = itemize("{}: {:.3g}", n["label"], values[:, :, -1].mean(1))
    return f"mean over steps {first} to {last}: {means}"


def draw_one(n: Numbers, name: str, **axis: Any) -> Drawing:
    """Draw one array; axis: labels, limits and scale."""
    drawing = plots.new_figure(7.0, 3.0)
    axes = drawing.subplots()
    draw_curves(axes, n, n[name])
    axes.set(**axis)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return drawing


def alt_gamma(n: Numbers) -> str:
    return f"gamma squared against the step, both logarithmic. At the end, {last_values(n, n['variance'])}."


@figure("gam-gamma", compute_curves, CURVES, alt_gamma, **PRESETS)
def draw_gamma(n: Numbers) -> Drawing:
    """γ² over the training: fixed, learned, computed by either rule, the optimum of the
    batch."""
    title = "γ² by the policy that sets it"
    return draw_one(n, "variance", yscale="log", ylabel="γ² (variance per pixel)", title=title)


def alt_error(n: Numbers) -> str:
    last = last_values(n, n["mse"])
    return f"Squared error per pixel of the training batches against the step. At the end, {last}."


@figure("gam-error", compute_curves, CURVES, alt_error, **PRESETS)
def draw_error(n: Numbers) -> Drawing:
    """The squared error over the training, by the policy of gamma: a gamma learned at the network's
    rate lags, and ends near the others."""
    title, ylabel = "The error by the policy of gamma", "squared error per pixel, z drawn"
    return draw_one(n, "mse", yscale="log", ylabel=ylabel, title=title)


def alt_kl(n: Numbers) -> str:
    early = n["divergence"][..., n["step"] <= EARLY].mean(1).max(-1)
    return (
        f"KL(q‖p) in nats against the step. At the end, {last_values(n, n['divergence'])}. Highest within the first "
        f"{EARLY} steps: {itemize('{}: {:.2g}', n['label'], early)}."
    )


@figure("gam-kl", compute_curves, CURVES, alt_kl, **PRESETS)
def draw_kl(n: Numbers) -> Drawing:
    """KL(q‖p) over the training: it overshoots in the first steps, most where gamma is small at
    once, and then grows."""
    title = "The KL overshoots at first, most where gamma is small at once, and then grows"
    return draw_one(n, "divergence", ylabel="KL(q‖p), nats per image", ylim=(0, None), title=title)


def reconstruction_over_half_d(n: Numbers) -> np.ndarray:
    """Return the reconstruction loss SE / (2 γ²) in units of D/2: [k, seeds, points]."""
    return np.asarray(n["mse"] / n["variance"])


def weighted_kl(n: Numbers) -> np.ndarray:
    """Return the divergence times its weight, nats: [k, seeds, points]."""
    return np.asarray(n["strength"] * n["divergence"])


def alt_parts(n: Numbers) -> str:
    late = n["step"] > 0.75 * n["step"][-1]
    ratio = np.average(reconstruction_over_half_d(n)[..., late], axis=-1, weights=np.diff(n["step"], prepend=0)[late])
    return (
        "The two parts of the loss against the step. The reconstruction part SE / (2 γ²) over D/2, mean over the "
        f"last quarter of the steps: {itemize('{}: {:.3f}', n['label'], ratio.mean(1))}. The weighted divergence in "
        f"nats at the end, {last_values(n, weighted_kl(n))}."
    )


@figure(
    "gam-parts",
    compute_curves,
    {reconstruction_over_half_d: "label seed step", weighted_kl: "label seed step"},
    alt_parts,
    **PRESETS,
)
def draw_parts(n: Numbers) -> Drawing:
    """The two parts of the loss: with a computed gamma the reconstruction part ends near half a nat
    per pixel."""
    drawing = plots.new_figure(7.0, 2.9)
    left, right = drawing.subplots(1, 2)
    draw_curves(left, n, reconstruction_over_half_d(n))
    left.axhline(1, color="black", linewidth=0.8, linestyle=":")
    title = "reconstruction: at 1 the balance is struck"
    left.set(yscale="log", ylabel="SE / (2 γ²), in units of D/2", title=title)
    draw_curves(right, n, weighted_kl(n))
    right.set(ylim=(0, None), ylabel="weight × KL(q‖p), nats", title="divergence: a small gamma overshoots")
    drawing.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return drawing


RATCHET: dict[str, Any] = {"spreads": [0.02, 0.05, 0.1, 0.2], "steps": 10_000, "seeds": 20}


def alt_ratchet(n: Numbers) -> str:
    ends = n["variance"][:, :, -1].T
    last = itemize("at {:g} % variation A {:.3f}, B {:.3f}, C {:.3f}", 100 * n["spread"], *ends)
    return f"gamma squared under the three rules on simulated errors of mean 1. After {n['step'][-1]} steps: {last}."


@figure(
    "gam-ratchet",
    simulate_rules,
    {"variance": "spread rule step", "rule": tuple(RULES)},
    alt_ratchet,
    quick=RATCHET,
    seeds="means over {} seeds",
)
def draw_ratchet(n: Numbers) -> Drawing:
    """The three rules on an error that only fluctuates: rule A keeps falling, B falls a little, C
    does not."""
    drawing = plots.new_figure(7.0, 2.6)
    panels: Any = drawing.subplots(1, len(n["spread"]), sharey=True)
    for axes, spread, variances in zip(panels, n["spread"], n["variance"], strict=True):
        for rule, color, values in zip(RULES, (plots.DUAL, plots.MEAN, plots.REFERENCE), variances, strict=True):
            axes.plot(n["step"], values, color=color, label=f"rule {rule}")
        axes.axhline(1, color="black", linewidth=0.6, linestyle=":")
        axes.set(xscale="log", xlabel="step", title=f"batches vary by {100 * spread:g} %", ylim=(0.55, 1.05))
    panels[0].set_ylabel("γ² (true mean error: 1)")
    panels[0].legend(loc="lower left")
    return drawing
