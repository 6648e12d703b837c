"""How long a panel lives: until it is closed, or no variable and no cell's output holds it.

ipywidgets keeps every widget until it is closed, and a widget keeps its callbacks. So callbacks
refer to their panel weakly, and a panel that is dropped closes its widgets. A panel on a page is kept
until its cell runs again or is deleted.
"""

import re
import threading
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Protocol

from IPython import get_ipython

from vaelab._utils.errors import InvalidValue

RESULT = re.compile(r"_+|_\d+")  # the names of results: _, __, ___, _1, _2, ...


class Closed(InvalidValue):
    """A panel that is used after it was closed."""


class Displayable(Protocol):
    """What a cell can display and hold."""

    def rest(self) -> None:
        """Stop what runs: no cell displays it any more."""


def weakly(method: Callable[..., None], /, **fixed: Any) -> Callable[..., None]:
    """Return a function that calls a method while its object lives and is open, and else does nothing.

    Args:
        method: A bound method; the function keeps no reference to its object.
        fixed: Arguments of every call.
    """
    reference = weakref.WeakMethod(method)

    def call(*arguments: Any) -> None:
        target = reference()
        if target is not None:
            with suppress(Closed, ReferenceError):  # what it belongs to may be gone
                target(*arguments, **fixed)

    return call


def check_alive(owner: Any) -> Callable[[], None]:
    """Return a function that raises Closed once its owner is closed or dropped, or the interpreter ends.

    Long work calls it between its steps; it keeps no reference to the owner.
    """
    reference = weakref.ref(owner)

    def check() -> None:
        target = reference()
        if target is None or not target.__dict__ or not threading.main_thread().is_alive():
            raise Closed("the panel must be open, but it was closed.")

    return check


def tree(widget: Any) -> list[Any]:
    """Return a widget, everything inside it, and all their layouts and styles."""
    parts = [part for name in ("layout", "style") if (part := getattr(widget, name, None)) is not None]
    return [widget, *parts, *(inner for child in getattr(widget, "children", ()) for inner in tree(child))]


# The panels that each cell displays, and those that lost their last cell while the present one runs.
_displayed: dict[str | None, list[Displayable]] = {}
_released: weakref.WeakSet[Displayable] = weakref.WeakSet()


def hold(panel: Displayable) -> None:
    """Keep a panel that the running cell displays until this cell runs again or is deleted."""
    shell = get_ipython()
    if shell is None:
        return
    shell.events.register("pre_run_cell", _release)
    shell.events.register("post_run_cell", _stop_released)
    panels = _displayed.setdefault(_cell(shell, shell.history_manager.input_hist_raw[-1]), [])
    if all(known is not panel for known in panels):
        panels.append(panel)


def _metadata(shell: Any) -> dict[str, Any]:
    """Return the metadata of the front end's request: JupyterLab names the cell, and deleted ones."""
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    return dict(parent.get("metadata") or {})


def _cell(shell: Any, source: str) -> str | None:
    """Return the id of the running cell; where the front end sends none, its source."""
    return _metadata(shell).get("cellId") or source.strip() or None


def _release(info: Any) -> None:
    """Before a cell runs: let go of what it displayed, and of what deleted cells displayed."""
    shell = get_ipython()
    cells = [_cell(shell, info.raw_cell), *_metadata(shell).get("deletedCells", ())]
    gone = [panel for cell in cells if cell is not None for panel in _displayed.pop(cell, [])]
    gone = [panel for panel in gone if not _is_displayed(panel)]
    _forget_results(shell, gone)
    _released.update(gone)


def _stop_released(_: Any) -> None:
    """After a cell has run: stop the panels that a variable still holds, but that no cell displays."""
    for panel in list(_released):
        if not _is_displayed(panel):
            with suppress(Closed):
                panel.rest()
    _released.clear()


def _is_displayed(panel: Displayable) -> bool:
    return any(panel is known for panels in _displayed.values() for known in panels)


def _forget_results(shell: Any, panels: Iterable[Displayable]) -> None:
    """Remove panels from the cached results of cells: Out, _ and _1."""
    known = {id(panel) for panel in panels}
    for names in (shell.user_ns, shell.user_ns_hidden, shell.user_ns.get("Out", {})):
        for name in [name for name, value in names.items() if id(value) in known]:
            if isinstance(name, int) or RESULT.fullmatch(name):
                del names[name]
    for name in ("_", "__", "___"):
        if id(getattr(shell.displayhook, name, None)) in known:
            setattr(shell.displayhook, name, None)
