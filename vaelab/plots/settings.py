"""The three styles: settings of matplotlib for the thread that draws, and for no other.

`matplotlib.rc_context` changes the settings of all threads, and starts from those of the user. Here
a thread has its own complete settings while it draws, so that the user's reach no picture of ours,
and ours reach no picture of the user's, also while a panel is drawn in the background.
"""

import copy
import functools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue

try:
    import matplotlib as mpl
except ValueError as error:  # a notebook's MPLBACKEND is inherited by what it starts
    backend = os.environ.get("MPLBACKEND")
    raise InvalidValue(f"MPLBACKEND must be a backend of matplotlib, got {backend!r}; unset it.") from error

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

Style = Literal["paper", "notebook", "talk"]
STYLES = Path(__file__).parent / "style"
# Settings of windows and sessions, not of pictures: those of the user hold everywhere.
OF_SESSION = (
    *("backend", "interactive", "toolbar", "webagg.", "tk.", "keymap.", "docstring.", "timezone", "date.epoch"),
    *("savefig.directory", "figure.raise_window", "figure.max_open_warning"),
)


class _Local(threading.local):
    settings: dict[str, Any] | None = None


_local = _Local()
_lock = threading.Lock()
_active = 0  # number of blocks in all threads


class _ThreadSettings(mpl.RcParams):
    """matplotlib's settings, of which a thread reads and writes its own, if it has some."""

    def _own(self) -> dict[str, Any]:
        return (_local.settings or {}) if self is mpl.rcParams else {}  # not in a copy

    def _get(self, key: Any) -> Any:
        own = self._own()
        return own[key] if key in own else super()._get(key)

    def _set(self, key: Any, val: Any) -> None:
        own = self._own()
        if key in own:
            own[key] = val
        else:
            super()._set(key, val)

    def _update_raw(self, other_params: Any) -> None:
        own, other = self._own(), dict(dict.items(other_params))
        own |= {key: other.pop(key) for key in own.keys() & other.keys()}
        super()._update_raw(other)


@contextmanager
def _use(settings: dict[str, Any]) -> Iterator[None]:
    _count(1)
    before, _local.settings = _local.settings, settings
    try:
        yield
    finally:
        _local.settings = before
        _count(-1)


def _count(change: int) -> None:
    """Count the blocks; outside of all of them, matplotlib is as it was."""
    global _active
    with _lock:
        _active += change
        mpl.rcParams.__class__ = _ThreadSettings if _active else mpl.RcParams


@functools.cache
def _settings(name: str, dark: bool) -> dict[str, Any]:
    paths = [STYLES / f"{part}.mplstyle" for part in ("common", name, *["dark"] * dark)]
    files = [mpl.rc_params_from_file(path, use_default_template=False) for path in paths]
    complete = {key: part._get(key) for part in (mpl.rcParamsDefault, *files) for key in part}
    return {key: value for key, value in complete.items() if not key.startswith(OF_SESSION)}


@contextmanager
def style(name: Style = "notebook", *, dark: bool = False) -> Iterator[None]:
    """Draw in one of the three styles within a `with` block, whatever the user's settings.

    Only this thread draws in the style. A setting that is changed in the block holds in the block.

    Args:
        name: "paper", "notebook" or "talk".
        dark: Whether the page is dark; `palette` then returns lighter colors.

    Yields:
        Nothing; outside of the block, and in other threads, matplotlib's settings are the user's.

    Raises:
        InvalidType, InvalidValue: If the style is unknown, or `dark` is neither True nor False.

    Example:
        >>> with style("talk"):
        ...     print(mpl.rcParams["font.size"])
        18.0
    """
    checks.one_of("style", name, get_args(Style))
    with _use(copy.deepcopy(_settings(name, checks.flag("dark", dark)))):
        yield


class StyledFigure(Figure):
    """A figure that is drawn and saved in the style in which it was made."""

    def __init__(self, width: float, height: float) -> None:
        super().__init__(figsize=(width, height))
        self._style = _local.settings

    @contextmanager
    def style(self) -> Iterator[None]:
        """Draw in the style of this figure within a `with` block; in the present one, if it has none."""
        with _use(self._style if self._style is not None else _local.settings or {}):
            yield

    def draw(self, renderer: Any) -> None:
        """Draw on a renderer."""
        with self.style():
            super().draw(renderer)

    def savefig(self, fname: Any, **options: Any) -> None:
        """Save as `matplotlib.figure.Figure.savefig` does."""
        with self.style():
            super().savefig(fname, **options)


def new_figure(width: float, height: float) -> StyledFigure:
    """Create a figure with its own canvas, unknown to pyplot.

    Args:
        width: Inches.
        height: Inches.

    Returns:
        The figure. In the block of a `style`, it keeps this style after the block.

    Raises:
        InvalidValue: If a side is not in [0.1, 600].
    """
    for side, inches in (("width", width), ("height", height)):
        checks.in_range(side, inches, 0.1, 600)
    figure = StyledFigure(width, height)
    FigureCanvasAgg(figure)
    return figure
