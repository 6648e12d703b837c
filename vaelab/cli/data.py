"""`vaelab data`. Nothing heavy is imported before the command is known."""

from pathlib import Path
from typing import Annotated

import tyro

Name = Annotated[str, tyro.conf.Positional]


def data_list() -> None:
    """Every data set: images, license, and where it is on this machine."""
    from vaelab.data.inventory import describe

    for row in describe():
        entry = row.entry
        counts, shape = f"{entry.train}+{entry.test}", "x".join(map(str, entry.shape))
        print(f"{entry.name:<18} {counts:>14}  {shape:<9} {entry.license}\n{'':<18} {row.where}")


def data_get(name: Name, folder: Path | None = None) -> None:
    """Download a data set (once), check it, and say where it lies.

    Args:
        name: As in `vaelab data list`.
        folder: Where to put it, instead of the cache.
    """
    from vaelab.data.inventory import get

    print(get(name, folder=folder))


def data_verify() -> None:
    """Check every data file on this machine against its checksum; fails, naming each altered file."""
    from vaelab._utils.errors import DataError
    from vaelab.data.inventory import verify

    results = verify()
    for result in results:
        print(f"{result.name:<18} {'intact' if result.ok else 'altered':<8} {result.path}")
    if altered := [str(result.path) for result in results if not result.ok]:
        raise DataError(
            f"altered or truncated: {', '.join(altered)}; delete them, or run `vaelab data get NAME` to replace them."
        )


def data_where(name: Name) -> None:
    """Where a data set would be taken from; nothing is downloaded.

    Args:
        name: As in `vaelab data list`.
    """
    from vaelab.data.inventory import where

    print(where(name))
