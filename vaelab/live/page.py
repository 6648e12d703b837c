"""The style sheet and the script of the page, which every panel brings along; no front end needs an extension."""

import html
from functools import cache
from importlib.resources import files

from vaelab.live.outputs import FILMSTRIP, HIDE_FILMSTRIP

GONE = "The kernel was restarted or shut down: run this cell again."
SHUT_DOWN = '.jp-NotebookPanel:has(.jp-Notebook-ExecutionIndicator[data-status="unknown"])'
BUSY = "The kernel is busy with another cell: the picture may be late."
NOTICES = f"""
.vaelab-panel.jupyter-widgets-disconnected::after,
{SHUT_DOWN} .vaelab-panel::after {{ content: "{GONE}"; padding: 0.4em 0; order: -1; }}
body:has(.jp-Notebook-ExecutionIndicator[data-status="busy"])
  .vaelab-panel:not(.jupyter-widgets-disconnected)::after {{
  content: "{BUSY}"; max-height: 0; overflow: hidden; opacity: 0; animation: vaelab-late 0.2s 2s forwards; }}
{HIDE_FILMSTRIP}
{SHUT_DOWN} .jp-OutputArea-child:has(.{FILMSTRIP}) {{ display: flex !important; }}
"""


@cache
def page() -> str:
    """Return the HTML that a panel contains: its style, and an image that does not load and so runs the script.

    Front ends insert HTML without running its `<script>` elements, but they run the handlers of its events.
    """
    style, script = (files("vaelab.live").joinpath(f"page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    return f'<style>{style}{NOTICES}</style><img hidden alt="" src="data:," onerror="{html.escape(script)}">'
