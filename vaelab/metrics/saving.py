"""A report in a folder: to read, to compute with, to look at."""

import io
from pathlib import Path

from vaelab._utils.files import atomic_write
from vaelab.metrics.report_numbers import Report, table, to_json


def save(report: Report, folder: Path | str) -> list[Path]:
    """Write report.txt, report.json, report.png and report.pdf; equal reports give equal bytes.

    Raises StorageError when the folder cannot be written.
    """
    from vaelab import plots
    from vaelab.metrics.report_figure import draw

    contents = {"txt": f"{table(report)}\n".encode(), "json": to_json(report).encode()}
    drawing = draw(report, "paper")
    with plots.style("paper"):
        for kind, metadata in (("png", {"Software": "vaelab"}), ("pdf", {"CreationDate": None})):
            buffer = io.BytesIO()
            drawing.savefig(buffer, format=kind, metadata=metadata)
            contents[kind] = buffer.getvalue()
    paths = []
    for kind, content in contents.items():
        paths.append(Path(folder) / f"report.{kind}")
        with atomic_write(paths[-1]) as part:
            part.write_bytes(content)
    return paths
