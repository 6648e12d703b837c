"""Where numbers come from: commit, versions, machine and seconds; and whether a worker has our code."""

import functools
import hashlib
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import torch

from vaelab._utils.errors import InvalidValue
from vaelab._utils.files import repository
from vaelab._utils.threads import describe_threads


class Provenance(NamedTuple):
    """The origin of numbers.

    Args:
        commit: Git commit, with "+" if Python files were edited since; "" outside of a clone.
        versions: Versions of Python and libraries.
        machine: Processor, cores, GPU, and threads of torch on the CPU.
        seconds: Duration of the computation, or None if it was not recorded.
    """

    commit: str
    versions: dict[str, str]
    machine: str
    seconds: float | None


class OtherSoftware(InvalidValue):
    """A worker computes with another vaelab, recipe or torch than this process."""


def provenance_here(seconds: float | None) -> Provenance:
    """Describe this process: commit, versions and machine."""
    versions = {"python": platform.python_version()}
    versions |= {name: metadata.version(name) for name in ("vaelab", "torch", "numpy")}
    return Provenance(_commit(), versions, f"{_machine()}, {describe_threads()}", seconds)


def software() -> dict[str, str]:
    """Return what must be equal in all processes of a sweep: vaelab with its source code, and torch."""
    return {"vaelab": f"{metadata.version('vaelab')} (source {SOURCE})", "torch": torch.__version__.split("+")[0]}


def require_software(expected: dict[str, str], got: dict[str, str], who: str) -> None:
    """Raise `OtherSoftware` if a worker has other software than the process that collects its results."""
    other = [f"{name} {got.get(name, 'unknown')} instead of {expected[name]}" for name in expected]
    other = [text for text, name in zip(other, expected, strict=True) if got.get(name) != expected[name]]
    if other:
        raise OtherSoftware(
            f"workers must have the software of this process, got {', '.join(other)} on {who}; "
            f"nothing of it is stored; install the same on all workers and run again."
        )


def _source() -> str:
    """Return a checksum of the package's source code, since a version number tells no two checkouts apart."""
    folder, checksum = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        checksum.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return checksum.hexdigest()[:12]


SOURCE = _source()  # on import, since the files may be edited while this process runs


@functools.cache
def _commit() -> str:
    if (root := repository()) is None:
        return ""

    def git(*arguments: str) -> str:
        # `git status` would lock the index to refresh it, and leave the lock behind when it is killed.
        command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()

    try:
        edited = git("status", "--porcelain", "--", "*.py")
        return git("rev-parse", "--short=12", "HEAD") + ("+" if edited else "")
    except (OSError, subprocess.SubprocessError):
        return ""


@functools.cache
def _machine() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    parts = [names[0] if names else platform.processor() or platform.machine(), f"{os.cpu_count()} cores"]
    if torch.cuda.is_available():
        parts.append(torch.cuda.get_device_name())
    return ", ".join(parts)
