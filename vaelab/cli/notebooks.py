"""`vaelab notebooks`: copy the course notebooks. Heavy imports wait until the command runs."""

import importlib.util
import os
import shlex
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import tyro

from vaelab._utils.errors import StorageError
from vaelab._utils.files import atomic_write, storage_error
from vaelab._utils.reading import printable
from vaelab.cli.output import show

TargetFolder = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(name="dir", metavar="DIR")]


def notebooks(folder: TargetFolder, overwrite: bool = False, solutions: bool = False) -> None:
    """Copy the course notebooks into a folder, without answers; files with other content are kept.

    Args:
        folder: The folder to write into; it is created if it does not exist.
        solutions: Copy the solutions instead of the student copies.
        overwrite: Replace files of the same name that have other content.
    """
    from vaelab.data.shipped import notebook_files

    contents = {file.name: file.read_bytes() for file in notebook_files(solutions=solutions)}
    copied = copy_files(contents, folder, overwrite=overwrite)
    show(*(printable(folder / name) for name in copied))
    unchanged = f"; unchanged: {len(contents) - len(copied)}" if len(copied) < len(contents) else ""
    show(f"{len(copied)} of {len(contents)} notebooks copied into {printable(folder)}{unchanged}.")
    if importlib.util.find_spec("jupyterlab") is None:
        print('JupyterLab is not installed; run: pip install "vaelab[lab]"')
    show(f"Open them with: jupyter lab {shlex.quote(str(folder))}")


def copy_files(contents: dict[str, bytes], folder: Path, *, overwrite: bool) -> list[str]:
    """Write all files into a folder or none, and return the names of those that were not there."""
    try:
        written = [name for name, content in contents.items() if not _has_content(folder / name, content)]
        existing = [name for name in written if os.path.lexists(folder / name)]
        folders = [name for name in existing if (folder / name).is_dir()]
    except OSError as error:
        raise storage_error(folder, error) from error
    if folders:
        raise StorageError(f"nothing was copied: {', '.join(folders)} in {folder} must be a file, got a folder.")
    if existing and not overwrite:
        raise StorageError(
            f"nothing was copied: {', '.join(existing)} in {folder} must be unchanged or absent, got other content; "
            f"use another folder, or --overwrite."
        )
    with ExitStack() as parts:  # all files are written in full before the first one gets its name
        for name in written:
            parts.enter_context(atomic_write(folder / name, follow=False)).write_bytes(contents[name])
    return written


def _has_content(path: Path, content: bytes) -> bool:
    try:
        return path.is_file() and path.read_bytes() == content
    except PermissionError:
        return False
