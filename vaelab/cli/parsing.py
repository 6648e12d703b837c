"""From the words of a command line to a command: what tyro prints in a box is one sentence here."""

import io
import re
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from shutil import get_terminal_size
from typing import Any, TextIO

import tyro

from vaelab._utils.errors import suggest
from vaelab.cli.values import Refused, shown

LONGEST = 4096  # characters of an argument, as of a path
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")  # of colored text
EDGES = re.compile(r"^[╭╰+].*|^[│|] [─-]{3,}.*|^[│|] ?| *[│|]$")  # of a box, and the rules inside it


class _Page(io.StringIO):
    """Text that is kept, and colored as on the stream for which it is meant."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__()
        self.stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]  # tyro draws boxes of ASCII unless this is utf-8
        return getattr(self.stream, "encoding", None) or "ascii"

    def isatty(self) -> bool:
        return self.stream is not None and self.stream.isatty()


def parse(commands: Any, names: Mapping[str, Sequence[str]]) -> Callable[[], None]:
    """Return the command of `sys.argv` with its arguments; print the help and exit if it asks for it.

    Args:
        commands: The type of all commands, for tyro.
        names: Names of commands, and of the commands of a group.

    Raises:
        Refused: For what is no command line of vaelab.
    """
    arguments = sys.argv[1:]
    _refuse_at_once(arguments, names)
    help, box = _Page(sys.stdout), _Page(sys.stderr)
    try:
        with redirect_stdout(help), redirect_stderr(box):
            run: Callable[[], None] = tyro.cli(
                commands,
                args=arguments,
                prog="vaelab",
                description="Understand variational autoencoders: train, measure, and draw the figures of four papers.",
            )
    except SystemExit as exit:
        if exit.code:
            raise Refused(_sentence(ESCAPES.sub("", box.getvalue()), arguments)) from None
        print(_wrapped(help.getvalue()), end="")
        raise
    return run


def _refuse_at_once(arguments: Sequence[str], names: Mapping[str, Sequence[str]]) -> None:
    for argument in arguments:
        if len(argument) > LONGEST:
            raise Refused(f"an argument must have at most {LONGEST} characters, got {shown(argument)}.")
    options = [argument.partition("=")[0].replace("_", "-") for argument in arguments if argument.startswith("--")]
    for name, times in Counter(re.sub("^--no-", "--", option) for option in options).items():
        if times > 1:
            raise Refused(f"{name} must be given once, got it {times} times.")
    known: Sequence[str] = list(names)
    for argument in arguments:  # the command, and that of a group
        if not known or argument in ("-h", "--help") or argument.startswith("--tyro-"):
            return
        if argument not in known:
            raise Refused(f"there is no command {shown(argument)}; {suggest(argument, known)}")
        known = names.get(argument, [])
    if known:
        raise Refused(f"a command is missing after `{' '.join(['vaelab', *arguments])}`: {', '.join(known)}.")


def _sentence(box: str, arguments: Sequence[str]) -> str:
    """Return the first section of a box of tyro as a sentence."""
    text = " ".join(EDGES.sub("", line) for line in box.splitlines())
    if match := re.search(r"Unrecognized (?:or misplaced )?options: ([^\s,]+)", text):
        found = re.findall(r"(?<=[ ,])--[a-z-]+", text.partition("meant:")[2].partition(" in vaelab ")[0])
        close = list(dict.fromkeys(found))
        ending = f"; did you mean {' or '.join(close[:3])}?" if close and match[1].startswith("-") else "."
        word = next((argument for argument in arguments if argument.startswith(match[1])), match[1])
        return f"there is no option or argument {shown(word)} here{ending}"
    if match := re.search(r"Missing value for argument '(.+?)'", text):
        return f"{match[1] if match[1].startswith('-') else match[1].upper()} needs a value."
    if match := re.search(r"Missing from (.+?): +(\S+)", text):
        return f"`{match[1]}` needs {match[2]}; see `{match[1]} --help`."
    return " ".join(text.split())[:200]


def _wrapped(help: str) -> str:
    """Break the lines that tyro does not: the usage and the description."""
    width = min(80, get_terminal_size().columns)
    lines = [
        textwrap.fill(line, width, subsequent_indent=" " * 7 if "usage:" in line else "")
        if len(ESCAPES.sub("", line)) > width
        else line
        for line in help.splitlines()
    ]
    return "\n".join(lines) + "\n"
