"""The frame around a panel: fonts for the projector, and a sentence where the kernel is gone."""

from collections.abc import Sequence

import ipywidgets as widgets

from vaelab.plots import Style

# The front end marks widgets whose kernel is gone; without a kernel no Python can say so, but a style sheet can.
SHEET = """<style>
.vaelab-talk {{ --jp-widgets-font-size: 20px; --jp-widgets-inline-height: 38px;
  --jp-widgets-inline-width: 420px; --jp-ui-font-size1: 20px; font-size: 20px; }}
.vaelab-panel {{ position: relative; overflow: visible; }}
.vaelab-panel .jupyter-widgets-disconnected::before {{ content: none; }}
.vaelab-panel.jupyter-widgets-disconnected::after, .vaelab-panel:has(> .jupyter-widgets-disconnected)::after {{
  content: "{gone}"; color: #b34700; font-weight: bold; padding: 0.4em 0; order: -1; }}
</style>"""
GONE = "The kernel was restarted: run this panel's cell again to go on."


def frame(children: Sequence[widgets.Widget], style: Style) -> widgets.VBox:
    """The children below one another; style="talk" enlarges every label, button and readout."""
    sheet = widgets.HTML(SHEET.format(gone=GONE), layout=widgets.Layout(height="0", margin="0", overflow="hidden"))
    box = widgets.VBox([sheet, *children])
    for name in ("vaelab-panel", *(("vaelab-talk",) if style == "talk" else ())):
        box.add_class(name)
    return box
