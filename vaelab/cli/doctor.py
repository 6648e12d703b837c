"""`vaelab doctor`: can this installation run the notebooks and draw the figures?"""

import importlib.metadata
import platform
import re
import sys
from collections.abc import Callable, Iterator

from vaelab._utils.errors import UserError
from vaelab._utils.files import cache_folder, repository, require_writable
from vaelab._utils.reading import printable
from vaelab.cli.output import show


class Unwell(UserError):
    """At least one check has failed."""


def doctor() -> None:
    """Check packages, notebook kernel, device and data; exit status 2 if a check fails."""
    failures = 0
    for name, check in CHECKS.items():
        try:
            show(*[f"OK    {name}: {line}" for line in check()])
        except UserError as error:
            failures += 1
            show(f"FAIL  {name}: {printable(error)}")
    if failures:
        raise Unwell(f"{failures} of {len(CHECKS)} checks failed; see the remedies above.")


def remedy() -> str:
    """Return the command that adds missing packages: in a checkout, or to an installed package."""
    if repository() is None:
        return 'run `pip install "vaelab[lab]"`'
    return "run `make setup`, or `conda env update -f environment.yml`"


def _python() -> Iterator[str]:
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever has an old Python shall read this
        raise Unwell(f"Python must be 3.11 or newer, got {platform.python_version()}.")
    yield f"{platform.python_version()} on {platform.system()} {platform.machine()}"


def _packages(extra: str) -> Iterator[str]:
    """Check the packages that vaelab requires for an extra, or, for "", always."""
    marked = [line.partition(";") for line in importlib.metadata.requires("vaelab") or ()]
    names = [
        re.split(r"[^\w.-]", requirement)[0]
        for requirement, _, marker in marked
        if re.findall(r"extra == ['\"](\w+)", marker) == [extra] * bool(extra)
    ]
    if missing := [name for name in names if not _installed(name)]:
        raise Unwell(f"missing {', '.join(missing)}; {remedy()}.")
    yield ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _kernel() -> Iterator[str]:
    if not _installed("ipykernel"):
        raise Unwell(f"ipykernel is missing; {remedy()}.")
    version = importlib.metadata.version("ipykernel")
    if version.startswith("7.0."):
        raise Unwell(f"ipykernel {version} loses messages from training threads; {remedy()} for a newer one.")
    from jupyter_client.kernelspec import KernelSpecManager

    specs = KernelSpecManager().find_kernel_specs()
    if "vaelab" not in specs:
        raise Unwell(f"the notebook kernel 'vaelab' is not installed; {remedy()}.")
    yield f"'vaelab' in {specs['vaelab']}"


def _device() -> Iterator[str]:
    import torch

    yield torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"


def _data() -> Iterator[str]:
    from vaelab.data.loading import load

    for name in ("mnist-mini", "fashion-mini"):
        yield repr(load(name))


def _cache() -> Iterator[str]:
    require_writable(cache_folder())
    yield str(cache_folder())


CHECKS: dict[str, Callable[[], Iterator[str]]] = {
    "python": _python,
    "packages": lambda: _packages(""),
    "notebook packages": lambda: _packages("lab"),
    "kernel": _kernel,
    "device": _device,
    "shipped data": _data,
    "cache": _cache,
}
