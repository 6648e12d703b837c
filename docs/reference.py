"""Build the API reference from the docstrings: `python docs/reference.py [FOLDER]`."""

import pkgutil
import sys
import warnings
from pathlib import Path

import pdoc

import vaelab

FOLDER = Path(__file__).with_name("reference")


def modules() -> list[str]:
    """Return the public modules; those that a package lists itself are not named again."""
    specs, covered = ["vaelab"], set(pdoc.extract.walk_specs(["vaelab"]))
    for module in pkgutil.walk_packages(vaelab.__path__, "vaelab."):
        if module.name not in covered and "._" not in module.name and module.name != "vaelab.__main__":
            specs.append(module.name)
            covered |= set(pdoc.extract.walk_specs([module.name]))
    return specs


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
