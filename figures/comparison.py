"""How far computed numbers are from the committed ones, in one sentence."""

import csv
import math
import subprocess

from figures import manifest
from figures.figure import Figure

AGREES = 1e-4  # relative; below it numbers differ by rounding
FLOOR = 1e-3  # of the largest value of a column: smaller values are compared with this


def with_committed(item: Figure, preset: str, table: str) -> str:
    """Compare a table with the one in the last commit, or in the folder if there is no git."""
    text, figures = _committed(f"{item.id}.csv"), _committed(manifest.NAME)
    rows = [row for row in manifest.parse(figures) if row["id"] == item.id] if figures else []
    if text is None or not rows:
        return "no committed numbers to compare with"
    row = {**rows[0], "recipes": {}}  # numbers of another version are compared as well
    if row["preset"] != preset or manifest.outdated(row, item):
        return "not compared: the committed numbers are of other settings"
    return compare(table, text)


def compare(table: str, committed: str) -> str:
    """Describe the largest relative difference between two csv tables."""
    if table == committed:
        return "identical to the committed numbers"
    ours, theirs = ([*csv.DictReader(text.splitlines())] for text in (table, committed))
    if len(ours) != len(theirs):
        return f"differs from the committed numbers: {len(ours)} rows instead of {len(theirs)}"
    if [*ours[0]] != [*theirs[0]]:
        return "differs from the committed numbers: other columns"
    differences = {name: difference([r[name] for r in ours], [r[name] for r in theirs]) for name in ours[0]}
    column = max(differences, key=lambda name: differences[name])
    largest = differences[column]
    if math.isinf(largest):
        return f"differs from the committed numbers: other entries in column {column}"
    if largest < AGREES:
        return f"agrees with the committed numbers to {largest:.0e}"
    return f"largest difference from the committed numbers {100 * largest:.2g} %, in column {column}"


def difference(ours: list[str], theirs: list[str]) -> float:
    """Return the largest relative difference in a column; infinite if text differs."""
    scale = max((abs(b) for text in theirs if (b := _number(text)) is not None and math.isfinite(b)), default=0.0)
    largest = 0.0
    for text, other in zip(ours, theirs, strict=True):
        a, b = _number(text), _number(other)
        if text == other:
            continue
        if a is None or b is None or not math.isfinite(a - b):
            return math.inf
        largest = max(largest, abs(a - b) / max(abs(b), FLOOR * scale))
    return largest


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _committed(name: str) -> str | None:
    command = ["git", "-C", str(manifest.FOLDER), "show", f"HEAD:./{name}"]
    try:
        return subprocess.run(command, capture_output=True, timeout=10, check=True).stdout.decode()
    except (OSError, subprocess.SubprocessError):
        path = manifest.FOLDER / name
        return path.read_text(encoding="utf-8") if path.is_file() else None
