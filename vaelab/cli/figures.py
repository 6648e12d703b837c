"""`vaelab figures`: the commands that run the figure scripts of a clone.

The scripts are in the folder figures/ of the repository and not in the package. Nothing heavy is
imported before the command is known.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from vaelab._utils.errors import DataError
from vaelab._utils.files import repository

if TYPE_CHECKING:
    from figures.build import Made

Ids = Annotated[tuple[str, ...], tyro.conf.Positional]
File = Annotated[Path, tyro.conf.Positional]


def figures_folder() -> Path:
    """Make the figure scripts importable as `figures`, and return their folder, into which they draw.

    They are those of the clone around the working directory, else of the checkout that this package
    runs from. Its root is appended to sys.path, so that a worker process, which gets the same path,
    finds the scripts, but never another vaelab than this one.

    Raises:
        DataError: If there is no clone, or Python imports another package called figures.
    """
    here = Path.cwd()
    known = [root for root in (here, *here.parents, repository()) if root and _is_clone(root)]
    if not known:
        raise DataError(
            "the figure scripts are in the folder figures/ of the vaelab repository, not in the installed "
            "package; clone the repository and run this command inside the clone."
        )
    if str(known[0]) not in sys.path:
        sys.path.append(str(known[0]))
    import figures

    folder = Path(figures.__file__).resolve().parent
    if folder != known[0].resolve() / "figures":
        raise DataError(
            f"the figure scripts of {known[0]} cannot be used, since Python imports those of {folder.parent}; run "
            f"this command there, or with the environment of the clone (`make setup`)."
        )
    return folder


def _is_clone(folder: Path) -> bool:
    return (folder / "figures" / "registry.py").is_file() and (folder / "pyproject.toml").is_file()


def figures_list() -> None:
    """Every figure: id, paper, what it shows; * marks the tour that `make figures` draws."""
    figures_folder()
    from figures import FIGURES, MAIN_FIGURES

    for item in FIGURES.values():
        only = "" if "quick" in item.presets else " (paper preset only)"
        print(f"{'*' if item.id in MAIN_FIGURES else ' '} {item.id:<28} {item.paper:<40} {item.title}{only}")


def figures_make(
    ids: Ids = (),
    preset: Literal["quick", "paper"] = "quick",
    device: str = "auto",
    out: Path | None = None,
    all: bool = False,
) -> None:
    """Compute and draw figures: ID.png, ID.pdf, ID.csv, numbers/ID.npz, and a row each in manifest.json.

    Args:
        ids: Which ones; none means the tour.
        preset: quick: minutes, shipped data; paper: the published set-up on full data, hours without a GPU.
        device: auto, cpu, cuda, ...
        out: The folder to write into; figures/ of the clone if left out.
        all: Every figure instead of the tour (those that have this preset).
    """
    folder = figures_folder()
    from figures import FIGURES, make

    every = tuple(item.id for item in FIGURES.values() if preset in item.presets)
    _report(make(every if all else ids, preset, device, out or folder))


def figures_draw(ids: Ids = (), out: Path | None = None) -> None:
    """Draw figures from the committed numbers; nothing is trained.

    Args:
        ids: Which ones; none means all that have committed numbers.
        out: The folder to write into; figures/ of the clone if left out.
    """
    folder = figures_folder()
    from figures import draw

    _report(draw(ids, out or folder))


def _report(made: "list[Made]") -> None:
    """The files, and then how far the numbers are from the committed ones."""
    for figure in made:
        print(*figure.paths, sep="\n")
    for figure in made:
        print(f"{figure.id}: {figure.difference}")


def figures_check(out: Path | None = None) -> None:
    """Compare every file with its checksum in manifest.json; fails, naming each file that is missing or changed.

    Args:
        out: The folder to check; figures/ of the clone if left out.
    """
    folder = figures_folder()
    from figures import check

    print("\n".join(check(out or folder)))


def figures_explain(file: File) -> None:
    """What a figure file shows, where its numbers come from, and the command that draws it again.

    Args:
        file: A PNG, PDF or csv written by vaelab.
    """
    figures_folder()
    from figures import explain

    print(explain(file))
