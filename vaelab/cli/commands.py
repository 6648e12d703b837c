"""The commands of `vaelab`, put together. Nothing heavy is imported before the command is known."""

import functools
import operator
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

import tyro

from vaelab._utils.errors import UserError
from vaelab.cli.data import data_get, data_list, data_verify, data_where
from vaelab.cli.figures import figures_check, figures_draw, figures_explain, figures_list, figures_make
from vaelab.cli.notebooks import notebooks
from vaelab.cli.report import report
from vaelab.cli.reproduce import reproduce
from vaelab.cli.sweep import sweep
from vaelab.cli.train import train


def doctor() -> None:
    """Check this installation: packages, versions, notebook kernel, device, data; fails if something is amiss."""
    from vaelab.cli.doctor import examine

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
    **{"train": train, "report": report, "sweep": sweep, "reproduce": reproduce},
    **{"notebooks": notebooks, "doctor": doctor},
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
