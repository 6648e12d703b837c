"""The film-strip: a slider's story in a few frames, drawn by the same function, for whoever has no kernel."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from vaelab import plots
from vaelab.live.figure import Draw, Values
from vaelab.live.images import Pixels
from vaelab.live.worker import drawing


def film_strip(
    draw: Draw, frames: Sequence[Values], titles: Sequence[str], width: float = 9.6, height: float = 4.6
) -> Pixels:
    """One column per frame: [h, w, 3].  width, height: inches; in the small print of the `paper` style."""
    with drawing, plots.style("paper"):
        figure = plots.new_figure(width, height)
        figure.set_dpi(120)
        columns: Any = figure.subfigures(1, len(frames))
        for part, values, title in zip(columns, frames, titles, strict=True):
            draw(part).update(values)
            part.suptitle(title)
        canvas = figure.canvas
        assert isinstance(canvas, FigureCanvasAgg)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()
