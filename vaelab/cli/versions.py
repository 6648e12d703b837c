"""Versions of the installed packages against the bounds that vaelab declares and the versions it was tested on."""

import importlib.metadata
import importlib.util
import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from vaelab._utils.files import repository


class Requirement(NamedTuple):
    """One package that vaelab requires.

    Args:
        name: Name of the package.
        extra: The extra that requires it, "" for all of vaelab.
        lowest: Its lowest version, "" for any.
        excluded: Prefixes of versions that do not work, such as "7.0.".
    """

    name: str
    extra: str
    lowest: str
    excluded: tuple[str, ...]


def requirements(extra: str) -> list[Requirement]:
    """Return what vaelab requires for an extra, or, for "", always."""
    if (project := _project()) is None:
        lines = importlib.metadata.requires("vaelab") or []
    else:
        extras = project["optional-dependencies"]
        lines = [*project["dependencies"], *(f"{line}; extra == '{key}'" for key in extras for line in extras[key])]
    found = [_parse(line) for line in lines]
    return [requirement for requirement in found if requirement.extra == extra]


def _project() -> dict[str, Any] | None:
    """Return [project] of pyproject.toml, or None if there is no checkout; metadata may be older than the file."""
    root = repository()
    if root is None:
        return None
    project: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def _parse(line: str) -> Requirement:
    """Split a line of metadata such as `ipykernel!=7.0.*,>=6.17.1; extra == 'lab'`."""
    text, _, marker = line.partition(";")
    (name,) = re.findall(r"^[\w.-]+", text)
    extra, lowest = re.findall(r"extra == ['\"](\w+)", marker), re.findall(r">=\s*([\w.]+)", text)
    return Requirement(name, "".join(extra), "".join(lowest), tuple(re.findall(r"!=\s*([\w.]+)\*", text)))


def installed(name: str) -> str | None:
    """Return the installed version of a package, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def older(version: str, other: str) -> bool:
    """Whether a version lies before another one; what follows the numbers, as in 2.13.0+cpu, does not count.

    Example:
        >>> older("7.7.1", "7.34"), older("2.13.0+cpu", "2.13"), older("3.9.2", "3.10")
        (True, False, True)
    """
    first, second = _numbers(version), _numbers(other)
    size = max(len(first), len(second))
    return first + (0,) * (size - len(first)) < second + (0,) * (size - len(second))


def _numbers(version: str) -> tuple[int, ...]:
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, match[0].split("."))) if match else ()


def tested() -> dict[str, str]:
    """Return the newest versions on which all tests ran, by the name of the package."""
    root = repository()
    path = root / "constraints.txt" if root else Path(__file__).resolve().parents[1] / "data" / "constraints.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return dict(re.findall(r"^([\w.-]+)==(\S+)$", "\n".join(lines), re.MULTILINE))


def tested_pythons() -> list[str]:
    """Return the releases of Python on which the tests ran, such as "3.11"."""
    project = _project()
    lines = project["classifiers"] if project else importlib.metadata.metadata("vaelab").get_all("Classifier") or []
    return [line.rpartition(" ")[2] for line in lines if re.search(r":: 3\.\d+$", line)]


def has_colab() -> bool:
    """Whether the module of Google Colab can be imported."""
    try:
        return importlib.util.find_spec("google.colab") is not None
    except ImportError:  # there is no package `google`
        return False
