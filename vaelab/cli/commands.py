"""All commands of `vaelab`. Heavy imports wait until a command runs."""

import functools
import operator
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import tyro

from vaelab._utils.errors import UserError
from vaelab._utils.reading import printable
from vaelab.cli.data import data_get, data_list, data_verify, data_where
from vaelab.cli.doctor import doctor
from vaelab.cli.figures import figures_check, figures_draw, figures_explain, figures_list, figures_make
from vaelab.cli.notebooks import notebooks
from vaelab.cli.report import report
from vaelab.cli.reproduce import reproduce
from vaelab.cli.streams import standard_streams
from vaelab.cli.sweep import sweep
from vaelab.cli.train import train

Command = Callable[..., None]
FIGURES = (figures_list, figures_make, figures_draw, figures_check, figures_explain)
DATA = (data_list, data_get, data_verify, data_where)
COMMANDS = (train, report, sweep, reproduce, notebooks, doctor)


@standard_streams()
def main() -> None:
    """Run one command; an error for the user is one sentence and exit status 2."""
    try:
        run: Callable[[], None] = tyro.cli(
            _group("figures", "Draw, list, check and explain figures.", FIGURES)
            | _group("data", "List, download, verify and locate data sets.", DATA)
            | _any_of(COMMANDS),
            prog="vaelab",
            description="Understand variational autoencoders: train, measure, and draw the figures of four papers.",
        )
        run()
    except UserError as error:
        print(f"vaelab: {printable(error)}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("vaelab: interrupted; run the same command to resume.", file=sys.stderr)
        raise SystemExit(130) from None


def _group(name: str, description: str, commands: Sequence[Command]) -> Any:
    return Annotated[_any_of(commands), tyro.conf.subcommand(name=name, description=description)]


def _any_of(commands: Sequence[Command]) -> Any:
    return functools.reduce(operator.or_, map(_subcommand, commands))


def _subcommand(command: Command) -> Any:
    @functools.wraps(command)
    def bind(**arguments: Any) -> Callable[[], None]:
        return functools.partial(command, **arguments)

    return Annotated[Any, tyro.conf.subcommand(name=command.__name__.split("_")[-1], constructor=bind)]
