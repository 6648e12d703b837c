"""nvae-groups: the rate of every group of a hierarchy through the training."""

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.alt import itemize
from figures.hierarchies import figure
from figures.hierarchies.trainings import GROUPS, compute_groups
from vaelab import plots
from vaelab.runs.store import Numbers

ACTIVE = 0.5  # nats
COLORS = (plots.P, plots.MEAN, plots.Q)


def alt(n: Numbers) -> str:
    ends, elbos = n["rates"][:, :, -1], n["elbo"]
    groups = [", ".join(f"{low:.1f} to {high:.1f}" for low, high in zip(e.min(0), e.max(0), strict=True)) for e in ends]
    listed = itemize("{}: {}, ELBO {:.1f} to {:.1f}", n["method"], groups, elbos.min(1), elbos.max(1))
    return (
        f"Rates of the groups of a hierarchy on the 8 by 8 digits over {n['step'][-1]} steps, on a logarithmic axis, "
        f"in {len(n['method'])} panels. At the end, for groups 1, 2 and 3, in nats, with the ELBO of the test images: "
        f"{listed}."
    )


@figure(
    "nvae-groups",
    compute_groups,
    {"rates": "method seed step group", "elbo distortion": "method seed"},
    alt,
    quick=GROUPS,
)
def draw(n: Numbers) -> Drawing:
    """The rate of every group through the training: plain, annealed, balanced, and with free nats."""
    drawing = plots.new_figure(7.4, 2.4)
    panels = drawing.subplots(1, len(n["method"]), sharey=True)
    for axes, name, rates, elbo in zip(panels, n["method"], n["rates"], n["elbo"], strict=True):
        for k, color in enumerate(COLORS):
            values = np.maximum(rates[:, :, k].T, 1e-3)
            plots.seed_band(axes, n["step"], values, color, label=f"group {k + 1}")
        axes.axhline(ACTIVE, color="black", linewidth=0.6, linestyle=":")
        if "balanced" in name or name == "annealed":
            axes.axvline(float(n["annealing"]), color="black", linewidth=0.6, linestyle="--")
        axes.set(yscale="log", xlabel="step", title=name.replace(", ", ",\n") + f"\nELBO {elbo.mean():.1f}")
    panels[0].set_ylabel("rate, nats")
    panels[0].legend()
    drawing.suptitle(f"8 × 8 digits; dotted: {ACTIVE} nats, dashed: end of annealing")
    return drawing
