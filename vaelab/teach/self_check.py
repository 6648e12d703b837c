"""Self-checks: compare a reader's answer with the solution, and give a hint for that answer if it is wrong.

Whatever the reader gives, the result is a sentence; only mistakes of the author of a notebook raise errors.
"""

import html
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidType, InvalidValue
from vaelab.teach import fast, predictions

GRADING = ("autograde", "validate")  # values of NBGRADER_EXECUTION while nbgrader executes a notebook


class Verdict(NamedTuple):
    """The result of a check; a notebook displays it in color.

    Args:
        right: Whether every answer is right.
        sentence: What the reader is shown.

    Example:
        >>> Verdict(True, "Right.")
        Right.
    """

    right: bool
    sentence: str

    def __repr__(self) -> str:
        return self.sentence

    def _repr_html_(self) -> str:
        color, mark = ("#0a8a5f", "&#10003;") if self.right else ("#b34700", "&#8635;")
        bar = f"border-left:4px solid {color};padding-left:.8em"
        return f"<p style='{bar}'>{mark} {html.escape(self.sentence)}</p>"


def check(
    answer: Any,
    truth: float | str | Sequence[float | str],
    *,
    tolerance: float = 0.01,
    hint: str = "",
    hints: Mapping[Any, str] | None = None,
    question: str = "",
    sure: Any = None,
    trained: bool = False,
) -> Verdict:
    """Compare a reader's answer with the solution.

    Args:
        answer: A number, a word, or a list, array or tensor of them; None if there is none yet. A function
            without arguments is called, and an error inside it becomes a sentence.
        truth: The solution.
        tolerance: Largest absolute error of a right number. Words are compared in lower case.
        hint: Sentence for any wrong answer.
        hints: Sentences for particular wrong answers, instead of `hint`. A key is a word, a number, a function
            that is true for such an answer, or a pair of the position in a list (from 1) and one of these.
        question: Name of a prediction, `"NN.name"` with the number of the notebook; it is stored for `calibration`.
        sure: The reader's confidence in the prediction, 50 to 100 percent, or None.
        trained: Whether the solution comes from a training, so that it is not checked in the fast mode.

    Returns:
        Whether the answer is right, and a sentence that names the wrong entries of a list.

    Raises:
        InvalidType: If an argument other than `answer` and `sure` is of another type.
        InvalidValue: If there is no solution, or a number of it or the tolerance is not finite.
        AssertionError: If the answer is not right while nbgrader grades the notebook.

    Example:
        >>> check([0.5, 2.0], [0.5, 1.0], hint="Use the variance.")
        Not yet (look again at number 2). Use the variance.
        >>> check("sharper", "blurrier", hints={"sharper": "An average of images has no sharp edges."})
        Not yet. An average of images has no sharp edges.
        >>> check(None, 0.5)
        Not answered yet: replace None by your answer and run the cell again.
    """
    checks.not_negative("tolerance", tolerance)
    checks.instance("hint", hint, str)
    checks.instance("question", question, str)
    if not isinstance(hints, Mapping | None):
        raise InvalidType(f"hints must be a mapping from answers to sentences, got {checks.shown(hints)}.")
    checks.instance("trained", trained, bool)
    truths = _as_list("truth", truth)
    for solution in truths:
        if not isinstance(solution, str):
            checks.finite("truth", solution)
    if not truths:
        raise InvalidValue(f"truth must have at least one entry, got {checks.shown(truth)}.")
    answers, complaint = _read(answer, truths)
    if question and not complaint and (unsure := predictions.complaint(sure)):
        complaint = f"Not yet: {unsure[0].lower()}{unsure[1:]}"  # the first verdict counts
    if complaint or answers is None:
        return _graded(Verdict(False, complaint))
    if trained and fast.enabled():
        return Verdict(False, "Not checked in the fast mode (VAELAB_FAST is set): the trainings are too short.")
    wrong = [i for i, (a, t) in enumerate(zip(answers, truths, strict=True), start=1) if not _agree(a, t, tolerance)]
    if question:
        predictions.record(question, answers, right=not wrong, sure=sure)
    if not wrong:
        sentence = "Right." if len(truths) == 1 else f"Right, all {len(truths)} of them."
        return Verdict(True, sentence)
    which = "" if len(truths) == 1 else f" (look again at number {', '.join(map(str, wrong))})"
    reason = next((found for i in wrong if (found := _hint_for(i, answers[i - 1], hints, tolerance))), hint)
    return _graded(Verdict(False, " ".join(f"Not yet{which}. {reason}".split())))


def _graded(verdict: Verdict) -> Verdict:
    """Return a verdict that is not right, or raise it as an error while nbgrader grades the notebook."""
    if os.environ.get("NBGRADER_EXECUTION") in GRADING:
        raise AssertionError(verdict.sentence)
    return verdict


def _read(answer: Any, truths: list[Any]) -> tuple[list[Any] | None, str]:
    """Return the answers as a list like that of the solutions, or the sentence that says why there are none."""
    if callable(answer) and not isinstance(answer, type):
        try:
            answer = answer()
        except (Exception, SystemExit) as error:  # whatever a reader's code raises
            return None, f"Not yet: your code raised {type(error).__name__}{_message(error)}."
    try:
        answers = _as_list("answer", answer)
    except (InvalidType, InvalidValue) as error:
        return None, f"Not yet: the {error}"
    except Exception:  # any object may have a faulty method
        return None, f"Not yet: a number or a word is needed, got {checks.shown(answer)}."
    if any(a is None or a is ... for a in answers):
        return None, "Not answered yet: replace None by your answer and run the cell again."
    if len(answers) != len(truths):
        return None, f"Not yet: {_counted(len(truths), 'answer')} needed, got {len(answers)}."
    for position, (a, t) in enumerate(zip(answers, truths, strict=True), start=1):
        which = f" for number {position}" if len(truths) > 1 else ""
        if isinstance(t, str) and not isinstance(a, str):
            return None, f"Not yet: a word in quotes is needed{which}, got {checks.shown(a)}."
        if not isinstance(t, str) and (_number(a) is None):
            return None, f"Not yet: a finite number is needed{which}, got {checks.shown(a)}."
    return [str.__str__(a) if isinstance(a, str) else a for a in answers], ""


def _message(error: BaseException) -> str:
    """Return a colon and the message of an error on one line, or nothing."""
    try:
        message = " ".join(str(error).split())[:120]
    except Exception:  # the message of a reader's own error may fail
        message = ""
    return f": {message}" if message else ""


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun} is" if n == 1 else f"{n} {noun}s are"


def _number(value: Any) -> float | None:
    """Return a finite number as a float, and None for everything else; True is no number."""
    if isinstance(value, bool | str | bytes):
        return None
    try:
        result = float(value)
    except Exception:  # any object may have a faulty __float__
        return None
    return result if math.isfinite(result) else None


def _hint_for(position: int, answer: Any, hints: Mapping[Any, str] | None, tolerance: float) -> str:
    for key, sentence in (hints or {}).items():
        place, wanted = key if isinstance(key, tuple) else (position, key)
        if place == position and _matches(answer, wanted, tolerance):
            return sentence
    return ""


def _matches(answer: Any, wanted: float | str | Callable[[Any], bool], tolerance: float) -> bool:
    if not callable(wanted):
        return isinstance(wanted, str) == isinstance(answer, str) and _agree(answer, wanted, tolerance)
    try:
        return bool(wanted(answer))
    except Exception:  # a hint for numbers may get a word
        return False


def _as_list(name: str, value: Any) -> list[Any]:
    if hasattr(value, "tolist") and not isinstance(value, type):
        value = (checks.tensor(name, value) if isinstance(value, Tensor) else value).tolist()
    return list(value) if isinstance(value, list | tuple) else [value]


def _agree(answer: Any, truth: float | str, tolerance: float) -> bool:
    if isinstance(truth, str):
        return str(answer).strip().lower() == truth.lower()
    return abs(float(answer) - truth) <= tolerance
