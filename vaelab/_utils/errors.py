"""Errors that the user can correct: one sentence that names the value.

The command line prints the sentence and exits with 2; a notebook shows it as the last line.
Each class is also a builtin error, so `except ValueError` works.
"""

import difflib
import re
from collections.abc import Iterable

MOST_NAMES = 20  # in a sentence


def suggest(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown name: the similar names, or all of them.

    Example:
        >>> suggest("mnits", ["mnist", "cifar10"])
        'did you mean mnist?'
    """
    known = list(known)
    others = f" and {len(known) - MOST_NAMES} others" if len(known) > MOST_NAMES else ""
    listed = ", ".join(known[:MOST_NAMES]) + others
    close = difflib.get_close_matches(str(name).lower().replace("_", "-"), known, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(close)}?" if close else f"known are {listed}."


class UserError(Exception):
    """Base class of errors whose message is meant for the user.

    The first argument is the message. Whatever a value in it looks like, it is shown as one line,
    without addresses of objects in memory.

    Example:
        >>> print(UserError(f"views must be a function, got {object()!r}."))
        views must be a function, got <object object>.
    """

    def __str__(self) -> str:
        message = str(self.args[0]) if self.args else ""
        return re.sub(r"\s*\n\s*", " ", re.sub(r" at 0x[0-9a-fA-F]*", "", message))


class InvalidValue(UserError, ValueError):
    """A value outside its range, or shapes that do not match."""


class InvalidType(UserError, TypeError):
    """An argument of the wrong type."""


class DataError(UserError, RuntimeError):
    """Data that is missing, altered or unavailable."""


class StorageError(UserError, OSError):
    """A file or folder that cannot be read or written."""


class TrainingError(UserError, ArithmeticError):
    """A training that cannot continue: its loss is not finite."""
