"""One rule for files that cannot be read: a sentence that names the file, whatever the reader raised."""

import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from vaelab._utils.errors import DataError, StorageError, UserError

MAX_REASON = 160  # characters of a library's message in a sentence of ours


@contextmanager
def reading(path: object, remedy: str = "replace or remove it") -> Iterator[None]:
    """Turn what a reader raises on a damaged or unreadable file into one sentence.

    Depending on the place, a flipped byte makes a library raise one of a dozen types: a reader is
    wrapped in this instead of listing them.

    Args:
        path: The file, or its name inside an archive.
        remedy: What the user can do about damage.

    Raises:
        DataError: If the content is damaged.
        StorageError: If the operating system refuses to read it.

    Example:
        >>> with reading("settings.json"):
        ...     raise KeyError("seed")
        Traceback (most recent call last):
        vaelab._utils.errors.DataError: settings.json is damaged ('seed'); replace or remove it.
    """
    try:
        yield
    except UserError:
        raise
    except OSError as error:
        if error.errno is None:  # Pillow and gzip raise this for damage
            raise _damaged(path, error, remedy) from error
        raise StorageError(f"cannot read {printable(path)}: {error.strerror or error}.") from error
    except Exception as error:
        raise _damaged(path, error, remedy) from error


def _damaged(path: object, error: Exception, remedy: str) -> DataError:
    return DataError(f"{printable(path)} is damaged ({reason(error)}); {remedy}.")


def reason(error: BaseException) -> str:
    """Return the message of an error as a part of a sentence: one line; a library's is cut, ours is not.

    Example:
        >>> reason(OSError("cannot identify image file <_io.BytesIO object at 0x7f1c>.\\n"))
        'cannot identify image file'
    """
    text = re.sub(r"\s*<[^<>]* at 0x[0-9a-fA-F]+>", "", str(error))  # an object in memory means nothing to a reader
    longest = None if isinstance(error, UserError) else MAX_REASON
    return printable(" ".join(text.split())[:longest].rstrip(". ") or type(error).__name__)


def printable(text: object) -> str:
    r"""Escape what is no visible character: control codes, line breaks, undecodable bytes of a name.

    Args:
        text: A name or a text from a file.

    Returns:
        Text of one line that a terminal shows and does not obey.

    Example:
        >>> printable("figure\x1b[2J")
        'figure\\x1b[2J'
    """
    return "".join(c if c.isprintable() or unicodedata.category(c) == "Zs" else repr(c)[1:-1] for c in str(text))
