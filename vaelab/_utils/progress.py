"""Progress bars, on standard error or below the cell of a notebook; none without standard error."""

import sys
from typing import Any

from tqdm import auto, std


def _in_notebook() -> bool:
    """Return whether a kernel runs this; `tqdm.auto` also says so where a program has merely imported one."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_ipython is not None and get_ipython() is not None


Bar: Any = auto.tqdm if _in_notebook() else std.tqdm


class tqdm(Bar):  # noqa: N801 - a drop-in replacement
    """tqdm's bar, not shown where there is no standard error, as in a service without a console."""

    def __init__(self, *args: Any, disable: bool = False, **options: Any) -> None:
        super().__init__(*args, disable=disable or sys.stderr is None, **options)
