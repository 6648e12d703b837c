"""`vaelab notebooks`: the course notebooks, copied to where their reader works.

Nothing heavy is imported before the command is known.
"""

import importlib.util
import os
import shlex
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import tyro

from vaelab._utils.errors import InvalidValue, StorageError
from vaelab._utils.files import atomic_write, storage_error

Folder = Annotated[str, tyro.conf.Positional, tyro.conf.arg(name="dir", metavar="DIR")]


def notebooks(folder: Folder, overwrite: bool = False) -> None:
    """Copy the course notebooks into a folder; a file with other content is never replaced unasked.

    Args:
        folder: Where to; it is created if it does not exist.
        overwrite: Replace notebooks of the same name that have other content.

    Raises:
        InvalidValue: If no folder is named.
        StorageError: If files are in the way, or the folder cannot be written; nothing is copied.
        DataError: If vaelab has no notebooks.
    """
    from vaelab.data.shipped import notebook_files

    if not folder.strip():
        raise InvalidValue("the name of the folder is empty; try `vaelab notebooks course`.")
    target = Path(folder)
    if target.parts[:1] == ("~",):  # quoted, so that the shell has not replaced it
        target = target.expanduser()
    contents = {file.name: file.read_bytes() for file in notebook_files()}
    copied = copy_files(contents, target, overwrite=overwrite)
    for name in copied:
        print(target / name)
    kept = len(contents) - len(copied)
    unchanged = f"; {kept} {'was' if kept == 1 else 'were'} there already" if kept else ""
    print(f"{len(copied)} of {len(contents)} notebooks copied into {target}{unchanged}.")
    if importlib.util.find_spec("jupyterlab") is None:
        print('JupyterLab is not installed here; this adds it: pip install "vaelab[lab]"')
    print(f"Open them with: jupyter lab {shlex.quote(str(target))}")


def copy_files(contents: dict[str, bytes], folder: Path, *, overwrite: bool) -> list[str]:
    """Write files into a folder, all or none, and return the names of those that were not there.

    Args:
        contents: The bytes of each file, by its name.
        folder: Where to; it is created if it does not exist.
        overwrite: Replace files with other content.

    Raises:
        StorageError: If a file has other content, or the folder cannot be written.
    """
    try:
        missing = [name for name, content in contents.items() if not _holds(folder / name, content)]
        in_the_way = [name for name in missing if os.path.lexists(folder / name)]
        folders = [name for name in in_the_way if (folder / name).is_dir()]
    except OSError as error:
        raise storage_error(folder, error) from error
    if folders:
        raise StorageError(
            f"nothing was copied, since {', '.join(folders)} in {folder} is a folder, not a file; "
            f"choose another folder."
        )
    if in_the_way and not overwrite:
        raise StorageError(
            f"nothing was copied, since {folder} holds {', '.join(in_the_way)} with other content; "
            f"choose another folder, or replace what is there with --overwrite."
        )
    with ExitStack() as parts:  # every file is written in full before the first one gets its name
        for name in missing:
            parts.enter_context(atomic_write(folder / name)).write_bytes(contents[name])
    return missing


def _holds(path: Path, content: bytes) -> bool:
    """Tell if a file has this content; one that cannot be read counts as another."""
    try:
        return path.is_file() and path.read_bytes() == content
    except PermissionError:
        return False
