"""Problem sets and their solutions, from the section Exercises of a notebook."""

import re
from dataclasses import dataclass, field

from notebooks.export import cells, markdown
from notebooks.export.cells import Cell, Notebook
from notebooks.export.page import document, title

NUMBER = re.compile(r"^(?=\*\*\d+\.\*\*)", re.MULTILINE)
ANSWER = re.compile(r"^(\w+(?:, \w+)*) = .*# your \w+[,:]? ?(.*)$", re.MULTILINE)


@dataclass
class Exercise:
    """One exercise.

    Args:
        text: Markdown.
        code: The cells that belong to it.
        explanation: Markdown that follows its check, and so belongs to the solution.
    """

    text: str
    code: list[Cell] = field(default_factory=list)
    explanation: str = ""

    def add(self, text: str) -> None:
        """Add a paragraph that follows."""
        if any("live.check(" in cell.source for cell in self.code):
            self.explanation += f"\n\n{text}"
        else:
            self.text += f"\n\n{text}"


def collect(notebook: Notebook) -> list[Exercise]:
    """Return the exercises of a notebook, in order."""
    found: list[Exercise] = []
    inside = False
    for cell in notebook.cells:
        if cell.cell_type == "code" and inside and found:
            found[-1].code.append(cell)
        if cell.cell_type != "markdown":
            continue
        for level, heading, body in markdown.sections(cell.source):
            if level in (1, 2):
                inside = heading == "Exercises"
            if inside:
                for text in filter(None, map(str.strip, NUMBER.split(body))):
                    if NUMBER.match(text) or not found:
                        found.append(Exercise(text))
                    else:
                        found[-1].add(text)
    return found


def problems(notebook: Notebook) -> str:
    """Return the problem set of a notebook: texts and what kind of answer is wanted, without code or outputs."""
    body = [f"<h1>{_heading(notebook)}: problems</h1>", '<p class="name">Name: <span class="line"></span></p>']
    for exercise in collect(notebook):
        blanks = "".join(_blank(name, kind) for name, kind in answers(exercise)) or '<div class="space"></div>'
        body.append(f"<article>{''.join(markdown.blocks(exercise.text))}{blanks}</article>")
    return document(f"{title(notebook)}: problems", f"<main>{''.join(body)}</main>", "page.css", "exercises.css")


def solutions(notebook: Notebook) -> str:
    """Return the solutions: texts, code and outputs of the executed notebook, and the hints of its checks."""
    body = [f"<h1>{_heading(notebook)}: solutions</h1>"]
    for exercise in collect(notebook):
        shown = [
            cells.code(cell)
            + "".join(f'<div class="output">{o.html}</div>' for o in cells.outputs(cell) if o.kind != "verdict")
            for cell in exercise.code
        ]
        text, explanation = ("".join(markdown.blocks(part)) for part in (exercise.text, exercise.explanation))
        body.append(f"<article>{text}{''.join(shown)}{explanation}</article>")
    return document(f"{title(notebook)}: solutions", f"<main>{''.join(body)}</main>", "page.css", "exercises.css")


def answers(exercise: Exercise) -> list[tuple[str, str]]:
    """Return the name and the kind of each answer that an exercise asks for.

    Args:
        exercise: An exercise, whose code marks answers with a comment `# your answer, a number`.

    Returns:
        Pairs such as ("factor", "a number").
    """
    found = [match for cell in exercise.code for match in ANSWER.finditer(cell.source)]
    return [(name, match[2]) for match in found for name in match[1].split(", ")]


def _blank(name: str, kind: str) -> str:
    note = f" ({markdown.plain(kind)})" if kind else ""
    return f'<p class="answer"><code>{name}</code> = <span class="line"></span>{note}</p>'


def _heading(notebook: Notebook) -> str:
    return "".join(markdown.blocks(title(notebook))).strip().removeprefix("<p>").removesuffix("</p>")
