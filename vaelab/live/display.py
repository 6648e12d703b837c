"""Display of figures and panels with an alt text and a visible caption."""

import base64
import html
import io

import IPython.display
from matplotlib.figure import Figure

from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import typed
from vaelab.live.control_panel import ControlPanel
from vaelab.live.worker import drawing


@typed
def show(item: Figure | ControlPanel, alt: str | None = None, caption: str | None = None) -> None:
    """Display a figure or a panel with its alt text and, below it, its caption.

    Args:
        item: A matplotlib figure, or a panel, which brings both texts.
        alt: What is seen.
        caption: What it means.

    Raises:
        InvalidType: If an argument is of another type.
        InvalidValue: If a figure comes without alt text or caption.
    """
    if isinstance(item, ControlPanel):
        data, metadata = item._repr_mimebundle_()
        caption = caption or item.caption
    elif alt and caption:
        data = {"image/png": _png(item), "text/plain": alt}
        metadata = {"image/png": {"alt": alt}}
    else:
        raise InvalidValue(f"alt and caption of a figure must be given, got {alt!r} and {caption!r}.")
    IPython.display.display(data, metadata=metadata, raw=True)
    text = {"text/html": f"<p><em>{html.escape(caption)}</em></p>", "text/plain": caption}
    IPython.display.display(text, metadata={}, raw=True)


def _png(figure: Figure) -> str:
    buffer = io.BytesIO()
    with drawing:
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return base64.b64encode(buffer.getvalue()).decode()
