"""The notebooks: they run from top to bottom, every slider moves its picture, and what is committed is clean."""

import ast
import asyncio
import html
import importlib.util
import json
import math
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import torch

import vaelab

ROOT = Path(__file__).resolve().parent.parent
_spec = importlib.util.spec_from_file_location("notebooks_build", ROOT / "notebooks" / "build.py")
build = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(build)

SOURCES = {source.stem: source for source in build.sources()}
README = (ROOT / "README.md").read_text()
each_source = pytest.mark.parametrize("name", list(SOURCES))

NO_NETWORK = """
import socket

_connect = socket.socket.connect


def connect(self, address):
    inet = self.family in (socket.AF_INET, socket.AF_INET6)
    if inet and not str(address[0]).startswith(("127.", "::1", "localhost")):
        raise OSError(f"no network in the tests: {address}")
    return _connect(self, address)


socket.socket.connect = connect
"""

# Appended to a notebook, in its own kernel: moves every control by the message that a browser would send.
PROBE = """
import io as _io, json as _json, socket as _socket
import numpy as _np
from PIL import Image as _Image
from vaelab.live import Panel as _Panel

def _pixels(panel):
    assert panel.settle(30) and panel.message.layout.display == "none", panel.message.value
    return _np.asarray(_Image.open(_io.BytesIO(panel.picture.value)).convert("RGB"))

def _move(control):
    if hasattr(control, "min"):
        at = [control.min + share * (control.max - control.min) for share in (0.75, 0.6)]
        at = [control.base**x for x in at] if hasattr(control, "base") else at
        at = [round(x) for x in at] if isinstance(control.value, int) else at
        state = {"value": at[0] if at[0] != control.value else at[1]}
    else:
        last = len(control._options_labels) - 1
        at = [round(share * last) for share in (0.75, 0.6)] if last > 1 else [1 - control.index]
        state = {"index": next(index for index in at if index != control.index)}
    data = {"method": "update", "state": state, "buffer_paths": []}
    control.comm.handle_msg({"content": {"data": data}, "buffers": []})
    assert all(getattr(control, key) == value for key, value in state.items())

_report = {"panels": {}, "trains": [], "network": "open"}
_panels = {k: v for k, v in list(globals().items()) if isinstance(v, _Panel)}
_trains = [k for k, v in _panels.items() if v.process is not None]  # moved in the tests of that panel
for _name, _panel in [(k, v) for k, v in _panels.items() if k not in _trains]:
    _panel.reset()
    _report["panels"][_name] = {}
    for _key, _control in _panel.controls.items():
        _before, _words = _pixels(_panel), _panel.readout.value
        _move(_control)
        _changed = not _np.array_equal(_before, _pixels(_panel))
        _report["panels"][_name][_key] = [_changed, _panel.readout.value != _words]
try:
    _socket.create_connection(("192.0.2.1", 80), timeout=1)
except OSError as _error:
    _report["network"] = str(_error)
_report["trains"] = _trains
print(_json.dumps(_report))
"""


# Run before a notebook: after each check, its call is repeated with every answer replaced by wrong ones of its type.
MUTANTS = """
def _wrong(value, options, tolerance):
    if callable(value) and not isinstance(value, type):
        right = value()
        return [lambda: right * 1.5 + 1 + tolerance, lambda: "word", lambda: 1 / 0]
    if isinstance(value, dict):
        return [{**value, key: wrong} for key, entry in value.items() for wrong in _wrong(entry, options, tolerance)]
    if isinstance(value, (list, tuple)):
        return [
            type(value)([*value[:i], wrong, *value[i + 1 :]])
            for i, entry in enumerate(value)
            for wrong in _wrong(entry, options, tolerance)
        ]
    if isinstance(value, str):
        return [option for option in {*options, "no such word"} if option != value]
    return [value + 2 * tolerance, value - 2 * tolerance, value * 1.5 + 1 + tolerance, float("nan"), "word"]

def _refused(names, call, options, tolerance):
    found = []
    for name in names:
        answer = globals()[name]
        for wrong in _wrong(answer, options, tolerance):
            globals()[name] = wrong
            try:
                verdict = eval(call, globals())
            finally:
                globals()[name] = answer
            found.append([name, repr(wrong)[:60], verdict.right, verdict.sentence])
    return found

def _value(answer):
    return answer() if callable(answer) else answer

def _hinted(answer, truth, hints, **options):
    found = []
    for key, hint in hints.items():
        place, wanted = key if isinstance(key, tuple) else (1, key)
        if callable(wanted):  # the test of `live.check` tries functions
            continue
        given = _value(answer)
        given = [*given[: place - 1], wanted, *given[place:]] if isinstance(given, (list, tuple)) else wanted
        verdict = live.check(given, truth, hints=hints, **options)
        found.append([repr(given)[:60], hint, verdict.right, verdict.sentence])
    return found

_mutants, _hints = {}, []
"""


def with_mutants(notebook, fast):
    """Insert, behind each check, a cell that repeats it with wrong answers."""
    asked, cells, options = set(), [nbformat.v4.new_code_cell(MUTANTS)], {}
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type != "code":
            continue
        given = build.copies.answers(cell.source)
        asked |= set(given)
        for name in given:  # words that the line of the answer offers
            lines = [line for line in cell.source.splitlines() if name in line and "# your" in line]
            options[name] = re.findall(r'"([^"]+)"', " ".join(lines))
        if call := check_call(cell.source):
            if fast != "0" and any(k.arg == "trained" for k in call.keywords):  # the short training has another result
                cells.append(nbformat.v4.new_code_cell(f"_truth = _value({ast.unparse(call.args[0])})"))
                call.args[1] = ast.Name("_truth")
                call.keywords = [k for k in call.keywords if k.arg not in ("trained", "question", "sure")]
            names = [name for name in build.copies.checked(cell.source) if name in asked]
            words = sorted({word for name in names for word in options[name]})
            given = [ast.literal_eval(k.value) for k in call.keywords if k.arg == "tolerance"]
            code = (
                f"_mutants[{names[0]!r}] = _refused({names!r}, {ast.unparse(call)!r}, {words!r}, {(*given, 0.01)[0]})"
            )
            cells.append(nbformat.v4.new_code_cell(code))
            given = [ast.unparse(k) for k in call.keywords if k.arg in ("hints", "tolerance")]
            if any(argument.startswith("hints=") for argument in given):
                arguments = ", ".join([*map(ast.unparse, call.args), *given])
                cells.append(nbformat.v4.new_code_cell(f"_hints += _hinted({arguments})"))
    notebook.cells = cells
    return notebook


def check_call(code):
    """The call of `live.check` in a cell, or None."""
    calls = [n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Call) and ast.unparse(n.func) == "live.check"]
    assert len(calls) <= 1, code
    return calls[0] if calls else None


@pytest.fixture(scope="module")
def blocked(tmp_path_factory):
    """A folder that blocks the network of a kernel that has it on its path."""
    folder = tmp_path_factory.mktemp("no-network")
    (folder / "sitecustomize.py").write_text(NO_NETWORK)
    return folder


@pytest.fixture(scope="module")
def run(blocked, tmp_path_factory):
    """Execute a notebook in its own fresh kernel without network."""

    def execute(notebook, **environment):
        state = tmp_path_factory.mktemp("state")
        paths = {"PYTHONPATH": f"{blocked}:{ROOT}", "VAELAB_STATE": str(state)}
        asyncio.run(build.client(notebook, {**paths, **environment}).async_execute())
        return notebook

    return execute


@pytest.fixture(scope="module")
def executed(run, fast):
    """Every source with its solutions, executed together with the mutants and the probe."""
    notebooks = {}

    def read_and_run(name):
        if name not in notebooks:
            notebook = with_mutants(build.read(SOURCES[name]), fast)
            notebook.cells.append(
                nbformat.v4.new_code_cell(
                    "import json as _json\nprint(_json.dumps({'mutants': _mutants, 'hinted': _hints}))"
                )
            )
            notebook.cells.append(nbformat.v4.new_code_cell(PROBE))
            notebooks[name] = run(notebook, VAELAB_FAST=fast)
        return notebooks[name]

    return read_and_run


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def bundles(cell):
    return [output for output in cell.outputs if "data" in output]


def committed(name):
    return nbformat.read(build.target(SOURCES[name]), as_version=4)


def test_there_are_notebooks_and_their_names_are_numbered():
    assert list(SOURCES)[:2] == ["00_start_here", "01_where_the_loss_comes_from"]
    lessons = [int(name[:2]) for name in SOURCES if name[0] != "9"]  # those from 90 on stand beside the course
    assert lessons == list(range(len(lessons)))


def test_a_wrong_kappa_or_target_gets_a_message():
    """Notebook 09: kappa² is about .017, so a tolerance for both at once would let every kappa through."""
    source = SOURCES["09_comparing_gammas"].read_text()
    calls = [
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and "live.check" in ast.unparse(node)
    ]
    asked = [
        ast.unparse(call)
        for call in calls
        if {"kappa", "target"} & {n.id for n in ast.walk(call) if isinstance(n, ast.Name)}
    ]

    def all_right(kappa, target):
        names = {"live": vaelab.live, "math": math, "computed_error": 0.0168, "computed_rate": 13.41}
        names |= {"kappa": kappa, "target": target}
        return all(eval(call, dict(names)).right for call in asked)

    assert all_right(0.13, 13.4)
    assert not any(all_right(*wrong) for wrong in ((0.7, 13.4), (0.5, 13.4), (0.0168, 13.4), (0.13, 15.0)))


@each_source
def test_the_readme_and_the_notebook_name_the_same_minutes(name):
    (here,) = re.findall(r"\*\*Time\*\* about (\d+) minutes", SOURCES[name].read_text())
    (there,) = re.findall(rf"^\| `{name}` \|.*\| (\d+) \|$", README, re.MULTILINE)
    assert here == there


@each_source
def test_a_notebook_runs_from_top_to_bottom_without_network(executed, name):
    cells = code_cells(executed(name))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [o for cell in cells for o in cell.outputs if o.output_type == "error"]
    assert "no network in the tests" in json.loads(cells[-1].outputs[-1].text)["network"]


@each_source
def test_every_control_of_every_panel_changes_the_pixels_and_the_words(executed, name):
    report = json.loads(code_cells(executed(name))[-1].outputs[-1].text)
    panels = report["panels"]
    assert panels or report["trains"]
    assert all(controls for controls in panels.values())
    for panel, controls in panels.items():
        for control, (picture, words) in controls.items():
            assert picture, f"{panel}.{control} does not move the picture"
            assert words, f"{panel}.{control} does not move the words"


def verdicts(notebook):
    """The sentence of each check of an executed notebook, with the code of its cell."""
    found = []
    for cell in code_cells(notebook):
        if check_call(cell.source) and "_refused(" not in cell.source:
            (sentence,) = [b.data["text/plain"] for b in bundles(cell) if b.output_type == "execute_result"]
            found.append((sentence, cell.source))
    return found


@each_source
def test_every_check_of_the_solutions_is_right(executed, name, fast):
    found = verdicts(executed(name))
    assert len(found) >= 3
    for sentence, code in found:
        assert sentence.startswith("Right") or (fast != "0" and "fast mode" in sentence), (code, sentence)


@each_source
def test_every_check_of_the_committed_solutions_is_right(name):
    assert not [found for found in verdicts(committed(name)) if not found[0].startswith("Right")]


@each_source
def test_every_wrong_answer_is_refused_with_a_sentence(executed, name):
    mutants = json.loads(code_cells(executed(name))[-2].outputs[-1].text)["mutants"]
    assert len(mutants) == len(verdicts(executed(name)))
    for wrong in mutants.values():
        assert wrong
        for answer, value, right, sentence in wrong:
            assert right is False, f"{answer} = {value} is taken as right"
            assert sentence.startswith("Not yet"), (answer, value, sentence)


@each_source
def test_a_student_copy_without_answers_runs_to_its_end(run, name):
    notebook = nbformat.read(build.target(SOURCES[name], "student"), as_version=4)
    for cell in code_cells(notebook):
        cell.outputs = []
    run(notebook, VAELAB_FAST="1")
    assert all(cell.execution_count for cell in code_cells(notebook))
    for sentence, code in verdicts(notebook):
        assert sentence.startswith("Not answered yet"), (code, sentence)
    (last,) = [cell for cell in code_cells(notebook) if "live.calibration(" in cell.source]
    assert "No predictions" in bundles(last)[0].data["text/html"]


@each_source
def test_a_student_copy_has_no_answers_and_the_pictures_of_the_solutions(name):
    solutions = committed(name)
    copy = nbformat.read(build.target(SOURCES[name], "student"), as_version=4)
    nbformat.validate(copy)
    asked = set()
    assert [cell.id for cell in copy.cells] == [cell.id for cell in solutions.cells]
    for cell, solved in zip(copy.cells, solutions.cells, strict=True):
        assert cell.metadata == solved.metadata
        if cell.cell_type != "code":
            assert cell.source == solved.source
            continue
        given = build.copies.answers(solved.source)
        assert "SOLUTION" not in cell.source
        assert (cell.source != solved.source) == bool(given)
        asked |= set(given)
        texts = [o for o in cell.outputs if o.output_type != "display_data"]
        assert not (texts and (given or asked or check_call(cell.source)))
        if call := check_call(cell.source):
            asked -= {n.id for n in ast.walk(call.args[0]) if isinstance(n, ast.Name)}
        pictures = [[o for o in c.outputs if "image/png" in o.get("data", {})] for c in (cell, solved)]
        assert len(pictures[0]) == len(pictures[1]) or "live.calibration(" in cell.source
    assert not asked, f"no check asks for {asked}"


@each_source
def test_nbgrader_finds_every_answer_and_every_check(name):
    """The fields are those of nbgrader's schema 3; a graded cell without solution is a test, worth points."""
    cells = [cell.metadata.nbgrader for cell in committed(name).cells if "nbgrader" in cell.metadata]
    checks = [cell for cell in code_cells(committed(name)) if check_call(cell.source)]
    answers = [cell for cell in code_cells(committed(name)) if build.copies.BEGIN in cell.source]
    assert len({cell.grade_id for cell in cells}) == len(cells) == len(checks) + len(answers)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", cell.grade_id) for cell in cells)
    assert all(cell.schema_version == 3 and not cell.task for cell in cells)
    for cell in checks:
        graded = cell.metadata.nbgrader
        assert (graded.grade, graded.solution, graded.locked, graded.points) == (True, False, True, 1)
    for cell in answers:
        graded = cell.metadata.nbgrader
        assert (graded.grade, graded.solution, graded.locked, "points" in graded) == (False, True, False, False)


@each_source
def test_every_answer_names_its_form(name):
    """A reader must know whether a number, a word or several are asked for; for a dict, the text above says it."""
    for cell in code_cells(build.read(SOURCES[name])):
        for line in cell.source.splitlines():
            if build.copies.MARK.search(line) and "{" not in line.split("#")[0]:
                assert re.search(r"# your [^:,]+[:,] ?\S", line), line


@each_source
def test_every_prediction_is_stored_and_the_calibration_closes_the_notebook(name):
    cells, waiting, questions = code_cells(build.read(SOURCES[name])), set(), []
    for cell in cells:
        targets = [t for s in ast.parse(cell.source).body if isinstance(s, ast.Assign) for t in ast.walk(s.targets[0])]
        waiting |= {t.id for t in targets if isinstance(t, ast.Name) and t.id.startswith("sure")}
        if call := check_call(cell.source):
            keywords = {keyword.arg: keyword.value for keyword in call.keywords}
            assert ("question" in keywords) == ("sure" in keywords), ast.unparse(call)
            if "question" in keywords:
                questions.append(keywords["question"].value)
                waiting.remove(keywords["sure"].id)
    assert not waiting
    assert len(questions) == len(set(questions)) >= 2
    assert all(question.startswith(f"{name[:2]}.") for question in questions)
    assert cells[-1].source == f'live.calibration("{name[:2]}")'


@each_source
def test_a_particular_wrong_answer_gets_the_hint_for_it(executed, name):
    hinted = json.loads(code_cells(executed(name))[-2].outputs[-1].text)["hinted"]
    assert hinted
    for value, hint, right, sentence in hinted:
        assert right is False, f"{value} is taken as right"
        assert sentence.endswith(hint), (value, sentence)


@each_source
def test_no_check_contains_its_answer(name):
    """A number or a word that is the whole solution would stand before the reader's eyes."""
    for cell in code_cells(build.read(SOURCES[name])):
        if call := check_call(cell.source):
            entries = call.args[1].elts if isinstance(call.args[1], ast.List | ast.Tuple) else [call.args[1]]
            for entry in entries:
                names = {n.id for n in ast.walk(entry) if isinstance(n, ast.Name)} - {"float", "math", "str"}
                assert names, ast.unparse(call)


@each_source
def test_links_lead_to_the_neighbors(name):
    order, cells = list(SOURCES), build.read(SOURCES[name]).cells
    at = order.index(name)
    neighbors = [f"{stem}.ipynb" for stem in order[max(at - 1, 0) : at + 2] if stem != name]
    assert re.findall(r"\]\(([^)]+)\)", cells[-1].source) == neighbors
    assert cells[0].source.endswith(cells[-1].source)


@each_source
def test_the_committed_notebook_is_its_source(name):
    source, notebook = build.read(SOURCES[name]), committed(name)
    assert [(c.cell_type, c.id, c.source) for c in notebook.cells] == [
        (c.cell_type, c.id, c.source) for c in source.cells
    ]
    assert notebook.metadata == source.metadata
    assert notebook.metadata.kernelspec.name == "vaelab"
    nbformat.validate(notebook)


@each_source
def test_the_committed_notebook_is_executed_and_clean(name):
    notebook, text = committed(name), build.target(SOURCES[name]).read_text(encoding="utf-8")
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert all(set(cell.metadata) <= {"tags", "jupyter", "nbgrader"} for cell in notebook.cells)
    assert not re.search(r"widget-view|widget-state|ipywidgets/|iopub\.|\d{4}-\d\d-\d\dT\d\d:", text)
    assert not re.search(r"/(hom[e]|root|Users|tmp|work)/|[A-Z]:\\\\", text)
    streams = [o for cell in cells for o in cell.outputs if o.output_type == "stream"]
    assert all(o.name == "stdout" for o in streams)
    assert "Traceback" not in text


@each_source
def test_every_picture_has_alt_text_and_caption_and_every_panel_a_picture(name):
    pictures = 0
    for cell in code_cells(committed(name)):
        outputs = bundles(cell)
        if re.search(r"live\.show\(", cell.source):
            assert any("image/png" in o.data for o in outputs), cell.source
        if "_panel(" in cell.source:
            assert "live.show(" in cell.source
        for i, output in enumerate(outputs):
            if "image/png" in output.data:
                pictures += 1
                alt = output.metadata["image/png"]["alt"]
                assert len(alt) > 30
                assert f'alt="{html.escape(alt)}"' in output.data["text/html"]
                assert "<em>" in outputs[i + 1].data["text/html"]
    assert pictures >= 3


@each_source
def test_the_skeleton_is_kept(name):
    notebook = build.read(SOURCES[name])
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    first = notebook.cells[0].source
    assert first.startswith(f"# {name[:2]} · ")
    for part in ("**Question.**", "**You will be able to**", "**Time**", "**You need**"):
        assert part in first or part in prose, part
    for heading in ("### Predict", "### Try", "### Explain", "## Exercises", "## Recap", "## References"):
        assert heading in prose, heading
    objectives = len(re.findall(r"^\d\. ", first.split("**Time**")[0], re.M))
    recap = len(re.findall(r"^\d\. ", prose.split("## Recap")[1].split("## References")[0], re.M))
    assert objectives == recap >= 3
    for link in re.findall(r"\]\(([^)#]+\.ipynb)\)", prose):
        assert link == Path(link).name
        assert Path(link).stem in SOURCES


@pytest.fixture(scope="module")
def taught():
    """The functions that notebook 02 defines."""
    tree = ast.parse(SOURCES["02_divergence_interpolation"].read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    names = {"math": math, "torch": torch, "vaelab": vaelab}
    exec(compile(ast.Module(functions, []), "notebook 02", "exec"), names)
    return names


def test_the_formulas_that_are_taught_are_the_package_s(taught):
    r = random.Random(4)
    for _ in range(100):
        m_q, m_p, alpha = r.uniform(-3, 3), r.uniform(-3, 3), r.uniform(0, 1)
        s_q, s_p = math.exp(r.uniform(-2, 2)), math.exp(r.uniform(-2, 2))
        q, p = taught["gaussian"](m_q, s_q), taught["gaussian"](m_p, s_p)
        assert taught["kl"](m_q, s_q, m_p, s_p) == pytest.approx(float(vaelab.kl(q, p)), rel=1e-9)
        g = vaelab.geometric_mean(q, p, alpha)
        assert taught["geometric_mean"](m_q, s_q, m_p, s_p, alpha) == pytest.approx(
            (float(g.mean), float(g.logvar.exp())), rel=1e-9
        )
        for primed in (False, True):
            for dual in (False, True):
                value = taught["geometric_js"](m_q, s_q, m_p, s_p, alpha, dual, primed)
                package = float(vaelab.geometric_js(q, p, alpha, dual=dual, primed=primed))
                assert value == pytest.approx(package, rel=1e-7, abs=1e-9)


def test_the_slip_is_the_published_one(taught):
    mean, variance = taught["slip"](-2, 1, 2, 4, 0.5)
    assert (mean, math.sqrt(variance)) == pytest.approx((-2 / 3, 4 / 3))
    assert taught["geometric_mean"](-2, 1, 2, 4, 0.5) == pytest.approx((-1.2, 1.6))


# -- the build


def test_clean_drops_what_belongs_to_one_execution():
    v4 = nbformat.v4
    view = {build.WIDGET: {"model_id": "x"}, "text/plain": "HBox()"}
    outputs = [
        v4.new_output("display_data", data=view),
        v4.new_output("display_data", data={"text/plain": "a", "image/png": "A"}, metadata={"image/png": {"alt": "a"}}),
        v4.new_output("stream", name="stderr", text=" 40%|####      | 3/8 [00:01<00:02]"),
        v4.new_output("stream", name="stdout", text=f"{ROOT}/data/x "),
        v4.new_output("stream", name="stdout", text=f"{Path('~').expanduser()}/y"),
        v4.new_output("execute_result", data={"text/plain": f"{ROOT}/z", "text/html": f";base64,{ROOT}"}),
    ]
    cell = v4.new_code_cell("1", outputs=outputs, metadata={"execution": {"iopub.status.busy": "2030-01-01T00:00:00Z"}})
    notebook = v4.new_notebook(
        cells=[cell], metadata={"widgets": {}, "language_info": {"name": "python", "version": "3.99"}}
    )
    build.clean(notebook)
    assert notebook.metadata == {"language_info": build.LANGUAGE}
    assert cell.metadata == {}
    picture, stream, result = cell.outputs
    assert list(picture.data) == ["text/plain", "image/png"]
    assert picture.metadata == {"image/png": {"alt": "a"}}
    assert stream.text == "data/x ~/y"
    assert result.data == {"text/plain": "z", "text/html": f";base64,{ROOT}"}


def test_cell_ids_follow_the_text_and_are_unique(tmp_path):
    head = SOURCES["00_start_here"].read_text(encoding="utf-8").split("# %%")[0].rstrip()
    (tmp_path / "a.py").write_text(head + "\n\n# %%\nx = 1\n\n# %%\nx = 1\n")
    (tmp_path / "b.py").write_text(head + "\n\n# %%\ny = 2\n\n# %%\nx = 1\n")
    a, b = (build.read(tmp_path / f"{stem}.py") for stem in "ab")
    assert a.cells[0].id == b.cells[1].id
    assert a.cells[0].id != a.cells[1].id


def test_an_unknown_name_and_a_failing_cell_leave_the_notebooks_alone(tmp_path, monkeypatch, capsys):
    (tmp_path / "source").mkdir()
    source = tmp_path / "source" / "00_broken.py"
    source.write_text(
        SOURCES["00_start_here"].read_text(encoding="utf-8").split("# %%")[0] + "# %%\nraise RuntimeError('so')\n"
    )
    for tree in ("solutions", "student"):
        (tmp_path / tree).mkdir()
        (tmp_path / tree / "00_broken.ipynb").write_text("as it was")
    monkeypatch.setattr(build, "HERE", tmp_path)
    assert build.main(["07"]) == 2
    assert "no notebook '07'" in capsys.readouterr().err
    assert build.main([]) == 1
    assert re.search("RuntimeError.*: so", capsys.readouterr().err)
    assert {f.read_text() for f in tmp_path.glob("*/*.ipynb")} == {"as it was"}
    assert sorted(f.name for f in tmp_path.iterdir()) == ["solutions", "source", "student"]


@each_source
def test_the_exported_page_shows_every_picture_once_with_alt_text_and_caption(name, tmp_path):
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", f"--output-dir={tmp_path}"]
    plain = {**os.environ, "JUPYTER_NO_CONFIG": "1"}
    subprocess.run([*command, build.target(SOURCES[name])], check=True, capture_output=True, env=plain)
    page = html.unescape((tmp_path / f"{name}.html").read_text(encoding="utf-8"))
    strips = 0
    for cell in code_cells(committed(name)):
        for output, caption in zip(cell.outputs, cell.outputs[1:], strict=False):
            if "image/png" in output.get("data", {}):
                assert f'alt="{output.metadata["image/png"]["alt"]}"' in page
                assert html.unescape(caption.data["text/html"]) in page
                strips += 1
    assert strips >= 3
    assert page.count("<img ") == strips
    assert "No description has been provided" not in page
