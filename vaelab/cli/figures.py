"""`vaelab figures`: run the scripts in figures/ of the repository, which are not in the package.

Heavy imports wait until the command runs.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from vaelab._utils.errors import DataError
from vaelab._utils.files import repository
from vaelab._utils.reading import printable
from vaelab.cli.options import OutputFolder
from vaelab.cli.output import show
from vaelab.cli.values import Refused

if TYPE_CHECKING:
    from figures.build import Made

FigureIds = Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[ID ...]", help_behavior_hint="")]
FigureFile = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]
CLONE = ("figures/registry.py", "pyproject.toml")


def figures_folder() -> Path:
    """Make the figure scripts importable as `figures`.

    They are those of the clone around the working directory, or else of the checkout from which
    this package runs. Its root is appended to sys.path, which worker processes inherit, so that
    the scripts are found but never another vaelab.

    Returns:
        The folder of the scripts, into which they draw.

    Raises:
        DataError: If there is no clone, or Python imports another package named figures.
    """
    here = Path.cwd()
    folders = [folder for folder in (here, *here.parents, repository()) if folder]
    roots = [folder for folder in folders if all((folder / name).is_file() for name in CLONE)]
    if not roots:
        raise DataError(
            "the figure scripts are in the folder figures/ of the vaelab repository, not in the installed "
            "package; clone the repository and run this command inside the clone."
        )
    root = roots[0].resolve()
    if str(root) not in sys.path:
        sys.path.append(str(root))
    import figures

    folder = Path(figures.__file__).resolve().parent
    if folder != root / "figures":
        raise DataError(
            f"Python imports the figure scripts of {folder.parent} instead of those of {root}; run this command "
            f"there, or with the environment of the clone (`make setup`)."
        )
    return folder


def figures_list() -> None:
    """List all figures: id, paper and title; * marks those that `make figures` draws."""
    figures_folder()
    from figures import FIGURES, MAIN_FIGURES

    for item in FIGURES.values():
        only = "" if "quick" in item.presets else " (paper preset only)"
        show(f"{'*' if item.id in MAIN_FIGURES else ' '} {item.id:<28} {item.paper:<40} {item.title}{only}")


def figures_make(
    ids: FigureIds = (),
    preset: Literal["quick", "paper"] = "quick",
    device: str = "auto",
    out: OutputFolder = None,
    all: bool = False,
) -> None:
    """Compute and draw figures: ID.png, ID.pdf, ID.csv, numbers/ID.npz and rows in manifest.json.

    Args:
        ids: Figures to draw; the main figures if omitted.
        preset: quick: minutes, on the shipped data; paper: hours without a GPU, on larger data and
            the published networks where they are known.
        device: auto, cpu, cuda, ...
        out: The folder to write into; figures/ of the clone if omitted.
        all: Draw all figures that have this preset.
    """
    folder = figures_folder()
    from figures import FIGURES, make
    from figures.registry import by_id
    from vaelab._utils.device import on_device

    on_device(device)
    if all and ids:
        for id in ids:
            by_id(id)  # an unknown name is the fault that matters more
        raise Refused(f"--all must be given without names of figures, got {', '.join(ids)}.")
    available = tuple(item.id for item in FIGURES.values() if preset in item.presets)
    _report(make(available if all else ids, preset, device, out or folder))


def figures_draw(ids: FigureIds = (), out: OutputFolder = None) -> None:
    """Draw figures from the committed numbers, without training.

    Args:
        ids: Figures to draw; all that have committed numbers if omitted.
        out: The folder to write into; figures/ of the clone if omitted.
    """
    folder = figures_folder()
    from figures import draw

    _report(draw(ids, out or folder))


def _report(figures: "list[Made]") -> None:
    for figure in figures:
        show(*map(printable, figure.paths))
    for figure in figures:  # last, where they are read: the distances from the committed numbers
        show(f"{figure.id}: {figure.difference}")


def figures_check(out: OutputFolder = None) -> None:
    """Compare all files with their checksums; exit status 2 if one is missing or changed.

    Args:
        out: The folder to check; figures/ of the clone if omitted.
    """
    folder = figures_folder()
    from figures import check

    show(*check(out or folder))


def figures_explain(file: FigureFile) -> None:
    """Print what a figure file shows, the origin of its numbers, and the command that draws it.

    Args:
        file: A PNG, PDF or csv file written by vaelab.
    """
    figures_folder()
    from figures import explain

    show(explain(file))
