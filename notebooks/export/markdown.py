"""Markdown with equations -> HTML with MathML, which browsers draw without any script.

Equations are taken out before Markdown is read and put back afterwards, as JupyterLab does: in a table,
Markdown would take the bar of `\\|` for the border of a cell.
"""

import html
import re
from functools import cache

import math_core
from markdown_it import MarkdownIt
from markdown_it.token import Token

# Code, in which a dollar is a dollar; a dollar with a backslash; $$ ... $$; $ ... $ without an empty line.
PARTS = re.compile(r"(```.*?```|`[^`\n]+`|\\\$)|\$\$(.+?)\$\$|\$((?:(?!\n\s*\n)[^$])+)\$", re.DOTALL)
SLOT = re.compile("\ue000(\\d+)\ue001")  # characters that no notebook uses
NOTEBOOK_LINK = re.compile(r'(<a href="(?!\w+:)[^"]*)\.ipynb')
HEADING = re.compile(r"^(#{1,6}) ", re.MULTILINE)


@cache
def _converter() -> math_core.LatexToMathML:
    return math_core.LatexToMathML(fancy_error=False, annotation=True)


def mathml(latex: str, *, display: bool) -> str:
    """Convert one equation.

    Args:
        latex: Without dollars.
        display: Whether it stands on a line of its own.

    Returns:
        A `<math>` element that carries its LaTeX as an annotation.

    Raises:
        ValueError: If a command is not known, so that no equation is exported half.

    Example:
        >>> mathml("x^2", display=False)[:6]
        '<math>'
    """
    numbered = rf"\begin{{equation}}{latex}\end{{equation}}" if r"\tag" in latex else latex
    try:
        return _converter().convert_with_local_state(numbered, displaystyle=display)
    except math_core.LatexError as error:
        raise ValueError(f"equations must be known to math-core, got {latex!r}: {error}") from error


def blocks(text: str) -> list[str]:
    """Return the HTML of each paragraph, heading, list and table of a Markdown text.

    Args:
        text: Markdown with equations between dollars.

    Returns:
        One piece of HTML for each block; links to notebooks lead to the pages made from them.
    """
    equations: list[str] = []

    def take(match: re.Match[str]) -> str:
        code, displayed, inline = match.groups()
        if code:
            return code
        equations.append(mathml(displayed or inline, display=bool(displayed)))
        return f"\ue000{len(equations) - 1}\ue001"

    markdown = MarkdownIt("commonmark").enable("table")
    tokens = markdown.parse(PARTS.sub(take, text))
    pieces = [markdown.renderer.render(group, markdown.options, {}) for group in _groups(tokens)]
    filled = [SLOT.sub(lambda match: equations[int(match[1])], piece) for piece in pieces]
    return [NOTEBOOK_LINK.sub(r"\1.html", piece) for piece in filled]


def _groups(tokens: list[Token]) -> list[list[Token]]:
    """Split the tokens of a text into those of its outermost blocks."""
    groups: list[list[Token]] = []
    depth = 0
    for token in tokens:
        if depth == 0:
            groups.append([])
        groups[-1].append(token)
        depth += token.nesting
    return groups


def sections(text: str) -> list[tuple[int, str, str]]:
    """Split a text at its headings.

    Args:
        text: Markdown.

    Returns:
        (level, title, body) of each; what precedes the first heading has level 0 and no title.
    """
    text = text.strip()
    starts = [match.start() for match in HEADING.finditer(re.sub(r"```.*?```", _blank, text, flags=re.DOTALL))]
    parts = [text[a:b].strip() for a, b in zip([0, *starts], [*starts, None], strict=True) if text[a:b].strip()]
    result = []
    for part in parts:
        first, _, rest = part.partition("\n")
        heading = HEADING.match(first)
        result.append((len(heading[1]), first[heading.end() :].strip(), rest.strip()) if heading else (0, "", part))
    return result


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def plain(title: str) -> str:
    """Return a title as text for an attribute or a window, without marks of Markdown and dollars."""
    return html.escape(re.sub(r"[*`$\\]", "", title))
