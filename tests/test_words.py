"""The words of a native American writer in the notebooks, the README and the guides: no British form, no private word.

`test_vocabulary` forbids metaphors and replaced names in every file; this one reads prose alone.
"""

import re
import subprocess
from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).resolve().parent.parent
GUIDES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "data/README.md", "docs/lectures.md")

# British endings, as patterns; the words below them end like that in American English too.
ISE = r"[^\W_]{3,}(?:is(?:e|es|ed|ing|er|ers|ation|ations))"
AMERICAN_ISE = re.compile(
    r"(?:adv|adverti|ar|clockw|compr|comprom|conc|dem|deno|dev|disgu|elementw|enterpr|exerc|expert|imprec|improv|likew|no|"
    r"otherw|pairw|piecew|po|pra|prec|prem|prom|ra|rev|row?w|stepw|superv|surpr|trea|w)(?:is|tis)\w*"
)
BRITISH = (
    r"(?:behavi|col|fav|flav|harb|hon|hum|lab|neighb|rig|rum|val|vig)our\w*",
    r"(?:cent|fib|lit|met|theat|millimet|centimet|kilomet)re[sd]?",
    r"(?:analy|cataly|paraly|dialy)s(?:e|ed|er|ing)",
    r"(?:cancel|channel|counsel|equal|fuel|label|level|model|pencil|quarrel|signal|total|travel|tunnel)l(?:ed|er|ers|ing)",
    r"(?:defen|offen|preten)ce", "licence", "practis(?:e|ed|es|ing)", "programme", "programmes", "cheque", "ageing",
    "artefact", "artefacts", "judgement", "sceptic\\w*", "grey\\w*", "whilst", "amongst", "learnt", "spelt", "burnt",
    "dreamt", "mould", "plough", "tyre", "storey", "aluminium", "maths", "instalment", "fulfil", "enrol", "skilful",
    "towards", "forwards", "cosy", "draught", "manoeuvre", "orientated",
)  # fmt: skip
# Words and phrases that only the authors understood, each with what the field says.
PRIVATE = {
    "price of a nat": "weight of the KL",
    "honest gamma": "maximum-likelihood gamma",
    r"z drawn|drawn z": "sampled z",
    r"what the code says": "rate",
    r"boring rival": "baseline",
    r"mere grain": "finite data",
    r"images without end": "infinitely many images",
    r"film-strips?": "filmstrip",
    r"(?:is|are) booked": "counts as",
    r"clumps?": "clusters",
    r"finger-?prints?": "sign",
    r"by (?:the|another) hand": "slider",
    r"sounds dear|makes? dearer": "expensive",
    r"named? rightly": "is right",
    r"held against the definition": "checked against",
    r"but for chance": "up to seed-to-seed variation",
    r"how large is chance": "How large is the seed-to-seed variation?",
    r"asked for less": "had a smaller weight",
    r"from nothing to nothing": "from 0 to 0",
    r"(?:put|set) to the posterior mean": "set to the mean",
    r"repair\w* (?:\w+ ){0,4}without a training": "without retraining",
    r"in no time": "in seconds",
    r"knobs?|climb(?:s|ed|ing)?|shall|chapters?|kept|told": "plain words",
    r"black and white": "binarized",
    r"excavat\w+": "found",
}
# Slips of the keyboard that a spelling checker knows.
MISSPELLED = (
    "accomodat\\w*", "acheiv\\w*", "agress\\w*", "apparant\\w*", "assymetr\\w*", "auxilary", "begining", "beleiv\\w*",
    "calender", "catagor\\w*", "comparision\\w*", "concious\\w*", "consistant\\w*", "convergance", "definate\\w*",
    "dependant", "dimentio\\w*", "embarass\\w*", "enviroment\\w*", "existance", "experiance", "explaination\\w*",
    "fourty", "foward", "gaussain\\w*", "grammer", "guarentee\\w*", "heigth", "hieghts?", "idependent", "independant",
    "langauge", "lenght\\w*", "liklihood\\w*", "maintainance", "mispell\\w*", "neccess\\w*", "neigbor\\w*", "noticable",
    "occured", "occurence\\w*", "paramter\\w*", "persistant", "posteroir", "prefered", "probablity", "proccess\\w*",
    "publically", "realy", "recieve\\w*", "recomend\\w*", "reconstuct\\w*", "refered", "relevent", "seperat\\w*",
    "similiar\\w*", "succesful\\w*", "supress\\w*", "teh", "threshhold", "transfered", "truely", "untill", "varience",
    "wether", "wich", "widht", "writting",
)  # fmt: skip


def prose_of(file: Path) -> str:
    """Return the prose of a file, without code, formulas and addresses; a notebook's strings are prose too."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".py":
        cells = jupytext.reads(text, fmt="py:percent").cells
        strings = ["\n".join(re.findall(r'"((?:[^"\\]|\\.)*)"', c.source)) for c in cells if c.cell_type == "code"]
        text = "\n".join([c.source for c in cells if c.cell_type == "markdown"] + strings)
    text = re.sub(r"```.*?```|\$\$.*?\$\$", " ", text, flags=re.DOTALL)
    return re.sub(r"`[^`]*`|\$[^$]*\$|https?://\S+|\]\([^)]*\)", " ", text)


def files() -> list[Path]:
    """Return the notebooks' sources and the guides."""
    command = ["git", "ls-files", "notebooks/source/*.py", *GUIDES]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).is_file()]


def found(pattern: str, prose: str) -> list[str]:
    return [match.group() for match in re.finditer(rf"(?<![\w-])(?:{pattern})(?![\w-])", prose, re.IGNORECASE)]


def british(prose: str) -> list[str]:
    ise = [word for word in found(ISE, prose) if not AMERICAN_ISE.fullmatch(word.lower())]
    return ise + found("|".join(BRITISH), prose)


each_file = pytest.mark.parametrize("file", files(), ids=lambda file: file.stem)


@each_file
def test_spelling_is_american(file):
    assert not british(prose_of(file))


@each_file
def test_no_private_word(file):
    prose = prose_of(file)
    assert not {word: field for pattern, field in PRIVATE.items() for word in found(pattern, prose)}


@each_file
def test_no_misspelling_and_no_doubled_word(file):
    prose = prose_of(file)
    assert not found("|".join(MISSPELLED), prose)
    assert not re.findall(r"\b(?!that\b|had\b)([a-z]{2,}) \1\b", prose)


def test_the_checks_find_what_they_look_for():
    bad = "We analyse the behaviour of a regularised, labelled grey centre; the colour is optimisation."
    assert british(bad) == [
        "regularised",
        "optimisation",
        "analyse",
        "behaviour",
        "labelled",
        "grey",
        "centre",
        "colour",
    ]
    assert not british("Otherwise the noise raises a precise, labeled, optimized exercise in the center, then denoise.")
    assert found("|".join(PRIVATE), "the price of a nat is a knob") == ["price of a nat", "knob"]
    assert found("|".join(MISSPELLED), "the liklihood") == ["liklihood"]


def test_prose_leaves_out_code_and_formulas(tmp_path):
    (tmp_path / "a.md").write_text("One `colour` $colour$ word [colour](colour.md)\n```\ncolour\n```\n")
    assert british(prose_of(tmp_path / "a.md")) == ["colour"]
