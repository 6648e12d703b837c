"""Make figures, draw them from committed numbers, and check their files.

Equal numbers give equal bytes: no dates, no random ids, no version of the code in a picture.
"""

from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from figures import comparison, manifest, npz, provenance
from figures.figure import Figure
from figures.manifest import Row
from figures.registry import MAIN_FIGURES, by_id
from figures.table import to_csv
from vaelab import plots
from vaelab._utils.errors import DataError, InvalidValue, TrainingError
from vaelab._utils.files import atomic_write, cache_folder, require_writable
from vaelab._utils.progress import tqdm
from vaelab.data import load
from vaelab.runs.store import Numbers, Result

SPLITS = ("train", "test")


class Made(NamedTuple):
    """The files of a figure, and a sentence on how far its numbers are from the committed ones."""

    id: str
    paths: list[Path]
    difference: str


def make(
    ids: Sequence[str] = (), preset: str = "quick", device: str = "auto", out: Path | str = manifest.FOLDER
) -> list[Made]:
    """Compute figures and write their PNG, PDF, csv, npz and row of the manifest.

    Args:
        ids: Figures to make; none: the main figures of each paper.
        preset: "quick" (minutes, shipped data) or "paper" (hours, nearer to the published set-up).
        device: "auto", "cpu", "cuda", ...
        out: Folder to write into.

    Raises:
        InvalidValue: If an id or the preset is unknown.
        DataError: If data of some figures are unavailable; the others are made first.
        TrainingError: If trainings of some figures diverge; likewise.
    """
    selected = [by_id(id) for id in (ids or MAIN_FIGURES)]
    if preset not in ("quick", "paper"):
        raise InvalidValue(f"preset must be 'quick' or 'paper', got {preset!r}; quick takes minutes, paper hours.")
    for item in selected:
        if preset not in item.presets:
            reason = item.why_no_quick_preset
            raise InvalidValue(f"{item.id} has no {preset} preset: {reason}; call it with --preset paper.")
    require_writable(cache_folder())
    return _each(selected, Path(out), "made", lambda item: make_one(item, preset, device, Path(out)))


def draw(ids: Sequence[str] = (), out: Path | str = manifest.FOLDER) -> list[Made]:
    """Draw figures from the committed numbers; equal numbers give equal files.

    Args:
        ids: Figures to draw; none: all that have committed numbers.
        out: Folder to write into.

    Raises:
        DataError: If committed numbers are missing or outdated; the others are drawn first.
    """
    rows = {row["id"]: row for row in manifest.read(manifest.FOLDER)}
    if not rows:
        raise DataError(f"{manifest.FOLDER / manifest.NAME} is missing; restore it with git.")
    selected = [by_id(id) for id in (ids or rows)]
    return _each(selected, Path(out), "drawn", lambda item: draw_one(item, rows.get(item.id), Path(out)))


def check(out: Path | str = manifest.FOLDER) -> list[str]:
    """Compare the files of a folder with its manifest; see `manifest.check`."""
    return manifest.check(Path(out))


def explain(file: Path | str) -> str:
    """Describe where a file of a figure comes from; see `provenance.explain`."""
    return provenance.explain(Path(file))


def make_one(item: Figure, preset: str, device: str, out: Path) -> Made:
    """Compute one figure and write its files, its numbers and its row of the manifest."""
    result = item.compute(device, **item.presets[preset])
    table = to_csv(item.rows(result.numbers))
    difference = comparison.with_committed(item, preset, table)
    path = npz.write(out, item.id, result.numbers)
    row = _row(item, preset, result)
    return Made(item.id, [*_write(item, result.numbers, table, row, out), path], difference)


def draw_one(item: Figure, row: Row | None, out: Path) -> Made:
    """Draw one figure from the committed numbers that this row of the manifest describes."""
    if row is None:
        preset = "" if "quick" in item.presets else " --preset paper"
        raise DataError(f"{item.id} has no committed numbers; compute it with `vaelab figures make {item.id}{preset}`.")
    if reason := manifest.outdated(row, item):
        raise DataError(
            f"the committed numbers of {item.id} are {reason}; compute them with `vaelab figures make {item.id} "
            f"--preset {row['preset']}`."
        )
    values = npz.read(manifest.FOLDER, item.id, row["numbers"])
    path = npz.write(out, item.id, values)
    table = to_csv(item.rows(values))
    return Made(item.id, [*_write(item, values, table, row, out), path], "drawn from the committed numbers")


def _each(selected: Sequence[Figure], out: Path, verb: str, work: Callable[[Figure], Made]) -> list[Made]:
    require_writable(out)
    written: list[Made] = []
    failed: dict[str, DataError | TrainingError] = {}
    for item in (bar := tqdm(selected, desc="figures", unit="figure")):
        bar.set_postfix_str(item.id)
        try:
            written.append(work(item))
        except (DataError, TrainingError) as error:  # of one figure: make the others
            failed[item.id] = error
    if failed:
        kind = DataError if all(isinstance(error, DataError) for error in failed.values()) else TrainingError
        reasons = "; ".join(dict.fromkeys(str(error).rstrip(".") for error in failed.values()))
        others = f", {len(written)} others are" if written else ""
        raise kind(f"{', '.join(failed)} not {verb}{others}: {reasons}.") from next(iter(failed.values()))
    return written


def _write(item: Figure, values: Numbers, table: str, row: Row, out: Path) -> list[Path]:
    seeds = len(row["seeds"])
    row = {**row, "paper": item.paper, "title": item.title, "alt": item.describe(values, seeds)}
    contents = {"csv": table.encode()}
    with plots.style("paper"):
        drawing = item.picture(values, seeds)
        for kind, metadata in (("png", provenance.png_metadata(row)), ("pdf", provenance.pdf_metadata(row))):
            buffer = BytesIO()
            drawing.savefig(buffer, format=kind, metadata=metadata)
            contents[kind] = buffer.getvalue()
    paths = [out / f"{item.id}.{kind}" for kind in ("png", "pdf", "csv")]
    for path in paths:
        with atomic_write(path) as part:
            part.write_bytes(contents[path.suffix[1:]])
    manifest.record(out, row, paths)
    return paths


def _row(item: Figure, preset: str, result: Result) -> Row:
    # Numbers equal to the committed ones keep the provenance of these.
    settings = manifest.plain(item.presets[preset])
    name, limit = settings.get("data"), settings.get("limit")
    sums = _checksums(name, limit) if isinstance(name, str) else {one: _checksums(one, limit) for one in name or ()}
    row = {
        "id": item.id,
        "preset": preset,
        "settings": settings,
        "seeds": list(range(settings.get("seeds", 0))),
        "data": {"name": name, "sha256": sums},
        "recipes": dict(result.recipes),
        "numbers": npz.checksum(result.numbers),
        "provenance": result.provenance._asdict(),
    }
    identity = ("id", "preset", "settings", "data", "recipes", "numbers")
    same = [old for old in manifest.read(manifest.FOLDER) if all(old[key] == row[key] for key in identity)]
    return {**row, "provenance": same[0]["provenance"]} if same else row


def _checksums(name: str, limit: int | None) -> dict[str, str]:
    return {split: load(name, split, limit=limit, progress=False).sha256 for split in SPLITS}
