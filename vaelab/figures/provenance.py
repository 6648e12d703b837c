"""Receipts: every PNG and PDF says inside what it shows, what it comes from, and which command draws it again."""

import json
import re
from pathlib import Path
from typing import Any

from vaelab.errors import DataError
from vaelab.figures import manifest
from vaelab.figures.figure import Figure
from vaelab.figures.registry import FIGURES


def png_metadata(item: Figure, alt: str, receipt: dict[str, str]) -> dict[str, str]:
    return {"Software": "vaelab", "Title": item.shows, "Description": alt, "Source": json.dumps(receipt)}


def pdf_metadata(item: Figure, alt: str, receipt: dict[str, str]) -> dict[str, Any]:
    return {
        "Creator": "vaelab",
        "Title": item.shows,
        "Subject": alt,
        "Keywords": json.dumps(receipt),
        "CreationDate": None,
    }


def explain(file: Path) -> str:
    """The receipt of a PNG, PDF or csv as text.  Raises DataError for a file that has none."""
    if not file.is_file():
        raise DataError(f"there is no file {file}; give a PNG, PDF or csv that `vaelab figures make` has written.")
    receipt = {".png": _from_png, ".pdf": _from_pdf, ".csv": _from_manifest}.get(file.suffix, lambda path: None)(file)
    if receipt is None:
        raise DataError(
            f"{file} carries no vaelab receipt; it was not written by `vaelab figures make`, or was saved again "
            f"by another program."
        )
    lines = [f"{file.name}: figure {receipt['id']}, preset {receipt['preset']}, drawn by vaelab {receipt['vaelab']}"]
    rows = [
        row for row in manifest.read(file.parent) if row["id"] == receipt["id"] and row["result"] == receipt["result"]
    ]
    for row in rows:
        lines += [
            f"shows     {row['shows']}",
            f"paper     {row['paper']}",
            f"in words  {row['alt']}",
            f"settings  {json.dumps(row['settings'])}",
        ]
        lines += [
            f"data      {row['data']['name'] or 'none'}",
            f"versions  {json.dumps(row['versions'])}",
            f"computed  in {row['seconds']:g} s",
        ]
    lines += [f"code      {receipt['code']}", f"result    {receipt['result']}"]
    return "\n".join([*lines, f"again     {_command(receipt, rows[0]['settings'] if rows else {})}"])


def _command(receipt: dict[str, str], settings: dict[str, Any]) -> str:
    """What draws the figure again; for one that this version does not know, what drew it."""
    item = FIGURES.get(receipt["id"])
    given = {**receipt, **(item.presets[receipt["preset"]] if item else {}), **settings}
    return (item.command if item else Figure.command).format(**given)


def _from_png(file: Path) -> dict[str, str] | None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            text = getattr(image, "text", {}).get("Source")
    except (UnidentifiedImageError, OSError, SyntaxError):
        return None
    return _receipt(text)


def _from_pdf(file: Path) -> dict[str, str] | None:
    found = re.search(rb"/Keywords \(((?:\\.|[^\\)])*)\)", file.read_bytes())
    return _receipt(re.sub(r"\\(.)", r"\1", found[1].decode("latin-1"))) if found else None


def _from_manifest(file: Path) -> dict[str, str] | None:
    for row in manifest.read(file.parent):
        if file.name in row["files"]:
            return {
                **{name: row[name] for name in ("id", "preset", "result", "code")},
                "vaelab": row["versions"]["vaelab"],
            }
    return None


def _receipt(text: str | None) -> dict[str, str] | None:
    try:
        receipt = json.loads(text or "")
    except ValueError:
        return None
    return receipt if isinstance(receipt, dict) and "result" in receipt else None
