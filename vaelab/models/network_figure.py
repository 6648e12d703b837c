"""A picture of a hierarchy, drawn from the model itself."""

from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.patches import FancyBboxPatch

from vaelab import plots
from vaelab._utils.typed import typed
from vaelab.models.hierarchical import Group, Hierarchy

BOX = (1.6, 0.66)  # width and height; the unit is the distance of two rows
UP, DOWN = 0.0, 3.4  # of the two columns


class _Row(NamedTuple):
    """One group: what is written in its box, and its side."""

    label: str
    side: int


@typed
def network_figure(model: Hierarchy, *, style: plots.Style = "notebook", dark: bool = False) -> Any:
    """Draw the path upward through the features of every scale, and the path downward through the groups.

    Blue arrows carry what the image says, to the posteriors; red ones are the generative path, along
    which each group's prior depends on the groups before.

    Args:
        model: The model; numbers of latents, sides and channels are read from it.
        style: "notebook", "paper" or "talk".
        dark: Whether the page is dark.

    Returns:
        A matplotlib figure.

    Example:
        >>> figure = network_figure(Hierarchy((1, 8, 8), groups=((2, 1), (4, 2)), latent=3, width=8))
        >>> [text.get_text() for text in figure.axes[0].texts if "latents" in text.get_text()][0]
        'group 1: 12 latents\\n3 × 2 × 2'
    """
    rows, sides = _rows(model), sorted(set(model.sides))
    n = len(rows)
    with plots.style(style, dark=dark):
        size = mpl.rcParams["font.size"] / 10
        figure = plots.new_figure(6.4 * size, 0.66 * size * (n + 1.4))
        ax = figure.subplots()
        ax.set(xlim=(UP - 1.2, DOWN + 1.4), ylim=(-0.6, n + 0.8))
        ax.set_axis_off()
        colors = plots.palette()
        image = " × ".join(map(str, model.shape))
        _box(ax, UP, 0, f"image x\n{image}", colors.Q)
        _box(ax, DOWN, 0, f"p(x|z)\n{image}", colors.P)
        heights = {}
        below = 0.0
        for side in reversed(sides):  # upward: fine to coarse
            of_scale = [n - k for k, row in enumerate(rows) if row.side == side]
            heights[side] = sum(of_scale) / len(of_scale)
            _box(ax, UP, heights[side], f"features\n{model.start.shape[1]} × {side} × {side}", colors.Q)
            _arrow(ax, (UP, below + BOX[1] / 2), (UP, heights[side] - BOX[1] / 2), colors.Q)
            below = heights[side]
        for k, row in enumerate(rows):
            y = float(n - k)
            _box(ax, DOWN, y, row.label, colors.P)
            start = (UP + BOX[0] / 2, heights[row.side])
            _arrow(ax, start, (DOWN - BOX[0] / 2, y), colors.Q)
            _arrow(ax, (DOWN, y - BOX[1] / 2), (DOWN, y - 1 + BOX[1] / 2), colors.P)
        ax.text(UP, n + 0.55, "upward: features", ha="center", va="center", color=colors.Q)
        ax.text(DOWN, n + 0.55, "downward: latents", ha="center", va="center", color=colors.P)
    return figure


@typed
def describe_network(model: Hierarchy) -> str:
    """Return an alternative text for `network_figure`, with its numbers.

    Args:
        model: The model.

    Returns:
        One sentence.

    Example:
        >>> describe_network(Hierarchy((1, 8, 8), groups=((2, 1), (4, 2)), latent=3, width=8))[-61:].strip()
        '1 of 2 × 2 with 12 latents, 2 of 4 × 4 with 48 latents each.'
    """
    scales = []
    for side in sorted(set(model.sides)):
        size, count = model.sizes[model.sides.index(side)], model.sides.count(side)
        scales.append(f"{count} of {side} × {side} with {size} latents{' each' if count > 1 else ''}")
    return (
        f"Network of a hierarchical VAE: upward, features of {' × '.join(map(str, model.shape))} images; downward, "
        f"coarse to fine, {model.groups} groups with {model.latent} latents in all: {', '.join(scales)}."
    )


def _rows(model: Hierarchy) -> list[_Row]:
    rows = []
    for k, (group, side) in enumerate(zip(model.levels, model.sides, strict=True), 1):
        assert isinstance(group, Group)
        rows.append(_Row(f"group {k}: {group.size} latents\n{' × '.join(map(str, group.shape))}", side))
    return rows


def _box(ax: Any, x: float, y: float, label: str, color: Any) -> None:
    width, height = BOX
    corner, shape = (x - width / 2, y - height / 2), "round,pad=0,rounding_size=0.08"
    ax.add_patch(FancyBboxPatch(corner, width, height, boxstyle=shape, facecolor="none", edgecolor=color))
    ax.text(x, y, label, ha="center", va="center", fontsize="small")


def _arrow(ax: Any, start: tuple[float, float], end: tuple[float, float], color: Any) -> None:
    ax.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": color, "shrinkA": 0, "shrinkB": 0})
