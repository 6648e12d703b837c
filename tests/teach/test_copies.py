"""One source, two copies: what becomes of an answer, of a function, of the outputs and of hidden cells."""

import importlib.util
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("notebooks_build", ROOT / "notebooks" / "build.py")
build = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(build)
copies = build.copies

HEAD = """# ---
# jupyter:
#   kernelspec:
#     display_name: vaelab
#     language: python
#     name: vaelab
# ---

# %% [markdown]
# # 00 · Title

"""
FUNCTION = """def root(low):
    \"\"\"Return the root.\"\"\"
    ### BEGIN SOLUTION
    low = low / 2
    return low
    ### END SOLUTION"""


@pytest.mark.parametrize(
    ("line", "empty", "names"),
    [
        ('a = "q"  # your guess: "q" or "p"', 'a = None  # your guess: "q" or "p"', ["a"]),
        ("a, sure = 1, 80  # your guess", "a, sure = None, None  # your guess", ["a"]),
        ("a, b = (1, 2)  # your answers", "a, b = None, None  # your answers", ["a", "b"]),
        ("a = [f(x) for x in y]  # your answer", "a = None  # your answer", ["a"]),
        ('a = ["x", "y"]  # your choices', "a = [None, None]  # your choices", ["a"]),
        ('a = {"k": 1}  # your answers', 'a = {"k": None}  # your answers', ["a"]),
        ("a = [\n    1,\n    2,\n]  # your answer", "a = [None, None]  # your answer", ["a"]),
    ],
)
def test_an_answer_becomes_none_of_its_form(line, empty, names):
    solved = copies.with_solutions(f"x = 1\n{line}\ny = 2")
    assert copies.without_solutions(solved) == f"x = 1\n{empty}\ny = 2"
    assert copies.answers(solved) == names
    spaces: list[dict] = [{"f": abs, "y": [-1]}, {"f": abs, "y": [-1]}]
    for code, space in zip((solved, line), spaces, strict=True):
        exec(code, space)
    assert [spaces[0][name] for name in names] == [spaces[1][name] for name in names]


def test_a_function_keeps_its_docstring_and_returns_none():
    space: dict = {}
    exec(copies.without_solutions(FUNCTION), space)
    assert (space["root"](3), space["root"].__doc__) == (None, "Return the root.")
    assert copies.answers(FUNCTION) == ["root"]


def test_other_cells_stay_as_they_are():
    for code in ("a = 1  # a comment", "live.show(panel)", "# your own data"):
        assert copies.with_solutions(code) == code
        assert copies.without_solutions(code) == code


def test_texts_between_an_answer_and_its_check_go_and_pictures_stay():
    v4 = nbformat.v4
    text, picture = v4.new_output("stream", text="2.3\n"), v4.new_output("display_data", data={"image/png": "A"})
    sources = ["x = 1", copies.with_solutions("a = 1  # your answer"), "print(2)", "live.check(a, x)", "print(3)"]
    cells = [v4.new_code_cell(source, outputs=[text, picture], execution_count=1) for source in sources]
    copy = copies.student(v4.new_notebook(cells=cells))
    kinds = [[output.output_type for output in cell.outputs] for cell in copy.cells]
    assert kinds == [["stream", "display_data"], [], ["display_data"], ["display_data"], ["stream", "display_data"]]
    assert {cell.execution_count for cell in copy.cells} == {None}
    assert copies.BEGIN in cells[1].source


def test_a_hidden_cell_is_folded_in_jupyterlab(tmp_path):
    source = tmp_path / "00_title.py"
    source.write_text(HEAD + '# %% tags=["hide-input"]\nx = 1\n\n# %%\ny = 2\n')
    _, hidden, other = build.read(source).cells
    assert hidden.metadata == {"tags": ["hide-input"], "jupyter": {"source_hidden": True}}
    assert other.metadata == {}
