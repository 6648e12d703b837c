"""gjs-reproduction: the published values beside ours, at the published settings, as far as the training has come."""

import numpy as np
from matplotlib.figure import Figure as Drawing

from figures.gjs import figure, published
from figures.gjs.long_trainings import FIRST, compute_reproduction, title
from figures.table import Row
from vaelab import plots
from vaelab.runs.store import Numbers


def reached(n: Numbers) -> dict[int, tuple[np.ndarray, int]]:
    """Per line that was trained: its values over seeds [s] after the last epoch that all of these have, and that
    epoch."""
    found = {}
    for i, curves in enumerate(n["curves"]):
        trained = curves[~np.isnan(curves[:, 0])]
        if len(trained):
            epoch = int((~np.isnan(trained)).sum(1).min())
            found[i] = trained[:, epoch - 1], epoch
    return found


def furthest(n: Numbers, i: int) -> tuple[float, int]:
    """The value of the seed of a line that was trained longest, and its epochs."""
    counts = (~np.isnan(n["curves"][i])).sum(1)
    seed = int(counts.argmax())
    return float(n["curves"][i, seed, counts[seed] - 1]), int(counts[seed])


def rows(n: Numbers) -> list[Row]:
    lines, found = published.lines(), reached(n)
    baselines = {line.data: i for i, line in enumerate(lines) if line.name == published.KL}
    table: list[Row] = []
    for i, line in enumerate(lines):
        row: Row = {
            "table": line.table,
            "data": line.data,
            "line": line.name,
            "alpha": "" if line.alpha is None else line.alpha,
            "published": line.value,
            "published_below_vae": _yes(line.value < lines[baselines[line.data]].value),
        }
        measured: Row = dict.fromkeys(("ours", "spread", "seeds", "epochs", "difference_percent"), "")
        longest: Row = {"furthest": "", "furthest_epochs": ""}
        side: Row = {"ours_below_vae": "", "same_side": ""}
        if i in found:
            values, epoch = found[i]
            mean = float(values.mean())
            percent = 100 * (mean / line.value - 1)
            spread = float(np.ptp(values)) if len(values) > 1 else ""
            measured = dict(zip(measured, (mean, spread, len(values), epoch, percent), strict=True))
            longest = dict(zip(longest, furthest(n, i), strict=True))
            baseline = _at(n, baselines[line.data], epoch)
            if i != baselines[line.data] and baseline is not None:
                below = mean < baseline
                side = {"ours_below_vae": _yes(below), "same_side": _yes(_yes(below) == row["published_below_vae"])}
        table.append({**row, **measured, **longest, **side})
    return table


def _at(n: Numbers, i: int, epoch: int) -> float | None:
    """The mean over seeds of a line after this very epoch, or None where it has not come so far."""
    column = n["curves"][i, :, epoch - 1]
    column = column[~np.isnan(column)]
    return float(column.mean()) if len(column) else None


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def alt(n: Numbers) -> str:
    lines, found = published.lines(), reached(n)
    told = [
        f"{title(lines[i])} published {lines[i].value:.2f}, here {values.mean():.2f} after {epoch} epochs "
        f"({len(values)} seed{'s' if len(values) > 1 else ''}), {furthest(n, i)[0]:.2f} after {furthest(n, i)[1]}"
        for i, (values, epoch) in found.items()
    ]
    rest = len(lines) - len(found)
    return (
        f"Published and reproduced test reconstruction: {'; '.join(told) or 'none yet'}. {rest} lines not trained yet."
    )


@figure(
    "gjs-reproduction",
    compute_reproduction,
    rows,
    alt,
    title="Published reconstruction errors beside ours at the published settings, and the way there, epoch by epoch",
    full={"lines": list(FIRST), "seeds": 3},
    why_no_quick_preset="it compares with numbers published for the full data, which takes hours without a GPU",
    command="vaelab reproduce --minutes 0 --seeds {seeds}",
)
def draw(n: Numbers) -> Drawing:
    lines, found = published.lines(), reached(n)
    figure = plots.new_figure(7.0, 3.0)
    axes, dots = figure.subplots(1, 2, width_ratios=(5, 4))
    cycle = [plots.Q, plots.JS, plots.DUAL, plots.P, plots.MEAN, plots.REFERENCE]
    for row, (i, (values, _)) in enumerate(found.items()):
        color = cycle[row % len(cycle)]
        for curve_ in n["curves"][i]:
            axes.plot(np.arange(1, len(curve_) + 1), curve_, color=color, linewidth=1)
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
        yticks=range(len(found)),
        yticklabels=[f"{title(lines[i])}\n{epoch} epochs" for i, (_, epoch) in found.items()],
        ylim=(max(len(found), 1) - 0.5, -0.5),
        xlabel="squared error per test image",
        title="open: published, full: ours",
    )
    return figure
