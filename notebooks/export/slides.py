"""A presentation of a notebook: what is on which slide.

Without tags, each `## ` heading begins a slide and each `### ` heading a slide below it; text, pictures and
short outputs are shown; code, long outputs and verdicts are in the notes; exercises, the reader's predictions
and references are left out. Tags of a cell change that: `slide` and `subslide` begin one, `fragment` waits for a
key, `code` shows the code, `notes` moves the cell to the notes, `skip` leaves it out.

Slides too long for one screen continue on the next; the browser divides them, since only it knows the sizes.
"""

from dataclasses import dataclass, field

from notebooks.export import cells, markdown
from notebooks.export.cells import Cell, Notebook
from notebooks.export.page import document, title

LEFT_OUT = ("Exercises", "Your predictions", "References")
SHOWN_TAGS = {"slide", "subslide", "fragment", "code"}
LINES = 14  # of an output on a slide


@dataclass
class Slide:
    """One slide.

    Args:
        level: 1 for the first of a section, 2 for one below it.
        section: Title of the section.
        heading: Title of the slide itself, if it is below the first of the section.
        blocks: HTML of each piece of its content.
        notes: HTML of what only the speaker sees.
    """

    level: int
    section: str
    heading: str = ""
    blocks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def slides(notebook: Notebook) -> list[Slide]:
    """Divide an executed notebook into slides.

    Args:
        notebook: An executed notebook.

    Returns:
        The slides in order; the first has the title.
    """
    made: list[Slide] = []
    left_out = False
    for cell in notebook.cells:
        tags = cells.tags(cell)
        if cell.cell_type == "markdown":
            for number, (level, heading, body) in enumerate(markdown.sections(cell.source)):
                if level in (1, 2):
                    left_out = heading in LEFT_OUT
                if "skip" in tags or (left_out and not tags & SHOWN_TAGS):
                    continue
                if level in (1, 2):
                    made.append(Slide(1, heading))
                elif level == 3 or not made:
                    made.append(Slide(2, made[-1].section if made else "", heading))
                elif number == 0:
                    _begin(made, tags)
                _add(made[-1], markdown.blocks(body), tags)
        elif cell.cell_type == "code" and made and "skip" not in tags and not (left_out and not tags & SHOWN_TAGS):
            if made[-1].heading == "Predict" and "live.check(" in cell.source:
                made.append(Slide(2, made[-1].section, "Try"))  # the class answers before it sees the result
            _begin(made, tags)
            opening = len(made) == 1  # the setup prints what no audience needs
            _add_code(made[-1], cell, tags, lines=0 if opening else LINES)
    return _without_empty(made)


def _begin(made: list[Slide], tags: set[str]) -> None:
    """Begin a slide where a tag asks for one."""
    last = made[-1]
    if "slide" in tags:
        made.append(Slide(1, last.section))
    elif "subslide" in tags:
        made.append(Slide(2, last.section, last.heading))


def _add(slide: Slide, blocks: list[str], tags: set[str]) -> None:
    if "notes" in tags:
        slide.notes += blocks
    else:
        kind = "block fragment" if "fragment" in tags else "block"
        slide.blocks += [f'<div class="{kind}">{block}</div>' for block in blocks]


def _add_code(slide: Slide, cell: Cell, tags: set[str], lines: int) -> None:
    if "code" in tags:
        _add(slide, [cells.code(cell)], tags)
    else:
        slide.notes.append(cells.code(cell))
    for shown in cells.outputs(cell):
        hidden = shown.kind == "verdict" or shown.lines > lines
        _add(slide, [shown.html], tags | {"notes"} if hidden else tags)


def _without_empty(made: list[Slide]) -> list[Slide]:
    """Drop slides without content; their notes go to a slide beside them."""
    full: list[Slide] = []
    for slide in made:
        last = full[-1] if full else None
        if last and not last.blocks and last.level < slide.level:  # a section that begins with its question
            full[-1] = Slide(last.level, slide.section, slide.heading, slide.blocks, last.notes + slide.notes)
        elif last and not slide.blocks and slide.level == 2:
            last.notes += slide.notes
        else:
            full.append(slide)
    return full


def presentation(notebook: Notebook) -> str:
    """Return a notebook as a presentation.

    Args:
        notebook: An executed notebook.

    Returns:
        The text of an HTML file.
    """
    body = "".join(_section(slide) for slide in slides(notebook))
    return document(title(notebook), f"<main>{body}</main>", "page.css", "slides.css", script="slides.js")


def _section(slide: Slide) -> str:
    section, heading = _inline(slide.section), _inline(slide.heading)
    above = f'<p class="section">{section}</p><h3>{heading}</h3>' if heading else f"<h2>{section}</h2>"
    notes = f'<aside class="notes" hidden>{"".join(slide.notes)}</aside>' if slide.notes else ""
    return f'<section data-level="{slide.level}"><header>{above}</header>{"".join(slide.blocks)}{notes}</section>\n'


def _inline(title: str) -> str:
    """Return a title as HTML without a paragraph around it."""
    return "".join(markdown.blocks(title)).strip().removeprefix("<p>").removesuffix("</p>")
