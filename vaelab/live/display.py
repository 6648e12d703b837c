"""Show a figure or a panel with what every reader needs: an alt text, and a caption in plain sight."""

import html
import io
from typing import Any

from matplotlib.figure import Figure

from vaelab._utils.errors import InvalidValue
from vaelab.live import images
from vaelab.live.panel import Panel
from vaelab.live.panels.training import TrainingPanel
from vaelab.live.worker import drawing


def show(thing: Figure | Panel | TrainingPanel, alt: str | None = None, caption: str | None = None) -> None:
    """Display `thing` with its alt text and, below it, its caption; a panel brings both.

    Raises InvalidValue for a figure without alt text or caption.
    """
    if isinstance(thing, Panel | TrainingPanel):
        data, metadata = thing._repr_mimebundle_()
        caption = caption or thing.caption
    elif alt and caption:
        data, metadata = (
            {"image/png": images.base64_text(_png(thing)), "text/plain": alt},
            {"image/png": {"alt": alt}},
        )
    else:
        raise InvalidValue("show(figure, alt, caption) needs both: alt says what is seen, the caption what it means.")
    _display(data, metadata)
    _display({"text/html": f"<p><em>{html.escape(caption)}</em></p>", "text/plain": caption}, {})


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    with drawing:
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _display(data: dict[str, Any], metadata: dict[str, Any]) -> None:
    from IPython.display import display

    display(data, metadata=metadata, raw=True)
