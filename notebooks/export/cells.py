"""Cells of an executed notebook -> HTML: code in color, text, pictures with alt text and caption."""

import html
from typing import Any, NamedTuple

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from notebooks import copies

Notebook = Any  # nbformat's NotebookNode, a dict with attributes
Cell = Any
Output = Any


class Shown(NamedTuple):
    """What a cell shows.

    Args:
        kind: "text", "picture" or "verdict".
        html: The output; a picture comes with its caption.
        lines: Number of lines of a text.
    """

    kind: str
    html: str
    lines: int = 0


def tags(cell: Cell) -> set[str]:
    """Return the tags of a cell."""
    return set(cell.metadata.get("tags", ()))


def code(cell: Cell) -> str:
    """Return the code of a cell in color, without the lines that enclose its solutions."""
    source = "\n".join(line for line in cell.source.split("\n") if line.strip() not in (copies.BEGIN, copies.END))
    return f'<div class="code">{highlight(source, PythonLexer(), HtmlFormatter())}</div>'


def outputs(cell: Cell) -> list[Shown]:
    """Return what a code cell shows, in order.

    Args:
        cell: A cell of an executed notebook; others show nothing.

    Returns:
        Texts, pictures with their captions, and verdicts of `live.check`.
    """
    shown: list[Shown] = []
    for output in cell.get("outputs", ()):
        item = _output(output, checks="live.check(" in cell.source)
        last = shown[-1] if shown else None
        if last and last.kind == "picture" and item.html.startswith("<p") and "<em>" in item.html:
            caption = f"<figcaption>{item.html}</figcaption>"
            shown[-1] = last._replace(html=last.html.replace("</figure>", f"{caption}</figure>"))
        else:
            shown.append(item)
    return shown


def _output(output: Output, *, checks: bool) -> Shown:
    if output.output_type == "stream":
        return _text(output.text)
    data = output.get("data", {})
    if "image/png" in data and "<img" not in data.get("text/html", ""):
        alt = html.escape(output.metadata.get("image/png", {}).get("alt", data.get("text/plain", "")))
        return Shown("picture", f'<figure><img alt="{alt}" src="data:image/png;base64,{data["image/png"]}"></figure>')
    if "text/html" in data:
        if "<img" in data["text/html"]:
            return Shown("picture", f"<figure>{data['text/html']}</figure>")
        return Shown("verdict" if checks and output.output_type == "execute_result" else "text", data["text/html"])
    return _text(data.get("text/plain", ""))


def _text(text: str) -> Shown:
    return Shown("text", f"<pre>{html.escape(text.rstrip())}</pre>", text.rstrip().count("\n") + 1)
