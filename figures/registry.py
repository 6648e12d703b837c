"""Every figure by its id, and the main ones, which `make figures` draws within minutes."""

from importlib import import_module
from pathlib import Path

from figures.figure import FIGURES, Figure
from vaelab._utils.errors import InvalidValue, suggest

__all__ = ["FIGURES", "MAIN_FIGURES", "by_id"]
MAIN_FIGURES = ("gjs-1d", "gjs-mixture-fit", "gjs-recon-vs-alpha", "var-law-bars", "gam-gamma", "cr-latent-clouds")

# A figure is registered when its module is imported, so that adding one touches no other file.
for script in sorted(Path(__file__).parent.glob("*/[!_]*.py")):
    module = import_module(f"figures.{script.parent.name}.{script.stem}")
    FIGURES |= {item.id: item for item in vars(module).values() if isinstance(item, Figure)}


def by_id(id: str) -> Figure:
    """Return the figure of that id.

    Raises:
        InvalidValue: For an unknown one, with similar names.
    """
    if id not in FIGURES:
        raise InvalidValue(f"there is no figure {id!r}; {suggest(id, FIGURES)}")
    return FIGURES[id]
