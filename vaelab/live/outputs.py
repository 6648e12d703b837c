"""The outputs of a cell: a panel's widget, a picture with its alt text, a caption.

A picture is an output of its own, as `<img>` with alt text, which every front end and `nbconvert` show
first, and as PNG for PDF export and for readers that drop HTML.  A panel's filmstrip is hidden by CSS of
the panel itself, so only where a live panel stands before it.
"""

import base64
import html
from typing import Any

import IPython.display

WIDGET = "application/vnd.jupyter.widget-view+json"
FILMSTRIP = "vaelab-filmstrip"
# What holds one output: in JupyterLab and Notebook 7, in the classic notebook, in Colab, in VS Code.
OUTPUTS = (".jp-OutputArea-child", ".output_area", '[class*="output-id-"]', ".output_container")


# A page exported with its widgets (body.jp-Notebook) has sliders, but no kernel. Between a panel and its
# filmstrip there may be other outputs, such as warnings.
HIDE_FILMSTRIP = ",\n".join(
    f"body:not(.jp-Notebook) {o}:has(.vaelab-panel:not(.jupyter-widgets-disconnected)) ~ {o}:has(.{FILMSTRIP})"
    for o in OUTPUTS
)
HIDE_FILMSTRIP += " { display: none; }"
# JupyterLab writes "model not found" in place of a widget whose kernel is gone.
HIDE_DEAD_WIDGET = (
    ".jp-OutputArea-child:has(> .jupyter-widgets):not(:has(.jupyter-widgets *))"
    f":has(+ .jp-OutputArea-child .{FILMSTRIP}) {{ display: none; }}"
)


def show_widget(model: str) -> None:
    """Display a widget."""
    view = {"version_major": 2, "version_minor": 0, "model_id": model}  # ipywidgets 7 has no bundle of its own
    _display({WIDGET: view, "text/plain": "Run this cell for the sliders."})


def show_picture(png: bytes, alt: str, *, filmstrip: bool = False) -> None:
    """Display a picture with its alt text; a filmstrip is hidden while its panel is live."""
    data, kind = base64.b64encode(png).decode(), f' class="{FILMSTRIP}"' if filmstrip else ""
    image = f'<img{kind} alt="{html.escape(alt)}" src="data:image/png;base64,{data}">'
    style = f"<style>{HIDE_DEAD_WIDGET}</style>" if filmstrip else ""
    _display({"text/plain": alt, "text/html": style + image, "image/png": data}, {"image/png": {"alt": alt}})


def show_sentence(sentence: str, kind: str = "") -> None:
    """Display a sentence in italics: a caption, or the reason why there is no picture."""
    mark = f' class="{kind}"' if kind else ""
    _display({"text/html": f"<p{mark}><em>{html.escape(sentence)}</em></p>", "text/plain": sentence})


def _display(data: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
    IPython.display.display(data, metadata=metadata or {}, raw=True)
