"""A reader's predictions: stored on this computer, one small file per notebook, and sent nowhere.

The first answer to a question counts. Delete the file of a notebook to start again.
"""

import json
import os
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue, StorageError
from vaelab._utils.files import atomic_write

UNSTORED: dict[str, dict[str, Any]] = {}  # by file name: what a read-only folder could not take
LOW, HIGH = 50, 100  # percent: with two options, a guess is right half of the time


class Prediction(NamedTuple):
    """One stored prediction.

    Args:
        question: Name of the question, `"NN.name"`.
        sure: Confidence in percent, or None.
        right: Whether the first answer was right.

    Example:
        >>> Prediction("02.larger", 80, True).sure
        80
    """

    question: str
    sure: float | None
    right: bool


def folder() -> Path:
    """Return VAELAB_STATE, else the user's folder for the state of programs.

    Example:
        >>> folder().is_absolute()
        True
    """
    if path := os.environ.get("VAELAB_STATE"):
        return Path(path).expanduser().absolute()
    return Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser().absolute() / "vaelab" / "predictions"


def complaint(sure: Any) -> str:
    """Return a sentence if this is no confidence, which is None or a number from 50 to 100, else ""."""
    if _is_percent(sure):
        return ""
    return f"Your confidence must be a number from {LOW} to {HIGH}, got {checks.shown(sure)}."


def record(question: str, answers: list[Any], *, right: bool, sure: Any) -> None:
    """Store the first answer to a question.

    Args:
        question: Name of the question, `"NN.name"`.
        answers: The answers, as shown to the reader.
        right: Whether all of them are right.
        sure: Confidence, 50 to 100 percent, or None.

    Raises:
        InvalidValue: If the name has no number of a notebook in front.
    """
    number, dot, name = question.partition(".")
    if not (number.isdecimal() and dot and name):
        raise InvalidValue(f'question must be a name such as "02.larger", got {checks.shown(question)}.')
    stored = _read(number)
    if name not in stored:
        percent = None if sure is None else float(sure)
        stored[name] = {"answer": [str(a) for a in answers], "sure": percent, "right": right}
        _write(number, stored)


def stored(notebook: str = "") -> list[Prediction]:
    """Return the stored predictions of a notebook, or of all notebooks.

    Args:
        notebook: Number of the notebook, such as `"02"`; empty for all.

    Example:
        >>> stored("99")
        []
    """
    names = {path.stem for path in folder().glob("[0-9]*.json")} | {Path(name).stem for name in UNSTORED}
    return [
        Prediction(f"{number}.{name}", entry["sure"], entry["right"])
        for number in ([notebook] if notebook else sorted(names))
        for name, entry in _read(number).items()
    ]


def _is_percent(sure: Any) -> bool:
    if sure is None:
        return True
    return isinstance(sure, Real) and not isinstance(sure, bool) and LOW <= float(sure) <= HIGH


def _read(number: str) -> dict[str, Any]:
    """Return what is stored for a notebook; a damaged file counts as empty."""
    path = folder() / f"{number}.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = {name: {key: entry[key] for key in ("answer", "sure", "right")} for name, entry in content.items()}
        if any(e["right"] not in (True, False) or not _is_percent(e["sure"]) for e in found.values()):
            found = {}
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        found = {}
    return {**found, **UNSTORED.get(str(path), {})}


def _write(number: str, content: dict[str, Any]) -> None:
    """Store the predictions of a notebook, or remember them until the kernel ends if the folder is read-only."""
    path = folder() / f"{number}.json"
    try:
        with atomic_write(path) as part:
            part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    except StorageError:
        UNSTORED[str(path)] = content
