"""The command line, `vaelab COMMAND`.  Nothing heavy is imported before the command is known."""

import functools
import operator
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import tyro

from vaelab.cli_figures import figures_check, figures_draw, figures_explain, figures_list, figures_make
from vaelab.cli_report import report
from vaelab.cli_reproduce import reproduce
from vaelab.cli_sweep import sweep
from vaelab.cli_train import train
from vaelab.errors import UserError

Name = Annotated[str, tyro.conf.Positional]


def data_list() -> None:
    """Every data set: images, licence, and where it is on this machine."""
    from vaelab.datasets import describe

    for row in describe():
        counts, shape = f"{row.train}+{row.test}", "x".join(map(str, row.shape))
        print(f"{row.name:<18} {counts:>14}  {shape:<9} {row.licence}\n{'':<18} {row.where}")


def data_get(name: Name, folder: Path | None = None) -> None:
    """Download a data set (once), check it, and say where it lies.

    Args:
        name: As in `vaelab data list`.
        folder: Where to put it, instead of the cache.
    """
    from vaelab.datasets import get

    print(get(name, folder=folder))


def data_verify() -> None:
    """Check every data file on this machine against its checksum; fails, naming each altered file."""
    from vaelab.datasets import verify
    from vaelab.errors import DataError

    verdicts = verify()
    for verdict in verdicts:
        print(f"{verdict.name:<18} {verdict.message:<24} {verdict.path}")
    if bad := [verdict.path for verdict in verdicts if not verdict.ok]:
        raise DataError(
            f"altered or cut short: {', '.join(bad)}; delete them, or fetch them anew with `vaelab data get NAME`."
        )


def data_where(name: Name) -> None:
    """Where a data set would be taken from; nothing is downloaded.

    Args:
        name: As in `vaelab data list`.
    """
    from vaelab.datasets import where

    print(where(name))


def doctor() -> None:
    """Check this installation: packages, versions, notebook kernel, device, data; fails if something is amiss."""
    from vaelab.doctor import examine

    examine()


GROUPS: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {
    "figures": (
        "Draw, list, check and explain figures.",
        {
            "list": figures_list,
            "make": figures_make,
            "draw": figures_draw,
            "check": figures_check,
            "explain": figures_explain,
        },
    ),
    "data": (
        "List, download, verify and locate data sets.",
        {"list": data_list, "get": data_get, "verify": data_verify, "where": data_where},
    ),
}
COMMANDS: dict[str, Callable[..., None]] = {
    **{"train": train, "report": report, "sweep": sweep, "reproduce": reproduce, "doctor": doctor},
}


def main() -> None:
    """Run one command; an error that the user can mend is one sentence and exit status 2."""
    commands = [_group(name, *content) for name, content in GROUPS.items()] + [
        _command(name, function) for name, function in COMMANDS.items()
    ]
    run = tyro.cli(
        functools.reduce(operator.or_, commands),
        prog="vaelab",
        description="Understanding variational autoencoders by moving them.",
    )
    try:
        run()
    except UserError as error:
        print(f"vaelab: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("vaelab: interrupted; what was finished is kept, run the same command to go on.", file=sys.stderr)
        raise SystemExit(130) from None


def _group(name: str, description: str, commands: dict[str, Callable[..., None]]) -> Any:
    choices = functools.reduce(operator.or_, (_command(n, function) for n, function in commands.items()))
    return Annotated[choices, tyro.conf.subcommand(name=name, description=description)]


def _command(name: str, function: Callable[..., None]) -> Any:
    @functools.wraps(function)
    def bind(**arguments: Any) -> Callable[[], None]:
        return functools.partial(function, **arguments)

    return Annotated[Any, tyro.conf.subcommand(name=name, constructor=bind)]
