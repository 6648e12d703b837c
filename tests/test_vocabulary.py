"""The field's words: one word, one meaning, in every tracked text file."""

import ast
import json
import re
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LISTS = ("tests/test_vocabulary.py", "tests/test_words.py")  # they name the words
TEXT = {".py", ".md", ".toml", ".yml", ".cff", ".txt", ".json", ".csv", ".ipynb", ".mplstyle", ""}

# Metaphors and words that only their authors understand. In any letter case, also in prose.
METAPHORS = (
    "sheet", "sheets", "house", "room", "rooms", "home", "homes", "founder", "founders", "chapter", "chapters",
    "manners", "receipt", "receipts", "the hand", "judge", "judges", "judged", "judging", "door", "doors",
    "heap", "heaps", "told", "heating", "heatings", "knob", "apology", "grey", "colour", "colours", "coins",
)  # fmt: skip
# Names that the field's words have replaced.
REPLACED = (
    "Heating", "Controlled", "PosteriorGap", "ImportanceWeighted", "Weighed", "Deeper", "Seen", "Reminded", "Keeper",
    "Setup", "at_rest", "hidden_factor", "spread_codes", "obstacle", "_blueprint", "as_bytes", "as_pixels",
    "black_and_white", "kept_of", "in_turns", "scale_slope", "best_scale", "TOUR", "regularise", "renormalise",
    "normalise", "binarise", "optimiser", "optimisers", "knobs", "replacing(",
)  # fmt: skip
# Where a word means something else: the environment variable, the key, CSS, and a data folder inside a recorded result.
ALLOWED = (
    "HOME",
    "Home, End",
    "Home and End",
    "Home: [",
    '"Home"',
    "style sheet",
    "folder:colour",
    'mkdir("colour',
    '/ "colour',
)


def tracked() -> list[Path]:
    """Return all tracked text files but the lists of words."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in listed.stdout.splitlines() if name not in LISTS]
    return [file for file in files if file.suffix in TEXT and file.is_file()]


def text_of(file: Path) -> str:
    """Return the text of a file; of a notebook without the images in it."""
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".ipynb":
        return text
    strings: list[str] = []

    def collect(content: object) -> None:
        if isinstance(content, dict):
            for key, value in content.items():
                if not str(key).startswith("image/"):
                    collect(value)
        elif isinstance(content, list):
            for value in content:
                collect(value)
        elif isinstance(content, str):
            strings.append(content)

    collect(json.loads(text))
    return "\n".join(strings)


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return {str(file.relative_to(ROOT)): text_of(file) for file in tracked()}


def occurrences(texts: dict[str, str], words: tuple[str, ...], flags: int) -> list[str]:
    # A word may be part of a name in snake case, so an underscore ends it. A replaced name is whole.
    letter = r"[^\W_]" if flags & re.IGNORECASE else r"\w"
    pattern = re.compile("|".join(rf"(?<!{letter}){re.escape(word)}(?!{letter})" for word in words), flags)
    found = []
    for name, text in texts.items():
        for number, line in enumerate(text.splitlines(), 1):
            for allowed in ALLOWED:
                line = line.replace(allowed, "")
            found += [f"{name}:{number}: {match.group()}" for match in pattern.finditer(line)]
    return found


def test_no_metaphor_is_left(texts):
    assert not occurrences(texts, METAPHORS, re.IGNORECASE)


def test_no_replaced_name_is_left(texts):
    assert not occurrences(texts, REPLACED, 0)


def test_no_two_public_classes_share_a_name():
    places = defaultdict(list)
    for folder in ("vaelab", "figures"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.parse(file.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places[node.name].append(file.relative_to(ROOT).as_posix())
    assert not {name: files for name, files in places.items() if len(files) > 1}


def test_no_ten_equal_lines_stand_in_two_places():
    """Imports, blank lines and closing brackets do not count."""
    places = defaultdict(list)
    for file in tracked():
        if file.suffix != ".py":
            continue
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
        lines = [line for line in lines if line and not re.match(r"(from|import) |[)\]}]+,?$", line)]
        for start in range(len(lines) - 9):
            places["\n".join(lines[start : start + 10])].append(file.relative_to(ROOT).as_posix())
    assert not {files[0]: files for files in places.values() if len(files) > 1}
