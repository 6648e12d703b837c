"""Panels drawn with matplotlib: one drawing function for the live picture and for the filmstrip.

A filmstrip shows a panel at a few values, for readers without a kernel.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from vaelab import plots
from vaelab.live.controls import Control
from vaelab.live.figure import DrawFunction, LiveFigure, Pixels, Scene, Values, png
from vaelab.live.panel import Panel, Readout, View
from vaelab.live.worker import drawing


@dataclass(frozen=True, kw_only=True)
class PanelSpec:
    """Everything that one panel adds to the common machinery.

    Args:
        draw: draw(figure, stacked=False) -> `Scene`; `stacked` puts the axes below one another, for
            one frame of the filmstrip.
        sizes: Width and height in inches, by style.
        controls: Sliders, switches and choices.
        presets: Values of some or all controls, by the label of their button.
        readout: Numbers and sentence for the values of the controls.
        frames: Values of the filmstrip's frames, by title.
        alt: Returns the alt text of the filmstrip; called once, when it is needed.
        caption: What to look for.
    """

    draw: Callable[..., Scene]
    sizes: Mapping[str, tuple[float, float]]
    controls: Sequence[Control]
    presets: Mapping[str, Mapping[str, Any]]
    readout: Callable[[Values], Readout]
    frames: Mapping[str, Values]
    alt: Callable[[], str]
    caption: str

    def build(self, style: plots.Style = "notebook") -> Panel:
        """Build the panel.

        Args:
            style: "notebook", "paper" or "talk".

        Returns:
            The panel at the start of its controls.

        Raises:
            InvalidValue: If the style is unknown, or a control starts outside its range.
        """
        width, height = plots.size_for(self.sizes, style)
        figure = LiveFigure(self.draw, width, height, style)
        parts = (self.readout, self.filmstrip, self.alt, self.caption)
        view = View(figure.preview, figure.size, *parts, final_picture=figure.render)
        return Panel(self.controls, view, self.presets, style)

    def filmstrip(self) -> bytes:
        """Return the filmstrip as PNG bytes."""
        return png(draw_filmstrip(partial(self.draw, stacked=True), self.frames), small=True)


def draw_filmstrip(draw: DrawFunction, frames: Mapping[str, Values], width: float = 9.6, height: float = 4.6) -> Pixels:
    """Draw a panel at several values side by side, in the `paper` style.

    Args:
        draw: Draws one frame on an empty figure and returns a `Scene`.
        frames: Values of each frame, by its title.
        width: Inches.
        height: Inches.

    Returns:
        [h, w, 3].
    """
    with drawing, plots.style("paper"):
        figure = plots.new_figure(width, height)
        figure.set_dpi(120)
        columns: Any = figure.subfigures(1, len(frames))
        for part, (title, values) in zip(columns, frames.items(), strict=True):
            draw(part).update(values)
            part.suptitle(title)
        canvas: Any = figure.canvas
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()
