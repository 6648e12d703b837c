"""Standard output and error of a command: of any encoding, absent, or closed by their reader."""

import codecs
import os
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from vaelab._utils.errors import UserError
from vaelab._utils.files import REMEDIES

PLAIN = {
    **{"‖": "||", "²": "^2", "½": "1/2", "±": "+-", "×": "x", "·": "*", "√": "sqrt", "∞": "inf"},
    **{"→": "->", "≤": "<=", "≥": ">=", "≈": "~", "−": "-", "–": "-", "—": "-", "…": "...", "•": "*"},
    **{"‘": "'", "’": "'", "“": '"', "”": '"', "─": "-", "│": "|", "╭": "+", "╮": "+", "╰": "+", "╯": "+"},
}


@contextmanager
def standard_streams() -> Iterator[None]:
    """Print whatever a stream can show, and end quietly when nobody reads any more.

    What the encoding of a stream lacks is spelled: alpha for α, || for ‖, \\xe9 for é. A stream
    that does not exist, as in a service without a console, takes everything and shows nothing.
    """
    before = sys.stdout, sys.stderr
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - a device
        sys.stdout, sys.stderr = (nowhere if stream is None else stream for stream in before)
        for stream in (sys.stdout, sys.stderr):
            if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
                reconfigure(errors="vaelab.plain")
        try:
            try:
                yield
            finally:
                sys.stdout.flush()
        except BrokenPipeError:  # the reader of a pipe, such as `head`, has closed it
            _discard(nowhere)
            raise SystemExit(1) from None
        except OSError as error:
            if isinstance(error, UserError) or error.errno not in REMEDIES or error.filename is not None:
                raise
            _discard(nowhere)
            print(f"vaelab: cannot write to standard output: {error.strerror}.", file=sys.stderr)
            raise SystemExit(2) from None
        finally:
            sys.stdout, sys.stderr = before


def _discard(nowhere: TextIO) -> None:
    """Let what is still to be written to standard output at the end of the process go nowhere."""
    with suppress(OSError, ValueError):  # a stream that is no file
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _spell(error: UnicodeError) -> tuple[str, int]:
    """Spell what cannot be encoded; a word in another script, such as a name of a file, is escaped."""
    assert isinstance(error, UnicodeEncodeError)
    text = error.object
    return "".join(_spelled(text[i], text[max(i - 1, 0) : i + 2]) for i in range(error.start, error.end)), error.end


def _spelled(character: str, with_neighbors: str) -> str:
    words = unicodedata.name(character, "").split()
    alone = sum(c.isalpha() and not c.isascii() for c in with_neighbors) == 1
    if alone and words[:1] == ["GREEK"] and len(words) == 4:  # GREEK SMALL LETTER ALPHA
        return words[3].lower() if words[1] == "SMALL" else words[3].capitalize()
    return PLAIN.get(character) or character.encode("ascii", "backslashreplace").decode()


codecs.register_error("vaelab.plain", _spell)
