"""Self-checks: compare a reader's answer with the solution, and give a hint if it is wrong."""

import html
from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidType, InvalidValue


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
    answer: Any, truth: float | str | Sequence[float | str], *, tolerance: float = 0.01, hint: str = ""
) -> Verdict:
    """Compare a reader's answer with the solution.

    Args:
        answer: A number, a word, or a list, array or tensor of them; None if there is none yet.
        truth: The solution.
        tolerance: Largest absolute error of a right number. Words are compared in lower case.
        hint: Sentence that a wrong answer gets.

    Returns:
        Whether the answer is right, and a sentence that names the wrong entries of a list.

    Raises:
        InvalidType: If the solution is a number and the answer is not, or an argument is of another type.
        InvalidValue: If there is no solution, or a number of it or the tolerance is not finite.

    Example:
        >>> check([0.5, 2.0], [0.5, 1.0], hint="Use the variance.")
        Not yet (look again at number 2). Use the variance.
        >>> check("JS", "js").right
        True
    """
    checks.not_negative("tolerance", tolerance)
    checks.instance("hint", hint, str)
    answers, truths = _as_list("answer", answer), _as_list("truth", truth)
    for solution in truths:
        if not isinstance(solution, str):
            checks.finite("truth", solution)
    if not truths:
        raise InvalidValue(f"truth must have at least one entry, got {checks.shown(truth)}.")
    if any(a is None or a is ... for a in answers):
        return Verdict(False, "No answer yet: replace None by yours and run the cell again.")
    if len(answers) != len(truths):
        return Verdict(False, f"Not yet: {len(truths)} answers are asked for, you gave {len(answers)}.")
    wrong = [i for i, (a, t) in enumerate(zip(answers, truths, strict=True), start=1) if not _agree(a, t, tolerance)]
    if not wrong:
        return Verdict(True, "Right." if len(truths) == 1 else f"Right, all {len(truths)} of them.")
    which = "" if len(truths) == 1 else f" (look again at number {', '.join(map(str, wrong))})"
    return Verdict(False, f"Not yet{which}. {hint}".strip())


def _as_list(name: str, value: Any) -> list[Any]:
    if hasattr(value, "tolist") and not isinstance(value, type):
        value = (checks.tensor(name, value) if isinstance(value, Tensor) else value).tolist()
    return list(value) if isinstance(value, list | tuple) else [value]


def _agree(answer: Any, truth: float | str, tolerance: float) -> bool:
    if isinstance(truth, str):
        return str(answer).strip().lower() == truth.lower()
    try:
        return abs(float(answer) - truth) <= tolerance
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidType(f"answer must be a number, got {checks.shown(answer)}.") from error
