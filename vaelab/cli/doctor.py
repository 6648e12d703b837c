"""`vaelab doctor`: can this installation run the notebooks and draw the figures?"""

import platform
import sys
from collections.abc import Callable, Iterator

from vaelab._utils.errors import UserError
from vaelab._utils.files import cache_folder, repository, require_writable
from vaelab._utils.reading import printable
from vaelab.cli import versions
from vaelab.cli.output import show


class Unwell(UserError):
    """At least one check has failed."""


class Note(str):
    """A line that is worth knowing, but no failure."""

    __slots__ = ()


def doctor() -> None:
    """Check packages, notebook kernel, device and data; exit status 2 if a check fails."""
    failures = 0
    for name, check in CHECKS.items():
        try:
            for line in check():
                show(f"{'NOTE' if isinstance(line, Note) else 'OK  '}  {name}: {line}")
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
    release, tried = "{}.{}".format(*sys.version_info[:2]), versions.tested_pythons()
    if tried and release not in tried:
        yield Note(f"the tests of vaelab ran on {' and '.join(tried)}, not on {release}.")


def _packages(extra: str) -> Iterator[str]:
    """Check the packages that vaelab requires for an extra, or, for "", always."""
    found = {r: versions.installed(r.name) for r in versions.requirements(extra)}
    missing = [r.name for r, version in found.items() if version is None]
    if missing and extra and versions.has_colab():
        yield Note(f"missing {', '.join(missing)}, which Google Colab does not need.")
    elif missing:
        raise Unwell(f"missing {', '.join(missing)}; {remedy()}.")
    present = {r: version for r, version in found.items() if version is not None}
    if wrong := [reason for r, version in present.items() if (reason := _why_not(r, version))]:
        raise Unwell(f"{', '.join(wrong)}; {remedy()}.")
    if present:
        yield ", ".join(f"{r.name} {version}" for r, version in present.items())
    tested = versions.tested()
    new = [(r.name, v, tested[r.name]) for r, v in present.items() if versions.older(tested.get(r.name, v), v)]
    if new:
        pairs = ", ".join(f"{name} {version} (tested: {known})" for name, version, known in new)
        yield Note(f"newer than the versions of the tests: {pairs}.")


def _why_not(requirement: versions.Requirement, version: str) -> str:
    """Say why a version does not do, or return ""."""
    name, _, lowest, excluded = requirement
    if lowest and versions.older(version, lowest):
        return f"{name} {version} is older than {lowest}"
    return f"{name} {version} does not work" if version.startswith(excluded) else ""


def _kernel() -> Iterator[str]:
    version = versions.installed("ipykernel")
    if version is None:
        raise Unwell(f"ipykernel is missing; {remedy()}.")
    if version.startswith("7.0."):
        raise Unwell(f"ipykernel {version} loses messages from training threads; {remedy()} for a newer one.")
    if versions.has_colab():
        yield "the one of Google Colab"
        return
    from jupyter_client.kernelspec import KernelSpecManager

    specs = KernelSpecManager().find_kernel_specs()
    if "vaelab" not in specs:
        raise Unwell(f"the notebook kernel 'vaelab' is not installed; {remedy()}.")
    yield f"'vaelab' in {specs['vaelab']}"


def _widgets() -> Iterator[str]:
    """Say where panels are shown, and what is different with the old packages of Google Colab."""
    names = {name: versions.installed(name) for name in ("ipywidgets", "ipython")}
    if missing := [name for name, version in names.items() if version is None]:
        raise Unwell(f"missing {', '.join(missing)}; {remedy()}.")
    text = " and ".join(f"{name} {version}" for name, version in names.items())
    old = versions.older(names["ipywidgets"] or "", "8")
    if not (old or versions.has_colab()):
        yield text
        return
    place = "Google Colab" if versions.has_colab() else "an environment like Google Colab"
    yield f"{place} with {text}"
    yield Note(
        "panels, filmstrips, figures, trainings and the command line work here; panels are tested on the side "
        "of the kernel, not in the browser of Google Colab."
    )


def _device() -> Iterator[str]:
    import torch

    from vaelab._utils.device import on_device
    from vaelab._utils.threads import describe_threads

    device = on_device("auto")
    if device.type == "cpu":
        yield f"CPU, {describe_threads()}"
    else:
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else "an accelerator of this machine"
        yield f"{device}, {name}"


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
    "widgets": _widgets,
    "device": _device,
    "shipped data": _data,
    "cache": _cache,
}
