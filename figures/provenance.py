"""Provenance in the files: PNG and PDF contain the id and the checksum of the numbers."""

import json
import re
from pathlib import Path
from typing import Any

from figures import manifest
from figures.figure import Figure
from figures.manifest import Row
from figures.registry import FIGURES
from vaelab._utils.errors import DataError
from vaelab._utils.reading import printable, reading

FIELDS = ("id", "preset", "numbers")  # no version of the code: a picture changes only with what it shows
# Lengths are bounded, so that a search is linear in the size of a file, whatever is in it.
IDENTITY = re.compile(rb'{"id": "([a-z0-9-]{1,80})", "preset": "(quick|paper)", "numbers": "([0-9a-f]{64})"}')


def png_metadata(row: Row) -> dict[str, str]:
    """Return the text chunks of a PNG."""
    return {"Software": "vaelab", "Title": row["title"], "Description": row["alt"], "Source": _identity(row)}


def pdf_metadata(row: Row) -> dict[str, Any]:
    """Return the document information of a PDF."""
    words = {"Creator": "vaelab", "Title": row["title"], "Subject": row["alt"], "Keywords": _identity(row)}
    return {**words, "CreationDate": None}


def _identity(row: Row) -> str:
    return json.dumps({name: row[name] for name in FIELDS})


def explain(file: Path) -> str:
    """Describe where a PNG, PDF, csv or npz comes from.

    Raises:
        DataError: If the file is missing or was not written by `vaelab figures make`.
    """
    if not file.is_file():
        raise DataError(f"there is no file {file}; give a PNG, PDF, csv or npz that `vaelab figures make` has written.")
    folder = file.resolve().parent.parent if file.suffix == ".npz" else file.parent  # npz files are in numbers/
    if file.suffix in (".csv", ".npz"):
        identity = next((r for r in manifest.read(folder) if file.name in (*r["files"], f"{r['id']}.npz")), None)
        reason = f"the manifest in {folder} does not list it"
    else:
        with reading(file):
            match = IDENTITY.search(file.read_bytes())
        identity = dict(zip(FIELDS, map(bytes.decode, match.groups()), strict=True)) if match else None
        reason = "it was not written by `vaelab figures make`, or was saved again by another program"
    if identity is None:
        raise DataError(f"{file} has no vaelab provenance: {reason}.")
    lines = [f"{file.name}: figure {identity['id']}, preset {identity['preset']}"]
    rows = [row for row in manifest.read(folder) if all(row[name] == identity[name] for name in FIELDS)]
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
    item = FIGURES.get(identity["id"])  # a figure of another version is made by the command that made it
    options = {**(item.presets.get(identity["preset"], {}) if item else {}), **(rows[0]["settings"] if rows else {})}
    try:
        command = (item.command if item else Figure.command).format(**{**identity, **options})
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise DataError(f"{printable(file)} has provenance of settings that this version does not know.") from error
    return "\n".join(map(printable, [*lines, f"numbers   {identity['numbers']}", f"again     {command}"]))
