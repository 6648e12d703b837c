"""`vaelab doctor`: can this installation run the notebooks and draw the figures?  Paste its output into a report."""

import importlib.metadata
import platform
import sys
from collections.abc import Callable, Iterator

from vaelab._utils.errors import UserError
from vaelab._utils.files import cache_folder, repository, require_writable

PACKAGES = (
    "torch",
    "numpy",
    "scikit-learn",
    "matplotlib",
    "seaborn",
    "ipywidgets",
    "pillow",
    "pooch",
    "tqdm",
    "safetensors",
    "tyro",
)
NOTEBOOK = ("jupyterlab", "ipykernel", "jupytext")


def remedy() -> str:
    """What adds the missing packages: in a checkout, or where vaelab was installed as a package."""
    if repository() is None:
        return 'run `pip install "vaelab[lab]"`'
    return "run `make setup`, or `conda env update -f environment.yml`"


class Unwell(UserError):
    """At least one check has failed."""


def examine() -> None:
    """Print one line per check, OK or FAIL with the remedy.  Raises Unwell when one fails."""
    failed = 0
    for name, check in CHECKS.items():
        try:
            lines = list(check())
            print("\n".join(f"OK    {name}: {line}" for line in lines))
        except UserError as error:
            failed += 1
            print(f"FAIL  {name}: {error}")
    if failed:
        raise Unwell(f"{failed} of {len(CHECKS)} checks failed; each line above names the remedy.")


def _python() -> Iterator[str]:
    if sys.version_info < (3, 11):  # noqa: UP036 - this very check speaks to people with an old Python
        raise Unwell(f"Python {platform.python_version()} is too old; vaelab needs 3.11 or newer.")
    yield f"{platform.python_version()} on {platform.system()} {platform.machine()}"


def _versions(packages: tuple[str, ...]) -> Iterator[str]:
    missing = [name for name in packages if not _installed(name)]
    if missing:
        raise Unwell(f"missing {', '.join(missing)}; {remedy()}.")
    yield ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)


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

    name = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    yield name


def _data() -> Iterator[str]:
    from vaelab.data.loading import load

    for name in ("mnist-mini", "fashion-mini"):
        yield repr(load(name))


def _cache() -> Iterator[str]:
    require_writable(cache_folder())
    yield str(cache_folder())


CHECKS: dict[str, Callable[[], Iterator[str]]] = {
    "python": _python,
    "packages": lambda: _versions(PACKAGES),
    "notebook packages": lambda: _versions(NOTEBOOK),
    "kernel": _kernel,
    "device": _device,
    "shipped data": _data,
    "cache": _cache,
}
