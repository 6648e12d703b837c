"""cr-table-mnist, -omniglot, -celeba, -cifar: three bounds, plain, with augmentation, consistent.

cr-triplet: consistency beside a triplet loss on the same views.

The cells of the published tables are not known to us; ours are shown alone, with their spread over
seeds.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.patheffects import withStroke

from figures.alt import itemize
from figures.consistency import describe_images, figure, methods
from figures.consistency.measures import SCALARS
from figures.consistency.trainings import compute_tables, compute_triplets
from vaelab import plots
from vaelab.runs.store import Numbers

COLORS = (plots.Q, plots.MEAN, plots.JS)
HEIGHTS = np.arange(9) + 0.6 * (np.arange(9) // 3)  # three groups with gaps between
SHOWN = {
    "nll": "NLL\n(nats)",
    "rate": "rate\n(nats)",
    "information": "information\n(nats)",
    "active": "active\nlatents",
    "probe": "linear\nprobe",
    "gap": "R\n(nats)",
}


def _describe(n: Numbers) -> str:
    return f"{describe_images(n)}; CR: λ = {float(n['consistency']):g}"


def _draw_dots(ax: Axes, values: np.ndarray) -> None:
    low, high = float(values.min()), float(values.max())
    margin = 0.22 * (high - low) or 1.0
    for k, (y, row) in enumerate(zip(HEIGHTS, values, strict=True)):
        color = COLORS[k % 3]
        ax.plot(row, [y] * len(row), "o", color=color, markersize=3.5, alpha=0.6, markeredgewidth=0)
        digits = 3 if max(abs(low), high) < 2 else 0 if all(v.is_integer() for v in row.flat) else 1
        look: Any = {"ha": "center", "va": "bottom", "fontsize": "x-small"}
        ax.annotate(f"{row.mean():.{digits}f}", (row.mean(), y), (0, 2.5), textcoords="offset points", **look)
    ax.set_xlim(low - margin, high + margin)
    ax.locator_params(axis="x", nbins=2)
    ax.tick_params(axis="y", length=0)


def _draw_ceiling(ax: Axes, ceiling: float, values: np.ndarray) -> None:
    low = min(float(values.min()), ceiling - 0.5)
    ax.set_xlim(low - 0.22 * (ceiling - low), ceiling + 0.06 * (ceiling - low))
    ax.axvline(ceiling, color="black", linewidth=0.8)
    ax.set_xlabel(f"line: ln n = {ceiling:.1f}", fontsize="x-small")


def alt(n: Numbers) -> str:
    means = [n[name].mean(1) for name in ("nll", "rate", "gap", "probe")]
    with_probe = "" if np.isnan(means[-1]).any() else ", probe {:.3f}"
    ends = itemize("{}: NLL {:.1f}, rate {:.1f}, R {:.1f}" + with_probe, n["arm"], *means)
    measures = "NLL, rate, information, active latents, probe and R"
    return f"Nine methods ({_describe(n)}), with {measures}. Means over seeds, {ends}."


METHODS: dict[str, Any] = {"consistency": 1.0, "beta": 4.0, "samples_k": 5}
PAPER: dict[str, Any] = {**METHODS, "seeds": 3, "batch_size": 100, "samples": 500}
BURDA: dict[str, Any] = {"likelihood": "bernoulli", "latent": 50, "network": "burda", "epochs": 200, "weighed": 2000}
COLOR: dict[str, Any] = {"likelihood": "normal", "gamma": "learned", "latent": 64, "network": "conv", "weighed": 1000}
SMALL_IMAGES: dict[str, Any] = {"data": "cifar10", "limit": 2000, "side": 16}
SMALL_VAE: dict[str, Any] = {"likelihood": "normal", "gamma": "computed", "latent": 32, "hidden": [256]}
SMALL_COLOR: dict[str, Any] = {**SMALL_IMAGES, **SMALL_VAE, "epochs": 40, "batch_size": 50}


def table_figure(name: str, full: dict[str, Any], quick: dict[str, Any] | None = None) -> Callable[[Any], Any]:
    """Return the decorator that registers the table of a data set."""
    size = f" (quick: {quick['limit']:,} images of {quick['side']} × {quick['side']} pixels)" if quick else ""
    return figure(
        f"cr-table-{name}",
        compute_tables,
        {" ".join(SCALARS): "arm seed"},
        alt,
        title=f"VAE, beta-VAE and IWAE, each plain, with augmentation and with consistency, on {name}{size}",
        quick=quick and {**METHODS, "beta": 2.0, "seeds": 2, **quick},
        full={**PAPER, **full},
        seeds="{} seeds: a dot each, numbers are means",
        why_no_quick_preset="" if quick else f"its images do not ship; get them with `vaelab data get {full['data']}`",
    )


@table_figure("mnist", {"data": "mnist", **BURDA}, methods.SMALL)
@table_figure("omniglot", {"data": "omniglot", **BURDA})
@table_figure("celeba", {"data": "celeba", **COLOR, "epochs": 50})
@table_figure("cifar", {"data": "cifar10", **COLOR, "epochs": 50}, SMALL_COLOR)
def draw(n: Numbers) -> Drawing:
    titles = {name: title for name, title in SHOWN.items() if not np.isnan(n[name]).any()}
    drawing = plots.new_figure(7.0, 2.9)
    panels = drawing.subplots(1, len(titles), sharey=True)
    for ax, (name, title) in zip(panels, titles.items(), strict=True):
        _draw_dots(ax, n[name])
        ax.set_title(title)
        if name == "information":
            _draw_ceiling(ax, float(n["ceiling"][0, 0]), n[name])
    panels[0].set(yticks=HEIGHTS, yticklabels=n["arm"], ylim=(HEIGHTS[-1] + 0.7, -0.7))
    drawing.suptitle(_describe(n))
    return drawing


def family(n: Numbers, triplet: bool) -> np.ndarray:
    """Return the indices of the triplet losses, or of consistency and augmentation, by strength."""
    rows = np.flatnonzero(np.char.startswith(n["arm"], "triplet") == triplet)
    return rows if triplet else rows[1:]


LAMBDAS, WEIGHTS = [0.0, 0.1, 1.0, 5.0], [1.0, 10.0]


def alt_triplets(n: Numbers) -> str:
    means = (n[name].mean(1) for name in ("nll", "probe", "rho"))
    ends = itemize("{}: NLL {:.1f}, probe {:.3f}, nu {:.2f}", n["arm"], *means)
    return (
        f"Linear probe and nu against NLL, for consistency and a triplet loss on equal views ({describe_images(n)}). "
        f"{ends}."
    )


@figure(
    "cr-triplet",
    compute_triplets,
    {" ".join(SCALARS): "arm seed"},
    alt_triplets,
    seeds="{} seeds: small dots, large ones are means",
    quick={"lambdas": LAMBDAS, "weights": WEIGHTS, "seeds": 3, **methods.QUICK},
    full={"lambdas": LAMBDAS, "weights": WEIGHTS, "seeds": 3, **methods.MINI},
)
def draw_triplets(n: Numbers) -> Drawing:
    """Consistency and a triplet loss on the same views: linear probe and nu against NLL."""
    drawing = plots.new_figure(7.0, 3.0)
    panels = drawing.subplots(1, 2)
    titles = ("linear probe, all labels", "ν: how far means move (0: not at all)")
    for ax, name, title in zip(panels, ("probe", "rho"), titles, strict=True):
        for triplet, color, label in ((False, plots.MEAN, "consistency, λ"), (True, plots.P, "triplet loss, weight")):
            rows = family(n, triplet)
            start = rows if not triplet else np.concatenate([family(n, False)[:1], rows])
            ax.plot(n["nll"][start].mean(1), n[name][start].mean(1), color=color, linewidth=0.8)
            for i in rows:
                ax.plot(n["nll"][i], n[name][i], "o", color=color, markersize=3, alpha=0.5, markeredgewidth=0)
                place = (n["nll"][i].mean(), n[name][i].mean())
                ax.plot(*place, "o", color=color, markersize=5, label=label if i == rows[-1] else None)
                look: Any = {"color": color, "path_effects": [withStroke(linewidth=2, foreground="white")]}
                ax.annotate(f"{n['strength'][i]:g}", place, (5, 5), textcoords="offset points", zorder=4, **look)
        ax.plot(n["nll"][0], n[name][0], "s", color=plots.Q, markersize=3, alpha=0.5, markeredgewidth=0)
        ax.plot(n["nll"][0].mean(), n[name][0].mean(), "s", color=plots.Q, markersize=5, label="VAE, no views")
        ax.set(title=title, xlabel="NLL (nats)")
        ax.margins(0.12)
        ax.locator_params(axis="x", nbins=5, integer=True)
    panels[0].legend()
    drawing.suptitle(describe_images(n))
    return drawing
