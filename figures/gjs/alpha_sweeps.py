"""Sweeps over alpha: gjs-recon-vs-alpha on four data sets, gjs-plain-vs-primed and gjs-beta-grid.

At alpha = 1/2, plain and primed are one loss. They are trained from different seeds, so their
difference there is the noise of a run, the scale for all other differences.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from figures.figure import Draw
from figures.gjs import figure, published, variants
from figures.gjs.styles import COLORS
from figures.gjs.trainings import VARIANTS, compute_beta_grid, compute_plain_vs_primed, compute_recon_vs_alpha
from figures.gjs.variants import ALPHAS, KL, REVERSE, SPLITS, on_test, rows_of
from vaelab import plots
from vaelab.runs.store import Numbers

BETAS = [0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0, 2.0, 4.0]
FIVE = [0.1, 0.3, 0.5, 0.7, 0.9]
PUBLISHED = {"betas": [0.25, 0.5, 0.75, 1.0, 2.0, 3.0, 4.0], "weights": [1.0, 2.0, 3.0, 4.0], "alphas": FIVE}
TERMS = ("kl_posterior", "kl_prior", "weighted_total")


def alt_recon_vs_alpha(n: Numbers) -> str:
    test = on_test(n, slice(None)).mean(-1)
    vae, reverse = (test[n["variant"] == v][0] for v in VARIANTS[:2])
    sentences = [f"Test reconstruction error against alpha; the VAE lies at {vae:.1f}, KL(p‖q) at {reverse:.1f}."]
    for variant in VARIANTS[2:]:
        where = rows_of(n, variant)
        a, values, total = n["alpha"][where], test[where], n["terms"][where, 2].mean(-1)
        sentences.append(
            f"{variant.capitalize()}: {values[0]:.1f} at alpha {a[0]:g}, best {values.min():.1f} at "
            f"{a[values.argmin()]:g}, {values[-1]:.1f} at {a[-1]:g}; its divergence {total[0]:.1f} nats at {a[0]:g}, "
            f"least {total.min():.1f} at {a[total.argmin()]:g}, {total[-1]:.1f} at {a[-1]:g}."
        )
    return " ".join(sentences)


def recon_vs_alpha(
    id: str, what: str, data: str, quick: dict[str, Any] | None, **fields: Any
) -> Callable[[Draw], Draw]:
    """Register the same drawing for another data set."""
    side = {"side": 32} if "mnist" in data else {}
    return figure(
        id,
        compute_recon_vs_alpha,
        {**variants.TABLE, "terms": ("variant", TERMS, "seed")},
        alt_recon_vs_alpha,
        title=f"Reconstruction of {what} against alpha, primed and dual, with the levels of both KL divergences, and "
        "the divergence's terms",
        quick=quick and {"alphas": ALPHAS, **quick},
        full={"alphas": list(published.ALPHAS), "seeds": 3, "data": data, **side, **published.SETTING},
        **fields,
    )


NO_CHAIRS = "no chairs ship with vaelab; fetch them first with `vaelab data get chairs`"


@recon_vs_alpha("gjs-recon-vs-alpha", "handwritten digits", "mnist", {"seeds": 3, **variants.MNIST})
@recon_vs_alpha("gjs-recon-vs-alpha-fashion", "clothes", "fashion-mnist", {"seeds": 2, **variants.FASHION})
@recon_vs_alpha("gjs-recon-vs-alpha-dsprites", "dSprites", "dsprites", {"seeds": 1, **variants.DSPRITES})
@recon_vs_alpha("gjs-recon-vs-alpha-chairs", "rendered chairs", "chairs", None, why_no_quick_preset=NO_CHAIRS)
def draw_recon_vs_alpha(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 4.6)
    (top, bottom) = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=(3, 2))
    for axes, variant in zip(top, VARIANTS[2:], strict=True):
        _line(axes, n, KL)
        _line(axes, n, REVERSE)
        where, color = rows_of(n, variant), COLORS[variant]
        for split, (line, marker) in enumerate((("--", "none"), ("-", color))):
            seeds, name = n["values"][where, split, 0], f"{variant}, {SPLITS[split]}"
            style = {"linestyle": line, "marker": "o", "markerfacecolor": marker, "label": name}
            plots.seed_band(axes, n["alpha"][where], seeds, color, **style)
        axes.set(title=f"{variant} geometric JS", xlim=(0, 1))
        axes.legend(loc="upper center", ncols=2)
    for axes, variant in zip(bottom, VARIANTS[2:], strict=True):
        _terms(axes, n, variant)
    low, high = top[0].get_ylim()
    top[0].set_ylim(low, high + 0.3 * (high - low))  # space for the legends
    top[0].set_ylabel("reconstruction\n(squared error per image)")
    bottom[0].set_ylabel("divergence, test\n(nats)")
    return figure


def _line(axes: Axes, n: Numbers, variant: str, **style: Any) -> None:
    """Draw a horizontal line at the test mean of a variant without alpha."""
    seeds = on_test(n, rows_of(n, variant)).repeat(2, axis=0)
    plots.seed_band(axes, np.array([0.0, 1.0]), seeds, COLORS[variant], label=variants.label(variant), **style)


def _terms(axes: Axes, n: Numbers, variant: str) -> None:
    where = rows_of(n, variant)
    names = ("KL(G‖q)", "KL(G‖p)") if "dual" in variant else ("KL(q‖G)", "KL(p‖G)")
    terms = n["terms"][where].transpose(1, 0, 2)
    for name, color, seeds in zip(
        (*names, "weighted total"), (plots.MEAN, plots.P, COLORS[variant]), terms, strict=True
    ):
        plots.seed_band(axes, n["alpha"][where], seeds, color, marker="o", markersize=2.5, label=name)
    axes.set(xlabel="α", ylim=(0, 1.3 * n["terms"][~np.isnan(n["terms"])].max()))  # space for the legend
    axes.legend(loc="upper right", ncols=3, columnspacing=1, handlelength=1.5)


def alt_plain_vs_primed(n: Numbers) -> str:
    sentences = ["Test reconstruction error against alpha for primed and plain geometric JS."]
    for dual in ("", " dual"):
        values = on_test(n, rows_of(n, f"plain{dual}")).mean(-1)
        gap, width = noise_of_a_run(n, dual)
        sentences.append(
            f"Plain{dual} lies between {values.min():.1f} and {values.max():.1f}. At alpha 0.5, where plain{dual} and "
            f"primed{dual} are the same loss, their means differ by {gap:.2f} and the seeds by up to {width:.2f}."
        )
    return " ".join(sentences)


@figure(
    "gjs-plain-vs-primed",
    compute_plain_vs_primed,
    variants.TABLE,
    alt_plain_vs_primed,
    quick={"alphas": ALPHAS, "seeds": 2, **variants.MNIST},
    full={"alphas": list(published.ALPHAS), "seeds": 3, **published.MNIST},
    title="Reconstruction against alpha, plain and primed: one loss at 1/2, where the difference is the noise of a run",
)
def draw_plain_vs_primed(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.9)
    for axes, dual in zip(figure.subplots(1, 2, sharey=True), ("", " dual"), strict=True):
        _line(axes, n, KL, linestyle=":")
        for family in (f"primed{dual}", f"plain{dual}"):
            where = rows_of(n, family)
            plots.seed_band(axes, n["alpha"][where], on_test(n, where), COLORS[family], marker="o", label=family)
        axes.axvline(0.5, color="black", linewidth=0.5, linestyle="--", zorder=0)
        axes.set(title=f"geometric JS{dual and ', dual'}", xlabel="α", xlim=(0, 1))
        axes.legend()
    figure.axes[0].set_ylabel("reconstruction, test\n(squared error per image)")
    return figure


def noise_of_a_run(n: Numbers, dual: str = "") -> tuple[float, float]:
    """Return the gap between plain and primed at alpha = 1/2, and the range over all seeds."""
    half = n["alpha"] == 0.5
    primed, plain = (on_test(n, rows_of(n, f"{name}{dual}") & half) for name in ("primed", "plain"))
    return abs(float(primed.mean() - plain.mean())), float(np.ptp(np.concatenate([primed, plain])))


def alt_beta_grid(n: Numbers) -> str:
    beta = np.isnan(n["alpha"])
    test = on_test(n, slice(None)).mean(-1)
    low, high = (f(n["weight"][beta]) for f in (np.min, np.max))
    ends = [test[beta & (n["weight"] == w)][0] for w in (low, high)]
    families = [
        f"weight {w:g}: {errors[0]:.1f} at alpha {a[0]:g}, least {errors.min():.1f} at {a[errors.argmin()]:g}, "
        f"{errors[-1]:.1f} at {a[-1]:g}"
        for w in sorted(set(n["weight"][~beta]))
        for where in [rows_of(n, "primed", w)]
        for a, errors in [(n["alpha"][where], test[where])]
    ]
    return (
        f"Test reconstruction error of the beta-VAE: {ends[0]:.1f} at beta {low:g}, {ends[1]:.1f} at {high:g}. Primed "
        f"geometric JS, {'; '.join(families)}."
    )


@figure(
    "gjs-beta-grid",
    compute_beta_grid,
    variants.TABLE,
    alt_beta_grid,
    quick={"betas": BETAS, "weights": [1.0, 2.0, 4.0], "alphas": FIVE, "seeds": 1, **variants.MNIST},
    full={**PUBLISHED, "seeds": 3, **published.MNIST},
    title="Reconstruction against the weight of the divergence, for the beta-VAE and the primed geometric JS",
)
def draw_beta_grid(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.9)
    left, right = figure.subplots(1, 2, sharey=True)
    beta = np.isnan(n["alpha"])
    order = np.argsort(n["weight"][beta])
    plots.seed_band(left, n["weight"][beta][order], on_test(n, beta)[order], plots.Q, marker="o", label="KL(q‖p)")
    left.axvline(1, color="black", linewidth=0.5, linestyle="--", zorder=0)
    left.set(title="beta-VAE", xlabel="β", xlim=(0, None), ylabel="reconstruction, test\n(squared error per image)")
    weights = sorted(set(n["weight"][~beta]))
    for weight, color in zip(weights, plots.color_steps("#ffb37a", "#7a2c00", len(weights)), strict=True):
        where = rows_of(n, "primed", weight)
        plots.seed_band(right, n["alpha"][where], on_test(n, where), color, marker="o", label=f"weight {weight:g}")
    right.set(title="primed geometric JS", xlabel="α", xlim=(0, 1))
    right.legend()
    return figure
