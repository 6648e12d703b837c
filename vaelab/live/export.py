"""Export of notebooks by nbconvert: panels become filmstrips with their alt texts.

jupyter nbconvert --to html --HTMLExporter.preprocessors=vaelab.live.export.AltText NOTEBOOK
"""

import html
from typing import Any

from nbconvert.preprocessors import Preprocessor

WIDGET = "application/vnd.jupyter.widget-view+json"


class AltText(Preprocessor):
    """A preprocessor that turns every image with an alt text into an `<img>` with it."""

    def preprocess(self, notebook: Any, resources: Any) -> tuple[Any, Any]:
        """Replace the images, and drop the widgets: an exported page has no kernel."""
        notebook.metadata.pop("widgets", None)
        for output in (o for cell in notebook.cells for o in cell.get("outputs", [])):
            data, metadata = output.get("data", {}), output.get("metadata", {})
            alt = metadata.get("image/png", {}).get("alt")
            if alt and "image/png" in data:
                data.pop(WIDGET, None)
                picture = data["image/png"].strip()
                data["text/html"] = f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{picture}">'
        return notebook, resources
