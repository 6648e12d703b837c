"""gjs-mixture-fit: one isotropic Gaussian fitted to a 2-D mixture under each divergence.

Figure 2 of the paper; below it the width of the fit and the value of the divergence against alpha.
At small alpha the dual has two minima, between which it jumps.
"""

from typing import Any, cast

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.gjs import figure
from figures.gjs.theory import fits_to_the_mixture
from vaelab import plots
from vaelab.runs.store import Numbers

COLORS = {"primed": plots.JS, "primed dual": plots.DUAL, "JS": "black"}
GRID = [0.02, 0.04, 0.06, 0.08, 0.12, 0.14, 0.16, 0.18, *(a / 20 for a in range(1, 20))]


def name(kind: str, alpha: float) -> str:
    """Return the label of a fit; the ends of a family are KL divergences."""
    if kind == "JS":
        return "JS"
    if alpha in (0, 1):
        return "KL(q‖p)" if (alpha == 0) == (kind == "primed") else "KL(p‖q)"
    return f"α = {alpha:g}"


def alt(n: Numbers) -> str:
    wide = n["start"] == "moments"
    primed, dual = (n["fit"][(n["kind"] == kind) & wide] for kind in ("primed", "primed dual"))
    second = n["alpha"][~wide & (n["kind"] == "primed dual")]
    low, high = jump(n)
    return (
        "One Gaussian fitted to a two-cluster mixture. With alpha from 0 to 1 the primed divergence goes from mode "
        f"seeking (standard deviation {primed[0, 3]:.2f}, on the lower cluster) to mass covering "
        f"({primed[-1, 3]:.2f}); its dual runs the other way, from {dual[0, 3]:.2f} to {dual[-1, 3]:.2f}, jumps "
        f"between alpha {low:g} and {high:g}, and has a second, lower minimum at alpha "
        f"{', '.join(f'{a:g}' for a in second) or 'none'}."
    )


@figure(
    "gjs-mixture-fit",
    fits_to_the_mixture,
    {"alpha start": "kind", "fit": ("kind", ("value", "mean_1", "mean_2", "std"))},
    alt,
    quick={"alphas": [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0], "grid": GRID, "seed": 22},
    title="One Gaussian fitted to a mixture under each divergence: from mode seeking to mass covering as alpha moves",
)
def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 4.3)
    upper, lower = cast(Any, figure.subfigures(2, 1, height_ratios=(1, 1.05)))
    levels = np.linspace(0.003, n["density"].max(), 9)
    grid = upper.subplots(2, len(n["shown"]) + 1, sharex=True, sharey=True)
    for kind, a, start, fit in zip(n["kind"], n["alpha"], n["start"], n["fit"], strict=True):
        if a not in n["shown"]:
            continue
        axes = grid[1, -1] if kind == "JS" else grid[int(kind == "primed dual"), list(n["shown"]).index(a)]
        plots.circles(axes, fit[1:3], fit[3], COLORS[str(kind)], linestyle="-" if start == "moments" else ":")
        axes.set_title(name(kind, a))
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[], aspect="equal", xlim=(-5, 5), ylim=(-5, 5))
        axes.spines[:].set_visible(False)
        if axes is not grid[0, -1]:
            axes.contourf(n["axis"], n["axis"], n["density"], levels=levels, cmap="Grays", extend="max", zorder=0)
    grid[0, 0].set_ylabel("primed", color=plots.JS)
    grid[1, 0].set_ylabel("primed dual", color=plots.DUAL)
    note = "gray: target p\ncircles: 1, 2 σ\nof the fitted q\ndotted: a lower\nminimum"
    grid[0, -1].text(-5, 0, note, va="center", fontsize="small")
    _against_alpha(lower.subplots(1, 2), n)
    return figure


def _against_alpha(panels: Any, n: Numbers) -> None:
    """Draw the width of the fit and its divergence against alpha, a second minimum dotted."""
    for axes, column in zip(panels, (3, 0), strict=True):
        for kind in ("primed", "primed dual"):
            for start, line, word in (("moments", "o-", ""), ("component", "o:", ", lower minimum")):
                where = (n["kind"] == kind) & (n["start"] == start)
                style: dict[str, Any] = {"color": COLORS[kind], "markersize": 2.5, "linewidth": 1}
                style |= {} if start == "moments" else {"markerfacecolor": "white"}
                if where.any():
                    axes.plot(n["alpha"][where], n["fit"][where, column], line, label=f"{kind}{word}", **style)
        axes.set(xlabel="α", xlim=(-0.02, 1.02))
    panels[0].set(ylabel="standard deviation of q", title="from mode seeking to mass covering")
    panels[1].set(
        ylabel="divergence (nats)", title="its value: the dual jumps where its wide minimum ends", ylim=(0, None)
    )
    panels[1].legend(loc="upper center")


def jump(n: Numbers) -> tuple[float, float]:
    """Return the two values of alpha between which the width of the dual's fit changes most."""
    where = (n["kind"] == "primed dual") & (n["start"] == "moments")
    a, std = n["alpha"][where], n["fit"][where, 3]
    i = int(np.abs(np.diff(std)).argmax())
    return float(a[i]), float(a[i + 1])
