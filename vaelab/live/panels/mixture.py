"""The mixture panel: which one Gaussian fits a mixture, as alpha moves from mode seeking to mass covering.

The optima are found once (`python -m vaelab.live.panels.mixture`, some minutes) and shipped beside this file; the
slider goes through them and interpolates between neighbors, but never across the jump of the dual.
"""

import csv
import sys
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure, SubFigure

from vaelab import plots
from vaelab._utils.files import atomic_write
from vaelab.divergences import fitting
from vaelab.live.controls import Control, Slider, Switch
from vaelab.live.figure import Scene, Values
from vaelab.live.figure_panel import Story, drawn, plot
from vaelab.live.panel import Panel
from vaelab.live.readout import Row

OPTIMA = Path(__file__).with_name("mixture_optima.csv")
FAMILIES = ("primed", "primed dual")
SIZES = {"notebook": (9.6, 4.2), "paper": (7.0, 3.1), "talk": (12.8, 5.8)}
FRAMES = (0.0, 0.1, 0.5, 0.9, 1.0)
JUMP = 0.3  # two neighbors whose means or widths differ by more belong to different minima
TURN = np.linspace(0, 2 * np.pi, 120)
CAPTION = (
    "Gray: a mixture of ten Gaussians. Circles: one and two σ of the single Gaussian q that fits it best. The primed "
    "divergence goes from one cluster (KL(q‖p), α = 0) to all of the mass (KL(p‖q), α = 1); its dual runs the other "
    "way and jumps at small α. Run the cell for the slider."
)


class Optimum(NamedTuple):
    """The least divergence in nats, and mean and standard deviation of the Gaussian that reaches it."""

    value: float
    mean_1: float
    mean_2: float
    std: float


def mixture_panel(alpha: float = 0.3, *, dual: bool = False, style: plots.Style = "notebook") -> Panel:
    """A slider for alpha and a switch for the dual: the best isotropic Gaussian for the mixture of paper 1, figure 2.

    Raises InvalidValue for an alpha outside [0, 1].
    """
    frames = [{"alpha": a, "dual": dual} for a in FRAMES]
    titles = [f"α = {a:g}" for a in FRAMES]
    story = Story(partial(draw, stacked=True), frames, titles, lambda: _alt(dual), CAPTION)
    presets: dict[str, dict[str, Any]] = {
        "mode seeking": {"alpha": 0.0, "dual": False},
        "half-way": {"alpha": 0.5, "dual": False},
        "mass covering": {"alpha": 1.0, "dual": False},
        "dual at small α": {"alpha": 0.1, "dual": True},
        "dual at 0.02": {"alpha": 0.02, "dual": True},
    }
    controls: list[Control] = [Slider("alpha", "skew α", 0, 1, alpha), Switch("dual", "primed", "primed dual", dual)]
    return drawn(draw, SIZES, controls, words, story, presets, style)


def optimum(alpha: float, dual: bool) -> Optimum:
    """The global minimum at this alpha: between two computed ones by interpolation, the nearer one at a jump."""
    alphas, found = table()[FAMILIES[dual]]
    right = int(np.clip(np.searchsorted(alphas, alpha), 1, len(alphas) - 1))
    weight = (alpha - alphas[right - 1]) / (alphas[right] - alphas[right - 1])
    if np.abs(found[right, 1:] - found[right - 1, 1:]).max() > JUMP:
        weight = round(weight)
    return Optimum(*((1 - weight) * found[right - 1] + weight * found[right]).tolist())


@cache
def table() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Per family: alpha [k], and [k, 4] the lowest minimum at each (value, mean, mean, std)."""
    with OPTIMA.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lowest: dict[str, dict[float, Optimum]] = {family: {} for family in FAMILIES}
    for row in rows:
        here, alpha = Optimum(*(float(row[name]) for name in Optimum._fields)), float(row["alpha"])
        lowest[row["family"]][alpha] = min(lowest[row["family"]].get(alpha, here), here)
    return {family: (np.array(list(of)), np.array(list(of.values()))) for family, of in lowest.items()}


def compute(alphas: Sequence[float]) -> None:
    """Write the table anew: every minimum found from the moments and from the heaviest components."""
    from tqdm.auto import tqdm

    target = fitting.mixture()
    tasks = [(family, alpha) for family in FAMILIES for alpha in alphas]
    with atomic_write(OPTIMA) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["family", "alpha", "start", *Optimum._fields])
        for family, alpha in tqdm(tasks):
            for found in fitting.fit(target, family, alpha):
                numbers = (found.value, *found.mean, found.std)
                writer.writerow([family, alpha, found.start, *(f"{number:.5f}" for number in numbers)])


def draw(figure: Figure | SubFigure, *, stacked: bool = False) -> Scene:
    """The plane with the target and the fit; beside it the width of the fit over alpha."""
    shape: dict[str, Any] = {"height_ratios": (2, 1)} if stacked else {"width_ratios": (1, 1)}
    plane, right = figure.subplots(2, 1, **shape) if stacked else figure.subplots(1, 2, **shape)
    axis = np.linspace(-5, 5, 101)
    points = torch.from_numpy(np.stack(np.meshgrid(axis, axis, indexing="xy"), -1))
    density = fitting.mixture().log_prob(points).exp().numpy()
    levels = np.linspace(0.003, density.max(), 9)
    plane.contourf(axis, axis, density, levels=levels, cmap="Grays", extend="max")
    plane.set(xlim=(-5, 5), ylim=(-5, 5), aspect="equal", xticks=[], yticks=[], title="mixture p, best Gaussian q")
    plane.spines[:].set_visible(False)
    for family, color, dash in zip(FAMILIES, (plots.JS, plots.DUAL), ("-", "--"), strict=True):
        alphas, found = table()[family]
        jumps = np.append(np.abs(np.diff(found[:, 1:], axis=0)).max(1) > JUMP, False)
        right.plot(alphas, np.where(jumps, np.nan, found[:, 3]), color=color, linestyle=dash, label=family)
    right.set(title="standard deviation of q", xlabel="α", xlim=(0, 1), ylim=(0, 2))
    if not stacked:
        right.legend(loc="lower center")
    circles = [plane.plot(0 * TURN, 0 * TURN)[0] for _ in range(2)]
    center = plot(plane, [0], marker="+", linestyle="none", markersize=9)
    marker = plot(right, [0], marker="o", linestyle="none", clip_on=False)

    def update(values: Values) -> bool:
        best = optimum(values["alpha"], values["dual"])
        for circle, radius in zip(circles, (best.std, 2 * best.std), strict=True):
            circle.set_data(best.mean_1 + radius * np.cos(TURN), best.mean_2 + radius * np.sin(TURN))
        center.set_data([best.mean_1], [best.mean_2])
        marker.set_data([values["alpha"]], [best.std])
        for artist in (*circles, center, marker):
            artist.set_color(plots.DUAL if values["dual"] else plots.JS)
        return False

    return Scene([*circles, center, marker], update)


def words(values: Values) -> tuple[Sequence[Row], str]:
    """The readout, and the picture in one sentence."""
    best = optimum(values["alpha"], values["dual"])
    rows = [
        ("divergence", f"{best.value:.4f} nats"),
        ("mean of q", f"({best.mean_1:.2f}, {best.mean_2:.2f})"),
        ("σ of q", f"{best.std:.3f}"),
    ]
    wide = "covers all of the mass" if best.std > 1.1 else "sits on one cluster"
    sentence = f"At α = {values['alpha']:.2f} the best Gaussian under the {FAMILIES[values['dual']]} JS {wide}."
    return rows, sentence


def _alt(dual: bool) -> str:
    widths = ", ".join(f"{optimum(a, dual).std:.2f}" for a in FRAMES)
    listed = ", ".join(f"{a:g}" for a in FRAMES)
    return (
        f"Film-strip, α = {listed}: one Gaussian fitted to a mixture under the {FAMILIES[dual]} geometric JS; its "
        f"standard deviation is {widths}."
    )


if __name__ == "__main__":
    compute([i / 50 for i in range(51)])
    sys.exit(0)
