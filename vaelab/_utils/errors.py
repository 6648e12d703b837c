"""What a user can mend: one clear sentence that names the value and the remedy.

The command line prints the sentence and exits with 2; a notebook shows it as the last line of the error.
Each class is also the builtin that Python readers expect, so `except ValueError` works as usual.
"""

import difflib
from collections.abc import Iterable


def suggest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the near ones, or all of them."""
    known = list(known)
    close = difflib.get_close_matches(str(name).lower().replace("_", "-"), known, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(known)}."


class UserError(Exception):
    """Base of every error whose message is meant for the user."""


class InvalidValue(UserError, ValueError):
    """A value outside its range, or shapes that do not match."""


class InvalidType(UserError, TypeError):
    """An argument of the wrong type."""


class DataError(UserError, RuntimeError):
    """Data that is missing, altered, or cannot be fetched."""


class StorageError(UserError, OSError):
    """A file or folder that cannot be read or written: full disk, no permission, not a folder."""


class TrainingError(UserError, ArithmeticError):
    """Training that cannot go on: a loss that is no longer a number."""
