"""The times that notebooks state, against notebooks/times.json, which `python notebooks/times.py` measures."""

import json
import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "notebooks"))
build, times = import_module("build"), import_module("times")

SOURCES = {source.stem: source for source in build.sources()}
TIMES = json.loads(times.TIMES.read_text(encoding="utf-8"))
WORDS_A_MINUTE, MINUTES_A_CELL, FACTOR = 150, 1, 2.0  # of a reader who thinks; a cell is read, run and looked at
STATED = re.compile(r"\babout (\w+) (second|minute)s?\b")


def measured(name):
    assert name in TIMES, f"{name} has not been measured: python notebooks/times.py {name[:2]}"
    return TIMES[name]


def words(notebook):
    text = " ".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return len(re.findall(r"\w+", re.sub(r"\$[^$]*\$", " formula ", text)))


def agree(stated, found):
    return found / FACTOR <= stated <= found * FACTOR


def statements(notebook):
    """Pairs of stated seconds and the ids of the code cells below, up to the next text."""
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "markdown":
            continue
        rest = [later.cell_type == "code" for later in notebook.cells[index + 1 :]]
        end = rest.index(False) if False in rest else len(rest)
        below = [later.id for later in notebook.cells[index + 1 : index + 1 + end]]
        for line in cell.source.splitlines():
            for number, unit in STATED.findall(line) if "**Time**" not in line else ():
                assert number.isdigit(), f"write the time in digits, not {number!r}, so that it is checked"
                yield float(number) * (60 if unit == "minute" else 1), below


@pytest.mark.parametrize("name", SOURCES)
def test_the_time_of_a_notebook_is_that_of_reading_it_and_of_its_code(name):
    notebook = build.read(SOURCES[name])
    (stated,) = re.findall(r"\*\*Time\*\* about (\d+) minutes", SOURCES[name].read_text(encoding="utf-8"))
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    minutes = words(notebook) / WORDS_A_MINUTE + cells * MINUTES_A_CELL + measured(name)["seconds"] / 60
    assert agree(float(stated), minutes), f"{name} says {stated} minutes, measured are {minutes:.0f}"


@pytest.mark.parametrize("name", SOURCES)
def test_stated_seconds_of_code_are_those_measured(name):
    for stated, below in statements(build.read(SOURCES[name])):
        found = sum(measured(name)["cells"].get(cell, 0.0) for cell in below)
        assert agree(stated, found), f"{name} says {stated:.0f} s, measured are {found:.1f} s"


def test_a_false_statement_is_found():
    notebook = build.read(SOURCES["00_start_here"])
    ((stated, below),) = statements(notebook)
    found = sum(TIMES["00_start_here"]["cells"][cell] for cell in below if cell in TIMES["00_start_here"]["cells"])
    assert found > 0
    assert agree(stated, found)
    assert not agree(3 * FACTOR * stated, found)
