"""The papers' figures, made by one command: `vaelab figures make`, or `figures.make(["gjs-1d"])` in a notebook."""

from figures.build import check, draw, explain, make
from figures.registry import FIGURES, TOUR

__all__ = ["FIGURES", "TOUR", "check", "draw", "explain", "make"]
