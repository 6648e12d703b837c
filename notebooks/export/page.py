"""One self-contained HTML file: style, the font of its equations and pictures are inside it."""

import base64
import html
import io
import re
from importlib.util import find_spec
from pathlib import Path

from fontTools import subset
from pygments.formatters import HtmlFormatter

from notebooks.export import cells, markdown
from notebooks.export.cells import Notebook

HERE = Path(__file__).parent
TAGS = re.compile(r"<[^>]*>")
# Letters that browsers draw though they are not written: a variable in italics (Latin, Greek, the h), and the root.
IMPLIED = "".join(map(chr, [*range(0x1D434, 0x1D468), *range(0x1D6E2, 0x1D71C), 0x210E, 0x221A]))


def page(notebook: Notebook) -> str:
    """Return a notebook as a page.

    Args:
        notebook: An executed notebook.

    Returns:
        The text of an HTML file.
    """
    body = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            body += markdown.blocks(cell.source)
        elif cell.cell_type == "code":
            if "hide-input" in cells.tags(cell):
                body.append(f"<details><summary>Code</summary>{cells.code(cell)}</details>")
            else:
                body.append(cells.code(cell))
            body += [f'<div class="output">{shown.html}</div>' for shown in cells.outputs(cell)]
    return document(title(notebook), f"<main>{''.join(body)}</main>", "page.css")


def title(notebook: Notebook) -> str:
    """Return the title of a notebook, such as `02 · From one KL to the other`."""
    return markdown.sections(notebook.cells[0].source)[0][1]


def document(name: str, body: str, *styles: str, script: str = "") -> str:
    """Return a complete HTML file.

    Args:
        name: Title of the window.
        body: Content.
        styles: Files of CSS in this folder.
        script: A script in this folder.

    Returns:
        The text of the file; nothing in it is loaded from elsewhere.
    """
    css = "\n".join((HERE / style).read_text(encoding="utf-8") for style in styles)
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{markdown.plain(name)}</title>",
        f"<style>{_font(body)}\n{_code_colors()}\n{css}</style>",
        f"</head><body>{body}",
        f"<script>{(HERE / script).read_text(encoding='utf-8')}</script>" if script else "",
        "</body></html>\n",
    ]
    return "\n".join(parts)


def _code_colors() -> str:
    light = HtmlFormatter(style="default").get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".highlight")
    return f"{light}\n@media screen and (prefers-color-scheme: dark) {{\n{dark}\n}}"


def _font(body: str) -> str:
    """Return the part of STIX Two Math that a page needs: without a font for equations, browsers misplace indices."""
    letters = html.unescape(TAGS.sub("", "".join(re.findall(r"<math.*?</math>", body, re.DOTALL))))
    if not letters:
        return ""
    options = subset.Options(flavor="woff", layout_features=["*"], notdef_outline=True)
    font = subset.load_font(str(_stix()), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=letters + IMPLIED)
    subsetter.subset(font)
    buffer = io.BytesIO()
    subset.save_font(font, buffer, options)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'@font-face {{ font-family: "Equations"; src: url(data:font/woff;base64,{data}) format("woff"); }}'


def _stix() -> Path:
    """Return the font file that ziamath ships; only its files are needed, so it is not imported."""
    package = find_spec("ziamath")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("the font of the equations is in the package ziamath: make setup installs it.")
    return Path(package.origin).parent / "fonts" / "STIXTwoMath-Regular.ttf"
