"""Making figures: compute (or read what was computed), draw, write three files and a row of the manifest; check
and explain them.

Equal inputs give equal bytes: no dates, no random ids, and the seconds in the manifest are those of the
computation that was kept.
"""

import importlib.metadata
import platform
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure as Drawing

from vaelab import __version__, plots
from vaelab.datasets import load
from vaelab.errors import DataError, InvalidValue
from vaelab.figures import manifest, provenance
from vaelab.figures.figure import Figure, to_csv
from vaelab.figures.registry import TOUR, figure
from vaelab.files import cache_folder, replacing, require_writable
from vaelab.run_store import Result

SPLITS = ("train", "test")
LIBRARIES = ("torch", "numpy", "matplotlib")


def make(
    ids: Sequence[str] = (), preset: str = "quick", device: str = "auto", out: Path | str = "figures"
) -> list[Path]:
    """Draw figures (default: the tour) into `out` as ID.png, ID.pdf and ID.csv, and list them in manifest.json.

    preset: "quick" (minutes on a laptop, shipped data) or "paper" (published set-up, full data, hours or a GPU).

    Raises InvalidValue for an unknown id or preset, StorageError when `out` or the cache cannot be written; and, once
    the others are drawn, DataError that names the figures whose data cannot be had.
    """
    from tqdm.auto import tqdm

    out = Path(out)
    chosen = [figure(id) for id in (ids or TOUR)]
    if preset not in ("quick", "paper"):
        raise InvalidValue(f"preset must be 'quick' or 'paper', got {preset!r}; quick takes minutes, paper hours.")
    for item in chosen:
        if preset not in item.presets:
            raise InvalidValue(f"{item.id} has no {preset} preset: {item.missing}; call it with --preset paper.")
    require_writable(out)
    require_writable(cache_folder())
    written: list[Path] = []
    without: dict[str, DataError] = {}
    with tqdm(chosen, desc="figures", unit="figure") as bar:
        for item in bar:
            bar.set_postfix_str(item.id)
            try:
                written += make_one(item, preset, device, out)
            except DataError as error:
                without[item.id] = error
    if without:
        reasons = "; ".join(dict.fromkeys(str(error) for error in without.values()))
        raise DataError(f"{', '.join(without)} not drawn, {len(chosen) - len(without)} others are: {reasons}")
    return written


def check(out: Path | str = "figures") -> list[str]:
    """One line per figure of the manifest in `out`: every file as it was written, or what is wrong with it.

    Raises DataError naming each file that is missing or differs by a byte from what was written.
    """
    return manifest.check(Path(out))


def explain(file: Path | str) -> str:
    """What a figure file shows, where its numbers come from and how to make it again, from the file itself."""
    return provenance.explain(Path(file))


def make_one(item: Figure, preset: str, device: str, out: Path) -> list[Path]:
    """Compute and draw one figure; the three files and its row in the manifest."""
    settings = item.presets[preset]
    result = item.compute(device, **settings)
    alt = item.alt(result.numbers)
    receipt = {
        "id": item.id,
        "preset": preset,
        "result": result.key,
        "code": result.code,
        "vaelab": __version__,
    }
    with plots.style("paper"):
        drawing = item.draw(result.numbers)
        contents = {
            "png": _bytes(drawing, "png", provenance.png_metadata(item, alt, receipt)),
            "pdf": _bytes(drawing, "pdf", provenance.pdf_metadata(item, alt, receipt)),
            "csv": to_csv(item.rows(result.numbers)).encode(),
        }
    paths = []
    for kind, content in contents.items():
        paths.append(out / f"{item.id}.{kind}")
        with replacing(paths[-1]) as part:
            part.write_bytes(content)
    manifest.record(out, _row(item, preset, settings, result, alt), paths)
    return paths


def _bytes(drawing: Drawing, kind: str, metadata: dict[str, Any]) -> bytes:
    buffer = BytesIO()
    drawing.savefig(buffer, format=kind, metadata=metadata)
    return buffer.getvalue()


def _row(item: Figure, preset: str, settings: dict[str, Any], result: Result, alt: str) -> dict[str, Any]:
    name = settings.get("data")
    sums = [_checksums(each, settings.get("limit")) for each in ([name] if isinstance(name, str) else name or ())]
    data = sums[0] if isinstance(name, str) else dict(zip(name or (), sums, strict=True))
    versions = {name: importlib.metadata.version(name) for name in LIBRARIES}
    return {
        "id": item.id,
        "paper": item.paper,
        "shows": item.shows,
        "alt": alt,
        "preset": preset,
        "settings": settings,
        "seeds": list(range(settings["seeds"])) if "seeds" in settings else [],
        "data": {"name": name, "sha256": data},
        "code": result.code,
        "result": result.key,
        "versions": {"vaelab": __version__, "python": platform.python_version(), **versions},
        "seconds": result.seconds,
    }


def _checksums(name: str, limit: int | None) -> dict[str, str]:
    return {split: load(name, split, limit=limit, progress=False).sha256 for split in SPLITS}
