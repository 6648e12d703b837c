"""Files that come with vaelab: two small data sets, the course notebooks, tables of figures.

A checkout has them in its own folders, an installed package beside this module.
"""

from pathlib import Path

from vaelab._utils.errors import DataError
from vaelab._utils.files import repository
from vaelab.data.catalogue import Entry
from vaelab.data.locate import checksum


def shipped_file(entry: Entry) -> Path:
    """Return the file of a small data set; raise `DataError` if it is missing or altered."""
    ((name, expected),) = entry.ships.items()
    path = shipped_path(name)
    if not path.is_file():
        raise DataError(f"{path}, which ships with vaelab, is missing; {_remedy('data')}.")
    if checksum(path, expected) != expected:
        raise DataError(
            f"{path} is altered or truncated (its checksum is not that of {entry.name}); {_remedy('data')}."
        )
    return path


def shipped_path(name: str) -> Path:
    """Return where a file of a small data set has to be."""
    return _folder("data", "") / name


def notebook_files(*, solutions: bool = False) -> list[Path]:
    """Return the student copies of the notebooks, or the solutions; raise `DataError` if there are none."""
    folder = _folder("notebooks", "notebooks") / ("solutions" if solutions else "student")
    files = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not files:
        raise DataError(f"the notebooks, which ship with vaelab, are missing in {folder}; {_remedy('notebooks')}.")
    return files


def figure_table(name: str) -> Path:
    """Return the csv table of a figure, so that a notebook can read it wherever it runs.

    Args:
        name: Id of the figure; an installed package has only those that the notebooks read.

    Raises:
        DataError: If there is no such table.

    Example:
        >>> figure_table("cr-lambda").name
        'cr-lambda.csv'
    """
    path = _folder("figures", "tables") / f"{name}.csv"
    if not path.is_file():
        raise DataError(f"the table {path} is missing: the folder figures/ of the vaelab repository has all tables.")
    return path


def _folder(name: str, installed: str) -> Path:
    root = repository()
    return root / name if root else Path(__file__).resolve().parent / installed


def _remedy(folder: str) -> str:
    return f"`git checkout {folder}/` restores it" if repository() else "install vaelab again"
