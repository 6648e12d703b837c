"""Build the API reference of the public names: `python docs/reference.py [FOLDER]`."""

import inspect
import sys
import warnings
from pathlib import Path

import pdoc

import vaelab

FOLDER = Path(__file__).with_name("reference")


def modules() -> list[str]:
    """Return `vaelab` and the modules that it exports; what these do not list is internal."""
    public = (getattr(vaelab, name) for name in vaelab.__all__)
    names = sorted({module.__name__ for module in public if inspect.ismodule(module)})
    covered = set(pdoc.extract.walk_specs(["vaelab"]))
    return ["vaelab", *(name for name in names if name not in covered)]


def build(folder: Path) -> None:
    """Write one page per module and an index.

    Raises:
        UserWarning: If a name cannot be resolved or a docstring cannot be read.
    """
    # The public names are imported when first used; a reference lists them all.
    vars(vaelab).update({name: getattr(vaelab, name) for name in dir(vaelab)})
    pdoc.render.configure(docformat="google", math=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        pdoc.pdoc(*modules(), output_directory=folder)


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
