"""The command line, `vaelab COMMAND`: one file per command, put together in `commands`."""

from vaelab.cli.commands import main

__all__ = ["main"]
