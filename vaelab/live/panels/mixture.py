"""The mixture panel: the Gaussian that fits a mixture best, from mode seeking to mass covering.

The optima ship beside this file; `python -m vaelab.live.panels.mixture` computes them in some
minutes. The panel interpolates between neighbors, but not across the jump of the dual.
"""

import csv
import sys
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from vaelab import plots
from vaelab._utils.files import atomic_write
from vaelab._utils.typed import typed
from vaelab.divergences import fitting
from vaelab.live.controls import Slider, Switch
from vaelab.live.figure import AnyFigure, Scene, Values, empty_line
from vaelab.live.panel import Panel
from vaelab.live.spec import PanelSpec, Readout

OPTIMA = Path(__file__).with_name("mixture_optima.csv")
FAMILIES = ("primed", "primed dual")
ALPHAS = (0.0, 0.1, 0.5, 0.9, 1.0)
JUMP = 0.3  # neighbors whose means or widths differ by more belong to different minima
ANGLES = np.linspace(0, 2 * np.pi, 120)
CAPTION = (
    "Gray: a mixture of ten Gaussians. Circles: one and two σ of the single Gaussian q that fits it best. The primed "
    "divergence goes from one cluster (KL(q‖p), α = 0) to all of the mass (KL(p‖q), α = 1); its dual goes the other "
    "way and jumps at small α."
)


class _Optimum(NamedTuple):
    """Smallest divergence in nats, with the means and the standard deviation of its Gaussian."""

    value: float
    mean_1: float
    mean_2: float
    std: float


@typed
def mixture_panel(alpha: float = 0.3, *, dual: bool = False, style: plots.Style = "notebook") -> Panel:
    """Build a panel on the isotropic Gaussian that fits a mixture best under the geometric JS.

    Args:
        alpha: Start of the slider, in [0, 1].
        dual: Start of the switch between the divergence and its dual.
        style: "notebook", "paper" or "talk".

    Returns:
        The panel.

    Raises:
        InvalidType, InvalidValue: If alpha is out of range.

    Example:
        >>> panel = mixture_panel(alpha=1.0)
        >>> "covers all of the mass" in panel.readout.value
        True

    References:
        Deasy, Simidjievski & Liò (2020), https://arxiv.org/abs/2006.10599, figure 2.
    """
    presets = {
        "mode seeking": (0.0, False),
        "half-way": (0.5, False),
        "mass covering": (1.0, False),
        "dual at small α": (0.1, True),
        "dual at 0.02": (0.02, True),
    }
    spec = PanelSpec(
        draw=_draw,
        sizes={"notebook": (9.6, 4.2), "paper": (7.0, 3.1), "talk": (12.8, 5.8)},
        controls=[Slider("alpha", "skew α", 0, 1, alpha), Switch("dual", "primed", "primed dual", dual)],
        presets={label: {"alpha": a, "dual": d} for label, (a, d) in presets.items()},
        readout=_readout,
        frames={f"α = {a:g}": {"alpha": a, "dual": dual} for a in ALPHAS},
        alt=_alt,
        filmstrip_alt=partial(_filmstrip_alt, dual),
        caption=CAPTION,
        still="Run the cell for the slider.",
    )
    return Panel(spec, style)


def _optimum(alpha: float, dual: bool) -> _Optimum:
    """Return the best Gaussian, interpolated between alphas; at a jump that of the nearer one."""
    alphas, optima = _table()[FAMILIES[dual]]
    right = int(np.clip(np.searchsorted(alphas, alpha), 1, len(alphas) - 1))
    weight = (alpha - alphas[right - 1]) / (alphas[right] - alphas[right - 1])
    if np.abs(optima[right, 1:] - optima[right - 1, 1:]).max() > JUMP:
        weight = round(weight)
    return _Optimum(*((1 - weight) * optima[right - 1] + weight * optima[right]).tolist())


@cache
def _table() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read per family alphas [k] and the lowest minima [k, 4], in the order of `_Optimum`."""
    with OPTIMA.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lowest: dict[str, dict[float, _Optimum]] = {family: {} for family in FAMILIES}
    for row in rows:
        minima, alpha = lowest[row["family"]], float(row["alpha"])
        candidate = _Optimum(*(float(row[name]) for name in _Optimum._fields))
        minima[alpha] = min(minima.get(alpha, candidate), candidate)
    return {family: (np.array(list(minima)), np.array(list(minima.values()))) for family, minima in lowest.items()}


def _compute(alphas: Sequence[float]) -> None:
    """Write the table: every minimum that the descents find."""
    from vaelab._utils.progress import tqdm

    target = fitting.mixture()
    tasks = [(family, alpha) for family in FAMILIES for alpha in alphas]
    with atomic_write(OPTIMA) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["family", "alpha", "start", *_Optimum._fields])
        for family, alpha in tqdm(tasks):
            for fit in fitting.fit(target, family, alpha):
                numbers = (fit.value, *fit.mean, fit.std)
                writer.writerow([family, alpha, fit.start, *(f"{number:.5f}" for number in numbers)])


def _draw(figure: AnyFigure, *, stacked: bool = False) -> Scene:
    """Draw the target with its best fit, and the width of the fit over alpha."""
    colors = plots.palette()
    plane, right = figure.subplots(2, 1, height_ratios=(2, 1)) if stacked else figure.subplots(1, 2)
    axis = np.linspace(-5, 5, 101)
    points = torch.from_numpy(np.stack(np.meshgrid(axis, axis, indexing="xy"), -1))
    density = fitting.mixture().log_prob(points).exp().numpy()
    levels = np.linspace(0.003, density.max(), 9)
    plane.contourf(axis, axis, density, levels=levels, cmap=colors.shades, extend="max")
    plane.set(xlim=(-5, 5), ylim=(-5, 5), aspect="equal", xticks=[], yticks=[], title="mixture p, best Gaussian q")
    plane.spines[:].set_visible(False)
    for family, color, dash in zip(FAMILIES, (colors.JS, colors.DUAL), ("-", "--"), strict=True):
        alphas, optima = _table()[family]
        jumps = np.append(np.abs(np.diff(optima[:, 1:], axis=0)).max(1) > JUMP, False)
        right.plot(alphas, np.where(jumps, np.nan, optima[:, 3]), color=color, linestyle=dash, label=family)
    right.set(title="standard deviation of q", xlabel="α", xlim=(0, 1), ylim=(0, 2))
    if not stacked:
        right.legend(loc="lower center")
    circles = [plane.plot(0 * ANGLES, 0 * ANGLES)[0] for _ in range(2)]
    center = empty_line(plane, [0], marker="+", linestyle="none", markersize=9)
    marker = empty_line(right, [0], marker="o", linestyle="none", clip_on=False)

    def update(values: Values) -> bool:
        best = _optimum(values["alpha"], values["dual"])
        for circle, radius in zip(circles, (best.std, 2 * best.std), strict=True):
            circle.set_data(best.mean_1 + radius * np.cos(ANGLES), best.mean_2 + radius * np.sin(ANGLES))
        center.set_data([best.mean_1], [best.mean_2])
        marker.set_data([values["alpha"]], [best.std])
        for artist in (*circles, center, marker):
            artist.set_color(colors.DUAL if values["dual"] else colors.JS)
        return False

    return Scene([*circles, center, marker], update)


def _readout(values: Values) -> Readout:
    """Return the divergence and the parameters of the best Gaussian."""
    best = _optimum(values["alpha"], values["dual"])
    rows = [
        ("divergence", f"{best.value:.4f} nats"),
        ("mean of q", f"({best.mean_1:.2f}, {best.mean_2:.2f})"),
        ("σ of q", f"{best.std:.3f}"),
    ]
    coverage = "covers all of the mass" if best.std > 1.1 else "covers one cluster only"
    family = FAMILIES[values["dual"]]
    return Readout(rows, f"At α = {values['alpha']:.2f} the best Gaussian under the {family} JS {coverage}.")


def _alt(values: Values) -> str:
    """Describe the circles on the mixture."""
    best, family = _optimum(values["alpha"], values["dual"]), FAMILIES[values["dual"]]
    return (
        f"Circles of one and two σ on a mixture of ten clusters: under the {family} geometric JS with "
        f"α = {values['alpha']:.2f} the best Gaussian lies at ({best.mean_1:.2f}, {best.mean_2:.2f}) and has "
        f"σ = {best.std:.2f}."
    )


def _filmstrip_alt(dual: bool) -> str:
    widths = ", ".join(f"{_optimum(a, dual).std:.2f}" for a in ALPHAS)
    return (
        f"Filmstrip, α = {', '.join(f'{a:g}' for a in ALPHAS)}: one Gaussian fitted to a mixture under the "
        f"{FAMILIES[dual]} geometric JS; its standard deviation is {widths}."
    )


if __name__ == "__main__":
    _compute([i / 50 for i in range(51)])
    sys.exit(0)
