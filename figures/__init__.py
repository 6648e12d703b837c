"""The figures of the papers: `vaelab figures make`, or `figures.make(["gjs-1d"])` in a notebook.

Names are imported on first use, so that a worker process that trains loads no matplotlib.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from figures.build import check, draw, explain, make
    from figures.registry import FIGURES, MAIN_FIGURES

__all__ = ["FIGURES", "MAIN_FIGURES", "check", "draw", "explain", "make"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'figures' has no attribute {name!r}")
    return getattr(import_module("figures.registry" if name.isupper() else "figures.build"), name)
