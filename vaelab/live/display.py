"""Display of figures and panels with an alt text and a visible caption."""

import io

from matplotlib.figure import Figure
from PIL import Image

from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import typed
from vaelab.live.control_panel import ControlPanel
from vaelab.live.figure import small_png
from vaelab.live.outputs import show_picture, show_sentence
from vaelab.live.worker import drawing


@typed
def show(item: Figure | ControlPanel, alt: str | None = None, caption: str | None = None) -> None:
    """Display a figure or a panel with its alt text and, below it, its caption.

    Args:
        item: A matplotlib figure, or a panel, which brings both texts.
        alt: What is seen; of a panel, in its filmstrip.
        caption: What it means.

    Raises:
        InvalidType: If an argument is of another type.
        InvalidValue: If a figure comes without alt text or caption.
    """
    if isinstance(item, ControlPanel):
        item._display(caption, alt)
    elif alt and caption:
        show_picture(_png(item), alt)
        show_sentence(caption)
    else:
        raise InvalidValue(f"alt and caption of a figure must be given, got {alt!r} and {caption!r}.")


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    with drawing:
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return small_png(Image.open(buffer))
