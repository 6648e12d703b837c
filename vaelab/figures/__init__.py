"""The papers' figures, made by one command: `vaelab figures make`, or `figures.make(["gjs-1d"])` in a notebook."""

from vaelab.figures.build import check, draw, explain, make
from vaelab.figures.registry import FIGURES, TOUR

__all__ = ["FIGURES", "TOUR", "check", "draw", "explain", "make"]
