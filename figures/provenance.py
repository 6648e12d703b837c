"""Provenance inside the files: a PNG or PDF says what it shows, which numbers it draws, and how to make it again."""

import json
import re
from pathlib import Path
from typing import Any

from figures import manifest
from figures.figure import Figure
from figures.manifest import Row
from figures.registry import FIGURES
from vaelab._utils.errors import DataError

FIELDS = ("id", "preset", "numbers")  # no version of the code: a picture changes only with what it shows


def png_metadata(row: Row) -> dict[str, str]:
    """The text chunks of a PNG."""
    return {"Software": "vaelab", "Title": row["title"], "Description": row["alt"], "Source": _provenance(row)}


def pdf_metadata(row: Row) -> dict[str, Any]:
    """The document information of a PDF."""
    return {
        "Creator": "vaelab",
        "Title": row["title"],
        "Subject": row["alt"],
        "Keywords": _provenance(row),
        "CreationDate": None,
    }


def _provenance(row: Row) -> str:
    return json.dumps({name: row[name] for name in FIELDS})


def explain(file: Path) -> str:
    """The provenance of a PNG, PDF, csv or npz as text.  Raises DataError for a file that has none."""
    if not file.is_file():
        raise DataError(f"there is no file {file}; give a PNG, PDF, csv or npz that `vaelab figures make` has written.")
    folder = file.resolve().parent.parent if file.suffix == ".npz" else file.parent  # npz files are in numbers/
    if file.suffix in (".csv", ".npz"):
        provenance = _from_manifest(file, folder)
        reason = f"the manifest in {folder} does not list it"
    else:
        provenance = {".png": _from_png, ".pdf": _from_pdf}.get(file.suffix, lambda path: None)(file)
        reason = "it was not written by `vaelab figures make`, or was saved again by another program"
    if provenance is None:
        raise DataError(f"{file} carries no vaelab provenance: {reason}.")
    lines = [f"{file.name}: figure {provenance['id']}, preset {provenance['preset']}"]
    rows = [row for row in manifest.read(folder) if all(row[name] == provenance[name] for name in FIELDS)]
    for row in rows:
        origin = row["provenance"]
        seconds = "time not recorded" if origin["seconds"] is None else f"{origin['seconds']:g} s"
        lines += [
            f"shows     {row['title']}",
            f"paper     {row['paper']}",
            f"in words  {row['alt']}",
            f"settings  {json.dumps(row['settings'])}",
            f"data      {row['data']['name'] or 'none'}",
            f"recipes   {', '.join(f'{name} version {version}' for name, version in row['recipes'].items())}",
            f"computed  {seconds}, commit {origin['commit'] or 'unknown'}, on {origin['machine']}",
            f"versions  {json.dumps(origin['versions'])}",
        ]
    lines.append(f"numbers   {provenance['numbers']}")
    return "\n".join([*lines, f"again     {_command(provenance, rows[0]['settings'] if rows else {})}"])


def _command(provenance: dict[str, str], settings: dict[str, Any]) -> str:
    """What draws the figure again; for one that this version does not know, what drew it."""
    item = FIGURES.get(provenance["id"])
    given = {**provenance, **(item.presets[provenance["preset"]] if item else {}), **settings}
    return (item.command if item else Figure.command).format(**given)


def _from_png(file: Path) -> dict[str, str] | None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            text = getattr(image, "text", {}).get("Source")
    except (UnidentifiedImageError, OSError, SyntaxError):
        return None
    return _parse(text)


def _from_pdf(file: Path) -> dict[str, str] | None:
    found = re.search(rb"/Keywords \(((?:\\.|[^\\)])*)\)", file.read_bytes())
    return _parse(re.sub(r"\\(.)", r"\1", found[1].decode("latin-1"))) if found else None


def _from_manifest(file: Path, folder: Path) -> dict[str, str] | None:
    for row in manifest.read(folder):
        if file.name in (*row["files"], f"{row['id']}.npz"):
            return {name: row[name] for name in FIELDS}
    return None


def _parse(text: str | None) -> dict[str, str] | None:
    try:
        provenance = json.loads(text or "")
    except ValueError:
        return None
    return provenance if isinstance(provenance, dict) and set(FIELDS) <= set(provenance) else None
