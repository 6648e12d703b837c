"""manifest.json: what lies in a folder of figures, where each comes from, and the checksum of every file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vaelab.errors import DataError
from vaelab.files import replacing, sha256

NAME = "manifest.json"


def read(out: Path) -> list[dict[str, Any]]:
    """The rows of the manifest in `out`; none where there is no manifest.  Raises DataError for a damaged one."""
    path = out / NAME
    if not path.is_file():
        return []
    try:
        return list(json.loads(path.read_text(encoding="utf-8"))["figures"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} is damaged; delete it and draw the figures again with `vaelab figures make`."
        ) from error


def record(out: Path, row: dict[str, Any], paths: Sequence[Path]) -> None:
    """Put a figure's row, with the checksums of its files, in the place of the one of the same id."""
    row = {**row, "files": {path.name: sha256(path) for path in paths}}
    rows = sorted([*(other for other in read(out) if other["id"] != row["id"]), row], key=lambda r: r["id"])
    with replacing(out / NAME) as part:
        part.write_text(json.dumps({"figures": rows}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def check(out: Path) -> list[str]:
    """One line per figure; raises DataError naming every file that is missing or altered."""
    rows = read(out)
    if not rows:
        raise DataError(f"there is no manifest in {out}; draw the figures first with `vaelab figures make`.")
    lines, wrong = [], []
    for row in rows:
        bad = [message for name, sum in row["files"].items() if (message := _compare(out / name, sum))]
        wrong += bad
        lines.append(f"{row['id']}: {'; '.join(bad) or 'unchanged'}")
    if wrong:
        raise DataError(f"{'; '.join(wrong)}; draw them again with `vaelab figures make`.")
    return lines


def _compare(path: Path, expected: str) -> str:
    if not path.is_file():
        return f"{path} is missing"
    return "" if sha256(path) == expected else f"{path} has been changed since it was drawn"
