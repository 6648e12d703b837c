"""gam-ratchet: three rules for gamma on an error that only fluctuates; under rule A gamma can only fall."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure as Drawing

from figures.alt import itemize
from figures.balancing import figure
from figures.balancing.trainings import RULES, compute_ratchet
from vaelab import plots
from vaelab.runs.store import Numbers

COLORS = {"A": plots.DUAL, "B": plots.MEAN, "C": plots.REFERENCE}
SETTINGS: dict[str, Any] = {"spreads": [0.02, 0.05, 0.1, 0.2], "steps": 10_000, "seeds": 20}


def alt(n: Numbers) -> str:
    ends = n["variance"][:, :, -1].T
    last = itemize("at {:g} % variation A {:.3f}, B {:.3f}, C {:.3f}", 100 * n["spread"], *ends)
    return f"gamma squared under the three rules when the mean error stays 1. After {n['step'][-1]} steps: {last}."


@figure(
    "gam-ratchet",
    compute_ratchet,
    {"variance": "spread rule step", "rule": tuple(RULES)},
    alt,
    title="The three rules on an error that only fluctuates: rule A falls further and further, B a little, C not",
    quick=SETTINGS,
)
def draw(n: Numbers) -> Drawing:
    drawing = plots.new_figure(7.0, 2.6)
    panels: Sequence[Any] = drawing.subplots(1, len(n["spread"]), sharey=True)
    for axes, spread, variances in zip(panels, n["spread"], n["variance"], strict=True):
        for rule, values in zip(RULES, variances, strict=True):
            axes.plot(n["step"], values, color=COLORS[rule], label=f"rule {rule}")
        axes.axhline(1, color="black", linewidth=0.6, linestyle=":")
        axes.set(xscale="log", xlabel="step", title=f"batches vary by {100 * spread:g} %", ylim=(0.55, 1.05))
    panels[0].set_ylabel("gamma² (true mean error: 1)")
    panels[0].legend(loc="lower left")
    return drawing
