"""cr-table-mnist, -omniglot, -celeba, -cifar: VAE, beta-VAE and IWAE, each plain, with augmentation, and consistent.

The published tables' cells are not known to us, so ours stand alone, with their spread over seeds.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from figures.consistency import PAPER, methods
from figures.consistency.measures import SCALARS
from figures.consistency.trainings import compute_tables
from figures.figure import Figure, Row
from vaelab import plots
from vaelab.runs.store import Numbers

COLORS = (plots.Q, plots.MEAN, plots.JS)
SHOWN = {
    "nll": "NLL\n(nats)",
    "rate": "rate\n(nats)",
    "information": "information\n(nats)",
    "active": "active\nlatents",
    "probe": "linear\nprobe",
    "gap": "R\n(nats)",
}


def rows(n: Numbers) -> list[Row]:
    return [
        {"arm": str(arm), "seed": seed, **{name: float(n[name][k, seed]) for name in SCALARS}}
        for k, arm in enumerate(n["arm"])
        for seed in range(n["nll"].shape[1])
    ]


def draw(n: Numbers) -> Drawing:
    shown = {name: title for name, title in SHOWN.items() if not np.isnan(n[name]).any()}
    figure = plots.new_figure(7.0, 2.9)
    panels = figure.subplots(1, len(shown), sharey=True)
    for ax, (name, title) in zip(panels, shown.items(), strict=True):
        _dots(ax, n[name])
        ax.set_title(title)
        if name == "information":
            _ceiling(ax, float(n["ceiling"][0, 0]), n[name])
    names = [str(arm) for arm in n["arm"]]
    panels[0].set(yticks=_heights(), yticklabels=names, ylim=(_heights()[-1] + 0.7, -0.7))
    figure.suptitle(_told(n))
    return figure


def _told(n: Numbers) -> str:
    return f"{n['data']}; CR: λ = {float(n['consistency']):g}"


def _heights() -> np.ndarray:
    """Where the nine rows stand: three groups with gaps between."""
    return np.arange(9) + 0.6 * (np.arange(9) // 3)


def _dots(ax: Axes, values: np.ndarray) -> None:
    low, high = float(values.min()), float(values.max())
    room = 0.22 * (high - low) or 1.0
    for k, (y, row) in enumerate(zip(_heights(), values, strict=True)):
        color = COLORS[k % 3]
        ax.plot(row, [y] * len(row), "o", color=color, markersize=3.5, alpha=0.6, markeredgewidth=0)
        digits = 3 if max(abs(low), high) < 2 else 0 if all(v.is_integer() for v in row.flat) else 1
        look: Any = {"ha": "center", "va": "bottom", "fontsize": "x-small"}
        ax.annotate(f"{row.mean():.{digits}f}", (row.mean(), y), (0, 2.5), textcoords="offset points", **look)
    ax.set_xlim(low - room, high + room)
    ax.locator_params(axis="x", nbins=2)
    ax.tick_params(axis="y", length=0)


def _ceiling(ax: Axes, ceiling: float, values: np.ndarray) -> None:
    low = min(float(values.min()), ceiling - 0.5)
    ax.set_xlim(low - 0.22 * (ceiling - low), ceiling + 0.06 * (ceiling - low))
    ax.axvline(ceiling, color="black", linewidth=0.8)
    ax.set_xlabel(f"line: ln n = {ceiling:.1f}", fontsize="x-small")


def alt(n: Numbers) -> str:
    told = "; ".join(
        f"{arm}: NLL {n['nll'][k].mean():.1f}, rate {n['rate'][k].mean():.1f}, R {n['gap'][k].mean():.1f}"
        + ("" if np.isnan(n["probe"][k]).any() else f", probe {n['probe'][k].mean():.3f}")
        for k, arm in enumerate(n["arm"])
    )
    measures = "NLL, rate, information, active latents, probe and R"
    return f"Nine methods, one dot per seed ({_told(n)}), with {measures}. {told}."


def _figure(data: str, quick: dict[str, Any] | None, paper: dict[str, Any]) -> Figure:
    presets = {"paper": {**ARMS, "seeds": 3, **paper}}
    small = f" (quick: {quick['limit']:,} images of {quick['side']} × {quick['side']} pixels)" if quick else ""
    return Figure(
        id=f"cr-table-{data}",
        paper=PAPER,
        title=f"VAE, beta-VAE and IWAE, each plain, with augmentation and with consistency, on {data}{small}",
        compute=compute_tables,
        table=rows,
        draw=draw,
        alt=alt,
        presets=presets if quick is None else {"quick": {**ARMS, "beta": 2.0, "seeds": 2, **quick}, **presets},
        why_no_quick_preset="" if quick else f"its images do not ship; get them with `vaelab data get {NAMES[data]}`",
    )


NAMES = {"mnist": "mnist", "omniglot": "omniglot", "celeba": "celeba", "cifar": "cifar10"}
ARMS: dict[str, Any] = {"consistency": 1.0, "beta": 4.0, "samples_k": 5}
BURDA: dict[str, Any] = {
    **{"likelihood": "bernoulli", "latent": 50, "network": "burda", "batch_size": 100},
    **{"epochs": 200, "samples": 500, "weighed": 2000},
}
COLOR: dict[str, Any] = {
    **{"likelihood": "normal", "gamma": "learned", "latent": 64, "network": "conv", "batch_size": 100},
    **{"epochs": 50, "samples": 500, "weighed": 1000},
}
SMALL_COLOR: dict[str, Any] = {
    **{"data": "cifar10", "limit": 2000, "side": 16, "likelihood": "normal", "gamma": "computed"},
    **{"latent": 32, "hidden": [256], "epochs": 40, "batch_size": 50},
}
FIGURE = _figure("mnist", methods.SMALL, {"data": "mnist", **BURDA})
OMNIGLOT = _figure("omniglot", None, {"data": "omniglot", **BURDA})
CELEBA = _figure("celeba", None, {"data": "celeba", **COLOR})
CIFAR = _figure("cifar", SMALL_COLOR, {"data": "cifar10", **COLOR})
