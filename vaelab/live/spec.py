"""The declaration of a panel: its controls, its picture and its texts."""

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from vaelab import plots
from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import check_fields, typed
from vaelab.live.control_panel import Presets, Unused
from vaelab.live.controls import Control
from vaelab.live.figure import LiveFigure, Picture, Scene, Values, draw_filmstrip, png
from vaelab.live.process import Process


class Readout(NamedTuple):
    """Numbers and one sentence that describe a picture.

    Args:
        rows: Pairs of label and formatted number.
        sentence: What the picture shows.

    Example:
        >>> Readout([("KL", "0.5 nats")], "q is wider than p.").rows
        [('KL', '0.5 nats')]
    """

    rows: Sequence[tuple[str, str]]
    sentence: str

    def html(self) -> str:
        """Return the numbers on one wrapping line, and the sentence below it."""
        cells = [f"{html.escape(label)} <b>{html.escape(value)}</b>" for label, value in self.rows]
        spans = "".join(f"<span style='margin-right:2em;white-space:nowrap'>{cell}</span> " for cell in cells)
        return f"<div style='line-height:1.5'>{spans}<br>{html.escape(self.sentence)}</div>"


@dataclass(frozen=True, kw_only=True)
class PanelSpec:
    """The declaration of a panel: everything that it adds to the common machinery.

    The picture is drawn by matplotlib (`draw`, `sizes`, `frames`), or made of pixels (`picture`, `filmstrip`).

    Args:
        controls: Sliders, switches and choices.
        presets: Values of some or all controls, or a function that returns them, by the label of their button.
        readout: Numbers and sentence for the values of the controls.
        alt: alt(values) -> what the live picture shows, in one or two sentences with numbers.
        filmstrip_alt: Returns the alt text of the filmstrip; called once, when it is needed.
        caption: What is drawn, and what to look for.
        still: What the saved caption adds to it, for readers without a kernel.
        draw: draw(figure, stacked=False) -> `Scene`; `stacked` puts the axes below one another, for
            one frame of the filmstrip.
        sizes: Width and height in inches, by style.
        frames: Values of the filmstrip's frames by title, or a function that returns them.
        filmstrip_size: Width and height in inches.
        picture: picture(style, dark) -> `Picture`.
        filmstrip: Returns the filmstrip as PNG bytes.
        unused: unused(values) -> why a control has no effect at some values, by its name.
        prepare: prepare(check): slow work that the first picture needs; done in the background, with the panel on
            the page. It calls check() between its steps, which raises an error once the panel is closed.
        process: process(panel) -> what runs behind the panel. It makes the values of the picture.
    """

    controls: Sequence[Control]
    presets: Presets
    readout: Callable[[Values], Readout]
    alt: Callable[[Values], str]
    filmstrip_alt: Callable[[], str]
    caption: str
    still: str = "Run the cell for the sliders."
    draw: Callable[..., Scene] | None = None
    sizes: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    frames: Mapping[str, Values] | Callable[[], Mapping[str, Values]] = field(default_factory=dict)
    filmstrip_size: tuple[float, float] = (9.6, 4.6)
    picture: Callable[..., Picture] | None = None
    filmstrip: Callable[[], bytes] | None = None
    unused: Unused | None = None
    prepare: Callable[[Callable[[], None]], Any] | None = None
    process: Callable[..., Process] | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        if (self.draw is None) == (self.picture is None) or (self.picture is None) != (self.filmstrip is None):
            raise InvalidValue(
                "picture must be given with filmstrip, in place of draw and frames, got neither or both."
            )

    @typed
    def open_picture(self, style: plots.Style, dark: bool = False) -> Picture:
        """Return the picture, in one of the styles."""
        if self.draw is None:
            assert self.picture is not None
            return self.picture(style, dark)
        width, height = plots.size_for(self.sizes, style)
        return LiveFigure(self.draw, width, height, style, dark=dark)

    def draw_filmstrip(self) -> bytes:
        """Return the filmstrip as PNG bytes."""
        if self.draw is None:
            assert self.filmstrip is not None
            return self.filmstrip()
        frames = self.frames() if callable(self.frames) else self.frames
        return png(draw_filmstrip(partial(self.draw, stacked=True), frames, *self.filmstrip_size), small=True)
