"""What `jupyter nbconvert --to html` does with a panel: the film-strip, with its alt text, instead of a dead widget.

nbconvert itself knows nothing of the alt text in an output's metadata; an option adds this
preprocessor:

    jupyter nbconvert --to html --HTMLExporter.preprocessors=vaelab.live.export.AltText NOTEBOOK
"""

import html
from typing import Any

from nbconvert.preprocessors import Preprocessor

WIDGET = "application/vnd.jupyter.widget-view+json"


class AltText(Preprocessor):
    """Every picture that carries an alt text becomes an <img> with it."""

    def preprocess(self, notebook: Any, resources: Any) -> tuple[Any, Any]:
        """Without the widgets' state, too: an exported page has no kernel, and would show nothing in their place."""
        notebook.metadata.pop("widgets", None)
        for output in (o for cell in notebook.cells for o in cell.get("outputs", [])):
            data, metadata = output.get("data", {}), output.get("metadata", {})
            alt = metadata.get("image/png", {}).get("alt")
            if alt and "image/png" in data:
                data.pop(WIDGET, None)
                picture = data["image/png"].strip()
                data["text/html"] = f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{picture}">'
        return notebook, resources
