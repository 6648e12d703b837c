"""`vaelab data`. Heavy imports wait until the command runs."""

from vaelab._utils.reading import printable
from vaelab.cli.options import DatasetName, OutputFolder
from vaelab.cli.output import show


def data_list() -> None:
    """List all data sets: number and shape of images, license, and place on this machine."""
    from vaelab.data.inventory import describe

    for row in describe():
        entry = row.entry
        counts = f"{entry.train}+{entry.test}" if entry.train else "your own"
        shape = "x".join(map(str, entry.shape))
        show(f"{entry.name:<18} {counts:>14}  {shape:<9} {entry.license}", f"{'':<18} {printable(row.where)}")


def data_get(name: DatasetName, folder: OutputFolder = None) -> None:
    """Download a data set once, verify its checksum, and print its place.

    Args:
        name: A name listed by `vaelab data list`.
        folder: Where to store it; the cache if omitted.
    """
    from vaelab.data.inventory import get

    show(get(name, folder=folder))


def data_verify() -> None:
    """Verify the checksums of all data files on this machine; exit status 2 if one is altered."""
    from vaelab._utils.errors import DataError
    from vaelab.data.inventory import verify

    results = verify()
    for result in results:
        show(f"{result.name:<18} {'intact' if result.ok else result.problem:<8} {printable(result.path)}")
    if wrong := [f"{result.path} ({result.problem})" for result in results if not result.ok]:
        raise DataError(f"not intact: {', '.join(wrong)}; delete them, or run `vaelab data get NAME`.")


def data_where(name: DatasetName) -> None:
    """Print where a data set would be read from, without downloading it.

    Args:
        name: A name listed by `vaelab data list`.
    """
    from vaelab.data.inventory import where

    show(where(name))
