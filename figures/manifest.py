"""manifest.json: figures, the origin of their numbers and the checksums of their files."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from figures import npz
from figures.figure import Figure
from vaelab._utils.errors import DataError
from vaelab._utils.files import atomic_write, lock, sha256
from vaelab._utils.reading import reading
from vaelab.runs.store import VERSIONS, Provenance

NAME = "manifest.json"
FOLDER = Path(__file__).resolve().parent  # the pictures are beside the scripts
Row = dict[str, Any]
TEXTS = ("id", "paper", "title", "alt", "preset", "numbers")
TABLES = ("settings", "data", "recipes", "provenance", "files")
KINDS = {"seeds": list} | dict.fromkeys(TEXTS, str) | dict.fromkeys(TABLES, dict)
ORDER = ("id", "paper", "title", "alt", "preset", "settings", "seeds", "data", "recipes", "numbers", "provenance")


def read(out: Path) -> list[Row]:
    """Read the rows of the manifest in a folder; none if it has no manifest.

    Raises:
        DataError: If the manifest is damaged.
    """
    path = out / NAME
    if not path.is_file():
        return []
    with reading(path, "restore it with git, or delete it and make its figures again"):
        return parse(path.read_text(encoding="utf-8"))


def parse(text: str) -> list[Row]:
    """Return the rows in the text of a manifest, or raise ValueError if one is not as written here."""
    rows = [dict(row) for row in json.loads(text)["figures"]]
    for row in rows:
        if set(row) != {*ORDER, "files"} or not all(isinstance(row[name], kind) for name, kind in KINDS.items()):
            raise ValueError("a row has other entries")
        if set(row["provenance"]) != set(Provenance._fields) or not re.fullmatch("[0-9a-f]{64}", row["numbers"]):
            raise ValueError(f"the row of {row['id']} has no checksum or no provenance")
        if not isinstance(row["provenance"]["seconds"], float | int | None) or set(row["data"]) != {"name", "sha256"}:
            raise ValueError(f"the row of {row['id']} has other entries")
        if not all(isinstance(entry, str) and entry.isprintable() for entry in (*row["files"], row["id"])):
            raise ValueError("a file has no name")
    return rows


def record(out: Path, row: Row, paths: Sequence[Path]) -> None:
    """Write a figure's row with the checksums of its files; it replaces the row of this id."""
    row = {name: row[name] for name in ORDER} | {"files": {path.name: sha256(path) for path in paths}}
    with lock(out / f".{NAME}.lock", wait=True):  # two processes that make figures keep the rows of both
        rows = sorted([*(other for other in read(out) if other["id"] != row["id"]), row], key=lambda r: r["id"])
        with atomic_write(out / NAME) as part:
            part.write_text(json.dumps({"figures": rows}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def check(out: Path) -> list[str]:
    """Compare the files of a folder with their checksums.

    Returns:
        One line per figure.

    Raises:
        DataError: With every file that is missing or altered.
    """
    rows = read(out)
    if not rows:
        raise DataError(f"there is no manifest in {out}; make the figures first with `vaelab figures make`.")
    if wrong := [difference for row in rows for difference in _differences(out, row)]:
        raise DataError(f"{'; '.join(wrong)}; draw them again with `vaelab figures draw`.")
    return [f"{row['id']}: unchanged" for row in rows]


def _differences(out: Path, row: Row) -> Iterator[str]:
    for name, checksum in row["files"].items():
        if not (out / name).is_file():
            yield f"{out / name} is missing"
        elif sha256(out / name) != checksum:
            yield f"{out / name} was changed since it was written"
    try:
        npz.read(out, row["id"], row["numbers"])
    except DataError as error:
        yield str(error).rstrip(".")


def outdated(row: Row, item: Figure) -> str:
    """Return why the figure would compute other numbers now; "" if it would not.

    The row may have settings that the preset lacks: options of a command.
    """
    settings = plain(item.presets.get(row["preset"], {}))
    if any(row["settings"].get(name) != value for name, value in settings.items()):
        return "of other settings"
    if any(VERSIONS.get(name) != version for name, version in row["recipes"].items()):
        return "of another version of the computation"
    return ""


def plain(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings as JSON reads them: lists instead of tuples."""
    values: dict[str, Any] = json.loads(json.dumps(settings))
    return values
