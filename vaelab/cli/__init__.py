"""The command line, `vaelab COMMAND`: one file per command; `commands` puts them together.

Nothing heavy is imported before the command is known.
"""

from vaelab.cli.commands import main

__all__ = [
    "main",
]
