"""The frame around a panel: fonts for the projector, and a sentence where the kernel is gone."""

from collections.abc import Sequence

import ipywidgets as widgets

from vaelab.plots import Style

# The front end knows when a kernel is gone or busy; Python then says nothing, but a style sheet can.
GONE = "The kernel was restarted: run this panel's cell again to go on."
BUSY = "The kernel is busy with another cell: the picture may follow late."
SHEET = f"""<style>
.vaelab-talk {{ --jp-widgets-font-size: 20px; --jp-widgets-inline-height: 38px; --jp-ui-font-size1: 20px;
  font-size: 20px; }}
.vaelab-panel {{ position: relative; overflow: visible; }}
.vaelab-panel::after {{ color: #b34700; font-weight: bold; background: white; }}
.vaelab-panel.jupyter-widgets-disconnected::after {{ content: "{GONE}"; padding: 0.4em 0; order: -1; }}
body:has(.jp-Notebook-ExecutionIndicator[data-status="busy"])
  .vaelab-panel:not(.jupyter-widgets-disconnected)::after {{
  content: "{BUSY}"; position: absolute; top: 0; right: 0; opacity: 0; animation: vaelab-late 0.2s 2s forwards; }}
@keyframes vaelab-late {{ to {{ opacity: 1; }} }}
</style>"""


def frame(children: Sequence[widgets.Widget], style: Style) -> widgets.VBox:
    """The children below one another; style="talk" enlarges every label, button and readout."""
    sheet = widgets.HTML(SHEET, layout=widgets.Layout(height="0", margin="0", overflow="hidden"))
    box = widgets.VBox([sheet, *children])
    for name in ("vaelab-panel", *(("vaelab-talk",) if style == "talk" else ())):
        box.add_class(name)
    return box
