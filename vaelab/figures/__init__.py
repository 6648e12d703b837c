"""The papers' figures, drawn again from one command: `vaelab figures make`, or `vaelab.figures.make(["gjs-1d"])`
in a notebook."""

from vaelab.figures.build import check, explain, make
from vaelab.figures.registry import FIGURES, TOUR

__all__ = ["FIGURES", "TOUR", "check", "explain", "make"]
