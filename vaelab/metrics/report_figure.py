"""A report as a figure on one page."""

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import MaxNLocator

from vaelab import plots
from vaelab.metrics.activity import THRESHOLDS, active_units, activity_histogram
from vaelab.metrics.report_table import Report, TableRow, rows, short

SIZE = {"paper": (7.2, 6.4), "notebook": (10.5, 9.0), "talk": (18.0, 15.0)}


def draw(report: Report, style: plots.Style = "notebook") -> Drawing:
    """Draw a report.

    Args:
        report: The report.
        style: "paper", "notebook" or "talk".

    Returns:
        The figure.

    Raises:
        InvalidValue: For another style.
    """
    size = plots.size_for(SIZE, style)
    table = {row.name: row for row in rows(report)}
    with plots.style(style):
        figure = plots.new_figure(*size)
        heights = [1, 1, 0.9] if report.pictures else [1, 1]
        grid = figure.add_gridspec(len(heights), 3, height_ratios=heights)
        axes = [figure.add_subplot(grid[i, j]) for i in range(2) for j in range(3)]
        _likelihood(axes[0], table)
        _activity(axes[1], report)
        _law(axes[2], report)
        _information(axes[3], table)
        _probe(axes[4], table)
        _distances(axes[5], report)
        if report.pictures:
            images = np.stack([row.numpy() for row in report.pictures.values()])
            plots.image_grid(figure.add_subplot(grid[2, :]), images, list(report.pictures), gap=1)
        s = report.settings
        shift = f", rho = {table['rho'].value:.2g}, R = {table['r'].value:.3g} nats" if "rho" in table else ""
        figure.suptitle(f"{s['data']}: {s['latents']} latents, {s['test_images']} test images{shift}")
    return figure


def _likelihood(axes: Axes, table: dict[str, TableRow]) -> None:
    """Draw NLL below both negative ELBOs; without a density, cross-entropy and rate."""
    names = {"nll": "NLL", "elbo_nll_images": "-ELBO, same\nimages", "elbo_train": "-ELBO,\ntraining"}
    bars = {words: table[name] for name, words in names.items() if name in table}
    if not bars:
        bars = {"cross-entropy": table["distortion"], "rate": table["rate"]}
    for y, (row, color) in enumerate(zip(bars.values(), (plots.Q, plots.JS, plots.REFERENCE), strict=False)):
        nats = -row.value if row.name.startswith("elbo") else row.value
        axes.errorbar(nats, y, xerr=2 * row.error, fmt="o", color=color, capsize=2)
    axes.set_yticks(range(len(bars)), labels=list(bars))
    axes.set(ylim=(len(bars) - 0.5, -0.5), xlabel="nats per image, ± 2 errors", title="Likelihood: less is better")
    axes.margins(x=0.1)
    axes.xaxis.set_major_locator(MaxNLocator(4))


def _activity(axes: Axes, report: Report) -> None:
    edges, counts = activity_histogram(report.law.of_means)
    axes.stairs(counts.numpy(), edges.numpy(), fill=True, color=plots.Q)
    for threshold, line in zip(THRESHOLDS, ("--", ":"), strict=True):
        axes.axvline(np.log10(threshold), color="black", linewidth=0.8, linestyle=line, label=f"{threshold:g}")
    counts_above = " and ".join(str(active_units(report.law.of_means, threshold)) for threshold in THRESHOLDS)
    axes.set(
        title=f"Active of {len(report.law.of_means)} latents: {counts_above}",
        xlabel="log10 of the variance of the means",
        ylabel="latents",
        xlim=(float(edges[0]), float(edges[-1])),
    )
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="best", title="threshold")


def _law(axes: Axes, report: Report) -> None:
    law = report.law
    order = law.of_means.argsort(descending=True)
    x = np.arange(1, len(order) + 1)
    means, noise = law.of_means[order].numpy(), law.of_noise[order].numpy()
    axes.bar(x, means, 0.85, color=plots.Q, label="of the means")
    axes.bar(x, noise, 0.85, bottom=means, color=plots.JS, label="of the noise")
    if report.to_prior:
        axes.axhline(1, color="black", linewidth=0.8, linestyle="--", label="the law: 1")
    axes.set(title="Variance of Q(z)", xlabel="latent, sorted", ylabel="variance")
    axes.set_ylim(0, 1.6 * max(1, float((means + noise).max())))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.legend(loc="upper right")


def _information(axes: Axes, table: dict[str, TableRow]) -> None:
    names = {"rate": "rate", "information": "infor-\nmation", "kl_to_prior": "KL(Q‖p)"}
    bars = {words: table[name] for name, words in names.items() if name in table}
    values, errors = [row.value for row in bars.values()], [2 * row.error for row in bars.values()]
    colors = [plots.REFERENCE, plots.Q, plots.P][: len(bars)]
    axes.bar(range(len(bars)), values, 0.6, yerr=errors, color=colors, capsize=2)
    axes.set_xticks(range(len(bars)), labels=list(bars))
    ceiling = table["information_ceiling"].value
    axes.axhline(ceiling, color="black", linewidth=0.8, linestyle="--", label=f"ceiling: {ceiling:.2f}")
    title = "Rate = information + KL(Q‖p)" if len(bars) == 3 else "Rate and information"
    axes.set(title=title, ylabel="nats", ylim=(0, 1.3 * max(*values, ceiling)))
    axes.legend(loc="upper right")


def _probe(axes: Axes, table: dict[str, TableRow]) -> None:
    axes.set_title("Linear probe: accuracy")
    if "probe_all" not in table:
        return _nothing(axes, "see the note on labels")
    probes = [which for which in ("small", "all") if f"probe_{which}" in table]
    kinds = ("", "test images", plots.Q, -0.2), ("_transformed", "transformed", plots.JS, 0.2)
    for kind, name, color, shift in kinds:
        bars = [table[f"probe_{which}{kind}"] for which in probes if f"probe_{which}{kind}" in table]
        if bars:
            values, errors = [row.value for row in bars], [2 * row.error for row in bars]
            axes.bar(np.arange(len(bars)) + shift, values, 0.38, yerr=errors, color=color, label=name, capsize=2)
    chance = table["probe_chance"].value
    axes.axhline(chance, color="black", linewidth=0.8, linestyle="--", label=f"one class, {chance:.2f}")
    labels = [table[f"probe_{which}"].description.split(",")[0] for which in probes]
    axes.set_xticks(range(len(probes)), labels=labels)
    axes.set(ylim=(0, 1.45), yticks=np.linspace(0, 1, 6))
    axes.legend(loc="upper right", ncols=1)


def _distances(axes: Axes, report: Report) -> None:
    axes.set_title("Fréchet distance")
    if not report.distances:
        return _nothing(axes, "no classifier for these images")
    names, values = list(report.distances), list(report.distances.values())
    colors = [plots.REFERENCE, plots.Q, plots.P, *[plots.DUAL] * len(names)][: len(names)]
    axes.barh(range(len(names)), values, 0.6, color=colors)
    axes.set_yticks(range(len(names)), labels=[textwrap.fill(name, 15) for name in names])
    for y, value in enumerate(values):
        axes.annotate(short(value, 3), (value, y), (3, 0), textcoords="offset points", va="center")
    axes.set(ylim=(len(names) - 0.5, -0.5), xlabel="by classifier, to test images", xlim=(0, 1.35 * max(values)))
    axes.xaxis.set_major_locator(MaxNLocator(4))


def _nothing(axes: Axes, why: str) -> None:
    axes.text(0.5, 0.5, f"not measured:\n{why}", ha="center", va="center", transform=axes.transAxes)
    axes.set(xticks=[], yticks=[])
