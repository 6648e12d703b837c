"""Progress bars, on standard error or below the cell of a notebook; none without standard error."""

import sys
from typing import Any

from tqdm import auto


class tqdm(auto.tqdm):  # noqa: N801 - a drop-in replacement
    """tqdm's bar, not shown where there is no standard error, as in a service without a console."""

    def __init__(self, *args: Any, disable: bool = False, **options: Any) -> None:
        super().__init__(*args, disable=disable or sys.stderr is None, **options)
