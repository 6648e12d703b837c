"""The self-check: it says right or wrong, and what to look at next."""

import html
from collections.abc import Sequence
from typing import Any, NamedTuple

from vaelab._utils.errors import InvalidType


class Verdict(NamedTuple):
    """right, and the sentence that says so."""

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
    """Compare an answer, a number, a word or a list of them, with the truth.

    Numbers are right within `tolerance` (absolute); words in any case.
    A wrong answer is told which place to look at, and gets the hint.

    Raises InvalidType when answer and truth cannot be compared.
    """
    answers, truths = _listed(answer), _listed(truth)
    if any(a is None or a is ... for a in answers):
        return Verdict(False, "No answer yet: replace None by yours and run the cell again.")
    if len(answers) != len(truths):
        return Verdict(False, f"Not yet: {len(truths)} answers are asked for, you gave {len(answers)}.")
    wrong = [i for i, (a, t) in enumerate(zip(answers, truths, strict=True), start=1) if not _agree(a, t, tolerance)]
    if not wrong:
        return Verdict(True, "Right." if len(truths) == 1 else f"Right, all {len(truths)} of them.")
    which = "" if len(truths) == 1 else f" (look again at number {', '.join(map(str, wrong))})"
    return Verdict(False, f"Not yet{which}. {hint}".strip())


def _listed(value: Any) -> list[Any]:
    if hasattr(value, "tolist"):
        value = value.tolist()
    return list(value) if isinstance(value, list | tuple) else [value]


def _agree(answer: Any, truth: float | str, tolerance: float) -> bool:
    if isinstance(truth, str):
        return str(answer).strip().lower() == truth.lower()
    try:
        return abs(float(answer) - truth) <= tolerance
    except (TypeError, ValueError) as error:
        raise InvalidType(f"the answer should be a number, got {answer!r}; write it without quotes.") from error
