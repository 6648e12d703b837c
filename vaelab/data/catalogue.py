"""The known data sets, as written down in catalogue.toml."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from vaelab._utils.errors import InvalidValue, suggest


@dataclass(frozen=True)
class Entry:
    """One data set. One without `files` ships with the package, or is drawn."""

    name: str
    shape: tuple[int, int, int]
    train: int
    test: int
    license: str
    credit: str
    ships: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    downloads: dict[str, str] = field(default_factory=dict)
    mirrors: tuple[str, ...] = ()
    megabytes: int = 0
    package: tuple[str, str] | None = None
    folders: tuple[str, ...] = ()
    system: str | None = None
    unpacked: str = ""
    on_request: bool = False

    @property
    def offered(self) -> dict[str, str]:
        """What the mirrors offer: the downloads, or the files themselves."""
        return self.downloads or self.files


def _entry(name: str, row: dict) -> Entry:
    lists = {key: tuple(value) for key, value in row.items() if isinstance(value, list)}
    return Entry(name, **{**row, **lists})


ENTRIES = {
    name: _entry(name, row)
    for name, row in tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8")).items()
}


def entry(name: str) -> Entry:
    """The entry of a known name; raises InvalidValue, with near names, for any other."""
    if name in ENTRIES:
        return ENTRIES[name]
    raise InvalidValue(f"there is no data set {name!r}: {suggest(name, ENTRIES)} Your own images are folder:PATH.")
