"""Pages, slides and problem sets: complete in one file, every equation drawn, no solution in a problem set."""

import base64
import html
import io
import json
import re
from html.parser import HTMLParser

import nbformat
import pytest
from fontTools.ttLib import TTFont
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from notebooks import build
from notebooks.export import __main__ as command
from notebooks.export import exercises, markdown, page, slides

SOURCES = {source.stem: source for source in build.sources()}
each_notebook = pytest.mark.parametrize("name", list(SOURCES))
PICTURE = '<img alt="what is seen" src="data:image/png;base64,AAAA">'


class Elements(HTMLParser):
    """Everything that a file loads, its pictures, and its visible text."""

    def __init__(self, text):
        super().__init__()
        self.loaded, self.pictures, self.text, self.inside = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag in ("style", "script"):
            self.inside.append(tag)
        links = ("href",) if tag in ("link", "use", "base") else ()
        names = ("src", "srcset", "data", "poster", "xlink:href", *links)
        self.loaded += [(tag, attributes[name]) for name in names if name in attributes]
        if tag == "img":
            self.pictures.append(attributes)

    def handle_endtag(self, tag):
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data):
        if not self.inside:
            self.text.append(data)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The text of every file of every kind, by kind and name."""
    folder = tmp_path_factory.mktemp("exported")
    written = {kind: command.export(kind, build.sources(), folder / kind) for kind in command.KINDS}
    return {(kind, path.stem): path.read_text(encoding="utf-8") for kind, paths in written.items() for path in paths}


def executed(name):
    return nbformat.read(build.target(SOURCES[name]), as_version=4)


# -- every file


def test_no_file_loads_anything(exported):
    assert len(exported) == 4 * len(SOURCES)
    for key, text in exported.items():
        assert [x for x in Elements(text).loaded if not x[1].startswith("data:")] == [], key
        styles = "".join(re.findall(r"<style.*?</style>", text, re.DOTALL))
        assert not re.search(r"@import|url\((?!data:)", styles), key
        scripts = "".join(re.findall(r"<script.*?</script>", text, re.DOTALL))
        assert not re.search(r"https?:|import\s*\(|fetch|XMLHttpRequest", scripts), key


def test_a_file_that_loads_something_is_found():
    page = '<link href="https://a/x.css"><script src="x.js"></script><img src="data:image/png;base64,A">'
    assert [url for _, url in Elements(page).loaded if not url.startswith("data:")] == ["https://a/x.css", "x.js"]


def test_every_picture_has_an_alt_text(exported):
    counts = {"html": 0, "slides": 0}
    for (kind, name), text in exported.items():
        for picture in Elements(text).pictures:
            counts[kind] = counts.get(kind, 0) + 1
            assert len(picture.get("alt", "")) > 30, (kind, name)
    assert counts["html"] >= counts["slides"] >= 3 * len(SOURCES)


def test_the_font_of_the_equations_has_every_letter_of_them(exported):
    for key, text in exported.items():
        equations = "".join(re.findall(r"<math.*?</math>", text, re.DOTALL))
        if not equations:
            continue
        letters = html.unescape(re.sub(r"<annotation.*?</annotation>|<[^>]*>", "", equations, flags=re.DOTALL))
        data = re.search(r"data:font/woff;base64,([\w+/=]+)", text)[1]
        font = TTFont(io.BytesIO(base64.b64decode(data)))
        assert "MATH" in font  # where indices stand, and how brackets grow
        invisible = set("\u2061\u2062\u2063\u200b\ufe00 \n\t")
        missing = set(letters + "√𝑥𝜎ℎ") - set(map(chr, font.getBestCmap())) - invisible
        assert not missing, (key, missing)


# -- equations


@each_notebook
def test_every_equation_becomes_mathml(name):
    for cell in build.read(SOURCES[name]).cells:
        if cell.cell_type == "markdown":
            code = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
            dollars = code.sub("", cell.source).replace("$$", "$").count("$")
            text = "".join(markdown.blocks(cell.source))
            assert text.count("<math") == dollars / 2
            shown = re.sub(r"<annotation.*?</annotation>|<code>.*?</code>", "", text, flags=re.DOTALL)
            assert not re.search(r"[$\ue000\ue001]|\\[a-zA-Z]|merror", shown)


def test_an_unknown_command_stops_the_export():
    with pytest.raises(ValueError, match=r"got 'a\\\\nonsense'"):
        markdown.mathml(r"a\nonsense", display=False)


def test_equations_survive_markdown():
    (table,) = markdown.blocks("| a | b |\n|---|---|\n| $q\\|p$ | `$x$` |")
    assert table.count("<td>") == 2
    assert "∥" in table or "‖" in table
    assert "<code>$x$</code>" in table
    (numbered,) = markdown.blocks("$$a_1*b_2*c \\tag{7}$$")
    assert "(7)" in numbered
    assert "<em>" not in numbered
    assert markdown.blocks(r"costs \$5 and $x$")[0].startswith("<p>costs $5 and <math>")


def test_links_between_notebooks_lead_to_their_pages():
    assert 'href="00_start_here.html"' in markdown.blocks("[00](00_start_here.ipynb)")[0]
    assert 'href="https://x/a.ipynb"' in markdown.blocks("[a](https://x/a.ipynb)")[0]


def test_sections_ignore_headings_in_code():
    text = "before\n\n## One $x$\ntext\n```\n# not a heading\n```\n### Two"
    assert [(level, title) for level, title, _ in markdown.sections(text)] == [(0, ""), (2, "One $x$"), (3, "Two")]


# -- slides


@each_notebook
def test_a_presentation_has_every_section_and_no_exercise(name):
    notebook = executed(name)
    made = slides.slides(notebook)
    assert made[0].section == page.title(notebook)
    sections = list(dict.fromkeys(slide.section for slide in made))
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    expected = [title for title in re.findall(r"^## (.*)$", prose, re.MULTILINE) if title not in slides.LEFT_OUT]
    assert sections[1:] == expected
    shown = "".join(block for slide in made for block in slide.blocks)
    assert "live.check" not in shown
    assert "&#10003;" not in shown
    for exercise in exercises.collect(notebook):
        assert markdown.blocks(exercise.text)[0] not in shown
    assert all(slide.blocks for slide in made[1:] if slide.heading)


def test_a_result_is_not_on_the_slide_of_its_question():
    notebook = new_notebook(
        cells=[
            new_markdown_cell("# 00 · T\n\n## 1 · S\n### Predict\nWhich?"),
            new_code_cell("live.check(x, 1)", outputs=[new_output("stream", name="stdout", text="it is 1")]),
        ]
    )
    question, result = slides.slides(notebook)[1:]
    assert (question.heading, result.heading) == ("Predict", "Try")
    assert question.level == 1  # a section that begins with its question has no empty slide before it
    assert "it is 1" in result.blocks[0]
    assert "live" in "".join(result.notes)


def test_tags_are_exceptions():
    def tagged(cell, *tags):
        cell.metadata["tags"] = list(tags)
        return cell

    text = [new_output("stream", name="stdout", text="a line\n" * 20)]
    pieces = (PICTURE, "<p><em>c</em></p>")
    picture = [new_output("display_data", data={"text/html": piece}) for piece in pieces]
    cells = [
        new_markdown_cell("# 00 · T\n\n## 1 · S\nfirst"),
        tagged(new_markdown_cell("second"), "slide"),
        tagged(new_markdown_cell("third"), "subslide", "fragment"),
        tagged(new_markdown_cell("aside"), "notes"),
        tagged(new_markdown_cell("gone"), "skip"),
        tagged(new_code_cell("x = 1", outputs=picture), "code"),
        new_code_cell("y = 2", outputs=text),
        new_markdown_cell("## Exercises\n**1.** hidden"),
        tagged(new_markdown_cell("an exercise for the class"), "slide"),
    ]
    made = slides.slides(new_notebook(cells=cells))
    shown = ["".join(slide.blocks) for slide in made]
    assert [slide.level for slide in made] == [1, 1, 1, 2, 1]
    assert ["first" in shown[1], "second" in shown[2], "third" in shown[3]] == [True] * 3
    assert 'class="block fragment"' in shown[3]
    assert "aside" in made[3].notes[0]
    assert "gone" not in "".join(shown)
    assert re.search(r"x</span>.*<figure>.*<figcaption>.*c</em>", shown[3], re.DOTALL)
    assert "y</span>" not in shown[3]  # code is in the notes, and so is a long output
    assert "<pre>" in made[3].notes[-1]
    assert "hidden" not in "".join(shown)
    assert "an exercise for the class" in shown[4]


# -- problem sets


@each_notebook
def test_a_problem_set_does_not_depend_on_any_solution(name):
    source = build.read(SOURCES[name])
    assert len(exercises.collect(source)) >= 2
    problems = exercises.problems(source)
    for cell in source.cells:
        if cell.cell_type == "code":
            cell.outputs = []
            check = ["live.check(None, 0)"] if "live.check(" in cell.source else []
            blanks = [
                f"{match[1]} = None  {line[line.index('# your') :]}"
                for line in cell.source.splitlines()
                if (match := exercises.ANSWER.match(line))
            ]
            cell.source = "\n".join(blanks + check)
    assert exercises.problems(source) == problems
    assert 'class="highlight"' not in problems
    assert 'class="output"' not in problems


@each_notebook
def test_the_solutions_have_every_cell_of_every_exercise(name, exported):
    notebook = executed(name)
    text = exported["exercises", f"{name}_solutions"]
    found = exercises.collect(notebook)
    assert text.count("<article>") == exported["exercises", name].count("<article>") == len(found)
    shown = "".join(Elements(text).text)
    for exercise in found:
        for cell in exercise.code:
            assert cell.source.strip().splitlines()[0] in shown
    headings = [c.source for c in notebook.cells if c.cell_type == "markdown" and "## Exercises" in c.source]
    assert len(headings) == 1


def test_solutions_are_shown_without_the_lines_around_them():
    cell = new_code_cell("a = None  # your answer\n### BEGIN SOLUTION\na = 1\n### END SOLUTION")
    text = exercises.solutions(new_notebook(cells=[new_markdown_cell("# T\n## Exercises\n**1.** How large?"), cell]))
    shown = "".join(Elements(text).text)
    assert "a = 1" in shown
    assert "SOLUTION" not in shown


def test_what_follows_a_check_belongs_to_the_solution():
    texts = ("# T\n## Exercises\n**1.** How large?", "Compute it.", "Because it is large.\n\n**2.** How small?")
    one, two, three = map(new_markdown_cell, texts)
    cells = [one, new_code_cell("a = 1  # your answer, a number"), two, new_code_cell("live.check(a, b)"), three]
    notebook = new_notebook(cells=cells)
    problems, solutions = exercises.problems(notebook), exercises.solutions(notebook)
    assert all(text in problems and text in solutions for text in ("How large?", "Compute it.", "How small?"))
    assert "Because" not in problems
    assert solutions.index("live") < solutions.index("Because it is large.") < solutions.index("How small?")


def test_a_problem_set_names_what_is_asked_for():
    cells = [
        new_markdown_cell("## Exercises\n**1.** How large?\n\nAnd why?\n\n**2.** Show it."),
        new_code_cell("a, b = 1, 2  # your answers, numbers"),
        new_markdown_cell("## Recap\n**3.** no exercise"),
    ]
    first, second = exercises.collect(new_notebook(cells=cells))
    assert first.text == "**1.** How large?\n\nAnd why?"
    assert exercises.answers(first) == []
    assert exercises.answers(second) == [("a", "numbers"), ("b", "numbers")]


# -- the command


def test_the_command_writes_the_chosen_notebooks(tmp_path, capsys):
    assert command.main(["exercises", "02", "--out", str(tmp_path / "new")]) == 0
    assert {path.name[:2] for path in (tmp_path / "new").iterdir()} == {"02"}
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_an_unknown_notebook_is_named(tmp_path, capsys):
    assert command.main(["html", "42", "--out", str(tmp_path / "new")]) == 1
    assert "no notebook '42'" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


# -- the plans for lecturers

PLANS = (build.ROOT / "docs" / "lectures.md").read_text(encoding="utf-8")


def test_the_lecture_plans_cite_sections_that_exist():
    cited = set(re.findall(r"\b(\d\d) §(\d+)", PLANS))
    assert len(cited) > 25
    numbers = {stem[:2]: stem for stem in SOURCES}
    for notebook, section in sorted(cited):
        source = SOURCES[numbers[notebook]].read_text(encoding="utf-8")
        assert re.search(rf"^# ## {section} · ", source, re.MULTILINE), (notebook, section)


def test_every_notebook_has_questions_and_mistakes():
    questions, mistakes = (PLANS.split(f"## {title}")[1].split("\n## ")[0] for title in ("Questions", "What students"))
    for stem in SOURCES:
        if stem[0] != "9":  # those from 90 on stand beside the course
            assert re.search(rf"^\| {stem[:2]} §\d+ \|", questions, re.MULTILINE), stem
            assert re.search(rf"^\| {stem[:2]} \|", mistakes, re.MULTILINE), stem


def test_the_notebooks_that_are_called_fast_and_slow_are_the_fastest_and_the_slowest():
    seconds = {stem: row["seconds"] for stem, row in json.loads((build.HERE / "times.json").read_text()).items()}
    fast, *slow = re.search(r"from some seconds \((\d\d)\) to about a minute \((\d\d), (\d\d)\)", PLANS).groups()
    order = sorted(seconds, key=lambda stem: seconds[stem])
    assert (order[0][:2], {stem[:2] for stem in order[-2:]}) == (fast, set(slow))
    assert seconds[order[0]] < 10
    assert 30 < seconds[order[-1]] < 100


def test_the_minutes_of_each_lecture_add_up():
    lectures = re.split(r"^#{2,3} ", PLANS, flags=re.MULTILINE)
    sums = {}
    for lecture in lectures:
        title, _, body = lecture.partition("\n")
        if (stated := re.search(r"\((\d+) minutes\)", title)) is not None:
            sums[title] = (int(stated[1]), sum(map(int, re.findall(r"^\| (\d+) \|", body, re.MULTILINE))))
    assert len(sums) == 1 + 2 + 4
    assert all(stated == total for stated, total in sums.values()), sums
