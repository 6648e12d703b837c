"""What a panel says in words: its readout, and an apology where there is no picture."""

import html
from collections.abc import Sequence

from vaelab.live.figure import Values

Row = tuple[str, str]


def readout(rows: Sequence[Row], sentence: str) -> str:
    """The numbers in one wrapping line, the sentence below: HTML."""
    cells = [f"{html.escape(label)} <b>{html.escape(value)}</b>" for label, value in rows]
    spans = "".join(f"<span style='margin-right:2em;white-space:nowrap'>{cell}</span> " for cell in cells)
    return f"<div style='line-height:1.5'>{spans}<br>{html.escape(sentence)}</div>"


def apology(values: Values, error: Exception) -> str:
    """One sentence for a picture that cannot be drawn, and the way out: HTML."""
    where = ", ".join(f"{k} = {v:.3g}" if isinstance(v, float) else f"{k} = {v}" for k, v in values.items())
    reason = str(error) or type(error).__name__
    return (
        f"<p>The picture cannot be drawn at {html.escape(where)}: {html.escape(reason)} "
        "Move a slider or press Reset to go on.</p>"
    )
