"""One notation in all notebooks: no letter with two meanings, one table, and cells that fit on a screen."""

import importlib.util
import re
from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).resolve().parent.parent
_spec = importlib.util.spec_from_file_location("notebooks_build", ROOT / "notebooks" / "build.py")
build = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(build)

SOURCES = {source.stem: source for source in build.sources()}
LINK = "**Symbols** are those of the [table of notation](00_start_here.ipynb#Notation)."
MAX_LINES = 25

# Meaning -> (what must not occur, the numbers of the notebooks in which it may).
FORBIDDEN = {
    "rho is sigma/|mu| only": (r"\\rho(?![a-z])|ρ|(?<!\.)\brho\b(?![\"'])|_rho\b|\brho_(?!panel)", ("06", "90")),
    "lambda is the weight of consistency only": (r"\\lambda(?![a-z])|λ", ("11",)),
    "R is the consistency only; the signal-to-noise ratio is SNR": (r"\$R\b|\bR ?=|\(1 \+ R\)|\bR\^", ("11", "13")),
    "beta is the factor of the KL; k is an index": (r"\bk\s*\\, ?\\mathrm\{KL\}|\$k ?= ?\d|\bk γ²|\bk\\gamma", ()),
    "D is the number of pixels; any divergence is a script D": (
        r"(?<!\\mathcal )\bD_\\alpha|\\partial D|\\partial_\w+ D|\\mathbb E\[D\]|divergence\*? \$D",
        (),
    ),
    "gamma squared is Greek in words, labels and formulas": (r"(?<!\\)gamma(²|\^2|\^\{2)", ()),
    "the log variance has no letter of its own": (r"\\ell ?= ?\\ln ?(\\sigma|s\b)", ()),
}


def words(name):
    """Return a source without the Python expressions in it that are not words: its comments and strings stay."""
    text = SOURCES[name].read_text(encoding="utf-8")
    return re.sub(r"\blambda\b(?= *[a-z_, ]*:)", "", text)


def occurrences(text, pattern):
    """Return the lines in which a pattern occurs."""
    return [line for line in text.splitlines() if re.search(pattern, line)]


@pytest.mark.parametrize("meaning", list(FORBIDDEN))
@pytest.mark.parametrize("name", list(SOURCES))
def test_a_letter_has_one_meaning(name, meaning):
    pattern, allowed = FORBIDDEN[meaning]
    if name[:2] not in allowed:
        assert not occurrences(words(name), pattern), meaning


@pytest.mark.parametrize(
    ("meaning", "line"),
    [
        ("rho is sigma/|mu| only", r"# How large is $\rho$ of an ordinary VAE?"),
        ("rho is sigma/|mu| only", 'print(f"rho = {shift:.2f}")'),
        ("lambda is the weight of consistency only", r"# its eigenvalue $\lambda_i$ exceeds the variance"),
        ("R is the consistency only; the signal-to-noise ratio is SNR", r"# At $R=5.7$, is $V$ above 2?"),
        ("beta is the factor of the KL; k is an index", r"# the loss is $k\,\mathrm{KL}$ with $k=4$"),
        ("D is the number of pixels; any divergence is a script D", r"# $D_\alpha(q\|p)=D_{1-\alpha}(p\|q)$"),
        ("D is the number of pixels; any divergence is a script D", r"# $\mu\,\partial D/\partial\mu$"),
        ("gamma squared is Greek in words, labels and formulas", 'ax.set(xlabel="gamma²")'),
        ("the log variance has no letter of its own", r"# With $\ell=\ln\sigma^2$"),
    ],
)
def test_a_second_meaning_is_found(meaning, line):
    assert occurrences(line, FORBIDDEN[meaning][0])


def test_the_table_of_notation_has_every_symbol_once_and_notebook_00_contains_it():
    rows = build.notation().splitlines()
    symbols = [symbol for row in rows[2:] for symbol in re.findall(r"\$[^$]+\$", row.split("|")[1])]
    assert len(symbols) == len(set(symbols)) > 30
    (section,) = (cell.source for cell in build.read(SOURCES["00_start_here"]).cells if "## Notation" in cell.source)
    assert build.notation() in section
    assert build.course() in section
    assert "{{" not in section


@pytest.mark.parametrize("name", list(SOURCES)[1:])
def test_every_header_links_the_table_and_the_course_names_every_notebook(name):
    header = build.read(SOURCES[name]).cells[0].source
    assert LINK in header
    title = header.splitlines()[0].removeprefix("# ")
    assert f"| [{title}]({name}.ipynb) | " in build.course()


@pytest.mark.parametrize("name", list(SOURCES))
def test_no_cell_is_longer_than_a_screen(name):
    read = jupytext.reads(SOURCES[name].read_text(encoding="utf-8"), fmt="py:percent")
    cells = [cell.source for cell in read.cells if cell.cell_type == "code"]  # without the lines around solutions
    assert not {cell.splitlines()[0]: n for cell in cells if (n := len(cell.splitlines())) > MAX_LINES}
