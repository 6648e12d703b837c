"""gjs-limits: the four divergences against alpha, and where each ends: at a KL divergence, or at nothing."""

from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from figures.figure import Figure, Row
from figures.gjs import PAPER
from figures.gjs.variants import COLOURS, FAMILIES
from vaelab import plots
from vaelab.divergences import geometric_js, kl
from vaelab.gaussian import Gaussian
from vaelab.run_store import Numbers, Result, cached, recipe


@recipe("divergences-against-alpha", version=1)
def numbers(*, mean: float, variance: float, steps: int) -> Numbers:
    """For q = N(mean, variance) and p = N(0, 1): alpha [k], value [4, k], ends (KL(q‖p), KL(p‖q)) [2]."""
    q = Gaussian(torch.tensor([mean], dtype=torch.float64), torch.tensor([np.log(variance)], dtype=torch.float64))
    p = Gaussian.standard(q.mean)
    alphas = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    wide = Gaussian(q.mean.expand(len(alphas)), q.logvar.expand(len(alphas)))
    values = [geometric_js(wide, p, alphas, dual="dual" in name, primed="primed" in name) for name in FAMILIES]
    return {
        "pair": np.array([mean, variance]),
        "alpha": alphas.numpy(),
        "value": torch.stack(values).numpy(),
        "ends": np.array([kl(q, p).item(), kl(p, q).item()]),
    }


def compute(device: str, **settings: Any) -> Result:
    return cached(numbers, settings)


def rows(n: Numbers) -> list[Row]:
    return [
        {"divergence": name, "alpha": float(a), "value_nats": float(value)}
        for name, values in zip(FAMILIES, n["value"], strict=True)
        for a, value in zip(n["alpha"], values, strict=True)
    ]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.7)
    left, right = figure.subplots(1, 2)
    for level, label, colour, x, offset in (
        (n["ends"][0], "KL(q‖p)", plots.Q, 0.97, 8),
        (n["ends"][1], "KL(p‖q)", plots.P, 0.62, -8),
    ):
        left.axhline(level, color=colour, linewidth=0.8, linestyle=":")
        _note(left, f"{label} = {level:.3f}", (x, level), (0, offset), colour, "right")
    for axes, names in ((left, FAMILIES[:2]), (right, FAMILIES[2:])):
        for name in names:
            _family(axes, n, name)
        axes.set(xlabel="α", xlim=(-0.03, 1.03), xticks=[0, 0.25, 0.5, 0.75, 1])
    left.set(title="primed: from one KL to the other", ylabel="divergence (nats)", ylim=(-0.15, None))
    right.set(title="plain: from nothing to nothing", ylim=(-0.03, 1.25 * n["value"][2:].max()))
    left.legend(loc="upper center", bbox_to_anchor=(0.5, 0.85))
    right.legend(loc="upper right")
    return figure


def _family(axes: Axes, n: Numbers, name: str) -> None:
    """A curve with its two ends as open circles and, between them, its extreme as a dot."""
    a, values, colour = n["alpha"], n["value"][FAMILIES.index(name)], COLOURS[name]
    best = values.argmin() if "primed" in name else values.argmax()
    axes.plot(a, values, color=colour, label=name)
    axes.plot(a[[0, -1]], values[[0, -1]], "o", color=colour, markerfacecolor="white", markersize=5, clip_on=False)
    axes.plot(a[best], values[best], "o", color=colour, markersize=3)
    side = "right" if name == "primed" else "left" if name == "primed dual" else "center"
    offset = 8 if name == "plain" else -8
    _note(axes, f"{values[best]:.3f} at {a[best]:.2f}", (a[best], values[best]), (0, offset), colour, side)


def _note(axes: Axes, text: str, at: tuple[float, float], offset: tuple[float, float], colour: str, side: str) -> None:
    axes.annotate(text, at, offset, textcoords="offset points", color=colour, ha=side, va="center", fontsize="small")


def alt(n: Numbers) -> str:
    mean, variance = n["pair"]
    ends = [f"{name} from {v[0]:.3f} to {v[-1]:.3f}" for name, v in zip(FAMILIES, n["value"], strict=True)]
    return (
        f"Four divergences between N({mean:g}, {variance:g}) and N(0, 1) against alpha: {', '.join(ends)} nats. "
        f"KL(q‖p) = {n['ends'][0]:.3f} and KL(p‖q) = {n['ends'][1]:.3f} end the primed ones, in opposite order."
    )


SETTINGS = {"mean": 1.3, "variance": 0.2, "steps": 200}

FIGURE = Figure(
    id="gjs-limits",
    paper=PAPER,
    shows="The four geometric Jensen-Shannon divergences against alpha, with the ends that each reaches",
    compute=compute,
    rows=rows,
    draw=draw,
    alt=alt,
    presets={"quick": SETTINGS, "paper": SETTINGS},
)
