"""All commands of `vaelab`. Heavy imports wait until a command runs."""

import functools
import inspect
import operator
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, get_type_hints

import tyro

from vaelab._utils.errors import UserError
from vaelab._utils.reading import printable
from vaelab.cli.data import data_get, data_list, data_verify, data_where
from vaelab.cli.doctor import doctor
from vaelab.cli.figures import figures_check, figures_draw, figures_explain, figures_list, figures_make
from vaelab.cli.notebooks import notebooks
from vaelab.cli.parsing import parse
from vaelab.cli.preset import preset
from vaelab.cli.report import report
from vaelab.cli.reproduce import reproduce
from vaelab.cli.streams import standard_streams
from vaelab.cli.sweep import sweep
from vaelab.cli.train import train
from vaelab.cli.values import checked

Command = Callable[..., None]
FIGURES = (figures_list, figures_make, figures_draw, figures_check, figures_explain)
DATA = (data_list, data_get, data_verify, data_where)
COMMANDS = (train, preset, report, sweep, reproduce, notebooks, doctor)
NO_MEMORY = ("not enough memory", "can't allocate memory", "out of memory", "overflow")  # in what torch raises


@standard_streams()
def main() -> None:
    """Run one command; an error for the user is one sentence and exit status 2."""
    try:
        run: Callable[[], None] = parse(
            _group("figures", "Draw, list, check and explain figures.", FIGURES)
            | _group("data", "List, download, verify and locate data sets.", DATA)
            | _any_of(COMMANDS),
            {
                "figures": [_name(command) for command in FIGURES],
                "data": [_name(command) for command in DATA],
                **{_name(command): [] for command in COMMANDS},
            },
        )
        run()
    except UserError as error:
        _end(printable(error), 2)
    except KeyboardInterrupt:
        _end("interrupted; what is complete is stored, and the same command continues.", 130)
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(words in str(error) for words in NO_MEMORY):
            raise
        _end("memory is not enough; choose fewer latents, samples, or images per step, or smaller layers.", 2)


def _end(sentence: str, status: int) -> None:
    print(f"vaelab: {sentence}", file=sys.stderr)
    raise SystemExit(status) from None


def _group(name: str, description: str, commands: Sequence[Command]) -> Any:
    return Annotated[_any_of(commands), tyro.conf.subcommand(name=name, description=description)]


def _any_of(commands: Sequence[Command]) -> Any:
    return functools.reduce(operator.or_, map(_subcommand, commands))


def _name(command: Command) -> str:
    return command.__name__.split("_")[-1]


def _subcommand(command: Command) -> Any:
    def bind(**arguments: Any) -> Callable[[], None]:
        return functools.partial(command, **arguments)

    hints, signature = get_type_hints(command, include_extras=True), inspect.signature(command)
    bind.__doc__, bind.__name__ = command.__doc__, command.__name__
    bind.__annotations__ = {name: checked(_title(name, hints[name]), hints[name]) for name in signature.parameters}
    bind.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[p.replace(annotation=bind.__annotations__[name]) for name, p in signature.parameters.items()]
    )
    return Annotated[Any, tyro.conf.subcommand(name=_name(command), constructor=bind)]


def _title(name: str, hint: Any) -> str:
    """Return what the help calls an argument: --NAME, or the word of a positional one."""
    marks = getattr(hint, "__metadata__", ())
    if tyro.conf.Positional not in marks and not any(str(mark) == str(tyro.conf.Positional) for mark in marks):
        return f"--{name.replace('_', '-')}"
    return next(str(mark.metavar) for mark in marks if getattr(mark, "metavar", None)).strip("[]. ")
