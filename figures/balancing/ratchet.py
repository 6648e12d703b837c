"""gam-ratchet: the three rules on an error that only fluctuates: rule A is a ratchet.  Nothing is trained."""

from collections.abc import Sequence

from matplotlib.figure import Figure as Drawing

from figures.balancing import PAPER
from figures.balancing.measures import compute_ratchet
from figures.balancing.trainings import RULES
from figures.figure import Figure, Row
from vaelab import plots
from vaelab.runs.store import Numbers

COLORS = {"A": plots.DUAL, "B": plots.MEAN, "C": plots.REFERENCE}


def rows(n: Numbers) -> list[Row]:
    return [
        {"coefficient_of_variation": float(spread), "rule": rule, "step": int(step), "gamma_squared": float(value)}
        for spread, rules in zip(n["spread"], n["variance"], strict=True)
        for rule, values in zip(RULES, rules, strict=True)
        for step, value in zip(n["step"], values, strict=True)
    ]


def draw(n: Numbers) -> Drawing:
    figure = plots.new_figure(7.0, 2.6)
    axes: Sequence = figure.subplots(1, len(n["spread"]), sharey=True)
    for ax, spread, rules in zip(axes, n["spread"], n["variance"], strict=True):
        for rule, values in zip(RULES, rules, strict=True):
            ax.plot(n["step"], values, color=COLORS[rule], label=f"rule {rule}")
        ax.axhline(1, color="black", linewidth=0.6, linestyle=":")
        ax.set(xscale="log", xlabel="step", title=f"batches vary by {100 * spread:g} %", ylim=(0.55, 1.05))
    axes[0].set_ylabel("gamma² (true mean error: 1)")
    axes[0].legend(loc="lower left")
    return figure


def alt(n: Numbers) -> str:
    told = "; ".join(
        f"at {100 * spread:g} % variation A {a:.3f}, B {b:.3f}, C {c:.3f}"
        for spread, (a, b, c) in zip(n["spread"], n["variance"][:, :, -1], strict=True)
    )
    return f"gamma squared under the three rules when the mean error stays 1. After {n['step'][-1]} steps: {told}."


FIGURE = Figure(
    id="gam-ratchet",
    paper=PAPER,
    title="The three rules on an error that only fluctuates: rule A falls further and further, B a little, C not",
    compute=compute_ratchet,
    table=rows,
    draw=draw,
    alt=alt,
    presets={name: {"spreads": [0.02, 0.05, 0.1, 0.2], "steps": 10_000, "seeds": 20} for name in ("quick", "paper")},
)
