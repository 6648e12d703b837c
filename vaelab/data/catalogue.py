"""The known data sets, as listed in catalogue.toml."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from vaelab._utils.domain import Domain
from vaelab._utils.errors import InvalidValue, suggest


@dataclass(frozen=True)
class Entry:
    """One data set of the catalogue; catalogue.toml explains the fields."""

    name: str
    shape: tuple[int, ...]
    train: int
    test: int
    license: str
    credit: str
    format: str = ""
    domain: Domain = "unit"
    ships: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    downloads: dict[str, str] = field(default_factory=dict)
    mirrors: tuple[str, ...] = ()
    megabytes: int = 0
    package: tuple[str, str] | None = None
    folders: tuple[str, ...] = ()
    system: str | None = None
    unpacked: str = ""
    built_in: str = ""
    on_request: bool = False

    @property
    def offered(self) -> dict[str, str]:
        """Checksums of what the mirrors offer: the downloads, or the files themselves."""
        return self.downloads or self.files


def _read_catalogue() -> dict[str, Entry]:
    tables = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    for table in tables.values():
        table.update({key: tuple(value) for key, value in table.items() if isinstance(value, list)})
    return {name: Entry(name, **table) for name, table in tables.items()}


ENTRIES = _read_catalogue()


def find_entry(name: str) -> Entry:
    """Return the catalogue entry of a data set.

    Args:
        name: A name in catalogue.toml.

    Raises:
        InvalidValue: If the name is unknown; the message suggests similar ones.

    Example:
        >>> find_entry("mnist").shape
        (1, 28, 28)
    """
    if name in ENTRIES:
        return ENTRIES[name]
    raise InvalidValue(f"name must be a known data set or folder:PATH, got {name!r}: {suggest(name, ENTRIES)}")
