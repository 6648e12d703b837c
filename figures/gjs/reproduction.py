"""gjs-reproduction: published values and ours with the published network and learning rate.

The epochs behind the published values are not known.
"""

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.gjs import figure, published
from figures.gjs.long_trainings import FIRST, compute_reproduction, title
from figures.table import Row
from vaelab import plots
from vaelab.runs.store import Numbers


def reached(n: Numbers) -> dict[int, tuple[np.ndarray, int]]:
    """Return, by line, its values over seeds after their last common epoch, and that epoch."""
    values = {}
    for i, curves in enumerate(n["curves"]):
        trained = curves[~np.isnan(curves[:, 0])]
        if len(trained):
            epoch = int((~np.isnan(trained)).sum(1).min())
            values[i] = trained[:, epoch - 1], epoch
    return values


def furthest(n: Numbers, i: int) -> tuple[float, int]:
    """Return the value of the seed that was trained longest, and its epochs."""
    counts = (~np.isnan(n["curves"][i])).sum(1)
    seed = int(counts.argmax())
    return float(n["curves"][i, seed, counts[seed] - 1]), int(counts[seed])


def rows(n: Numbers) -> list[Row]:
    lines, trained = published.lines(), reached(n)
    baselines = {line.data: i for i, line in enumerate(lines) if line.name == published.KL}
    table: list[Row] = []
    for i, line in enumerate(lines):
        below = line.value < lines[baselines[line.data]].value
        row: Row = {"table": line.table, "data": line.data, "line": line.name, "alpha": line.alpha}
        row |= {"published": line.value, "published_below_vae": below}
        if i in trained:
            values, epoch = trained[i]
            mean, spread = float(values.mean()), float(np.ptp(values)) if len(values) > 1 else ""
            row |= {"ours": mean, "spread": spread, "seeds": len(values), "epochs": epoch}
            row["difference_percent"] = 100 * (mean / line.value - 1)
            row["furthest"], row["furthest_epochs"] = furthest(n, i)
            baseline = n["curves"][baselines[line.data], :, epoch - 1]  # nan where it was not trained this far
            if i != baselines[line.data] and not np.isnan(baseline).all():
                row["ours_below_vae"] = mean < float(np.nanmean(baseline))
                row["same_side"] = row["ours_below_vae"] == below
        table.append(row)
    return table


def alt(n: Numbers) -> str:
    lines, trained = published.lines(), reached(n)
    parts = [
        f"{title(lines[i])} published {lines[i].value:.2f}, here {values.mean():.2f} after {epoch} epochs "
        f"({len(values)} seed{'s' if len(values) > 1 else ''}), one {furthest(n, i)[0]:.2f} after {furthest(n, i)[1]}"
        for i, (values, epoch) in trained.items()
    ]
    rest = len(lines) - len(trained)
    return (
        f"Published test reconstruction, whose epochs are unknown, and ours: {'; '.join(parts) or 'none yet'}. "
        f"{rest} lines not trained yet."
    )


@figure(
    "gjs-reproduction",
    compute_reproduction,
    rows,
    alt,
    full={"lines": list(FIRST), "seeds": 3},
    why_no_quick_preset="it compares with numbers published for the full data, which takes hours without a GPU",
    command="vaelab reproduce --minutes 0 --seeds {seeds}",
    title="Published reconstruction errors, whose epochs are unknown, beside ours with the same network and learning "
    "rate, epoch by epoch",
    seeds="{} seeds: a line or dot each; the epochs of the published values are unknown",
)
def draw(n: Numbers) -> Drawing:
    lines, trained = published.lines(), reached(n)
    figure = plots.new_figure(7.0, 3.0)
    axes, dots = figure.subplots(1, 2, width_ratios=(5, 4))
    cycle = [plots.Q, plots.JS, plots.DUAL, plots.P, plots.MEAN, plots.REFERENCE]
    for row, (i, (values, _)) in enumerate(trained.items()):
        color = cycle[row % len(cycle)]
        for curve in n["curves"][i]:
            axes.plot(np.arange(1, len(curve) + 1), curve, color=color, linewidth=1)
        axes.axhline(lines[i].value, color=color, linestyle=":", linewidth=1)
        dots.plot([lines[i].value, values.mean()], [row, row], color=color, linewidth=0.8)
        dots.plot(lines[i].value, row, "o", color=color, markerfacecolor="white")
        dots.plot(values, [row] * len(values), "o", color=color)
    axes.set(xlabel="epoch", ylabel="squared error per test image", title="epoch by epoch; dotted: published")
    axes.set(xscale="log", yscale="log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")
    dots.set(
        yticks=range(len(trained)),
        yticklabels=[f"{title(lines[i])}\n{epoch} epochs" for i, (_, epoch) in trained.items()],
        ylim=(max(len(trained), 1) - 0.5, -0.5),
        xlabel="squared error per test image",
        title="open: published, full: ours",
    )
    return figure
