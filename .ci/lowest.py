"""Print the oldest versions that pyproject.toml allows, as a constraints file of pip.

The direct dependencies get their lower bounds; what they need in turn keeps its version of
constraints.txt, where the two go together. torch keeps the version that is installed for all other
tests, as older ones are gigabytes; tests/test_versions.py imitates them.
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = ("lab", "cluster", "flow")  # what users install
TOGETHER = {"distributed": "dask"}  # released with the other, in the same version
FREE = {"widgetsnbextension", "notebook", "pandas"}  # these must be older than in constraints.txt


def lower_bounds() -> dict[str, str]:
    """Return the lower bound of every direct dependency, by its name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    requirements = project["dependencies"] + [line for extra in EXTRAS for line in extras[extra]]
    bounds = {}
    for requirement in requirements:
        match = re.match(r"([\w-]+)(?:\[\w+\])?>=([\w.]+)", requirement)
        if match is None:
            raise SystemExit(f"every dependency must have a lower bound first, got {requirement!r}.")
        bounds[match[1]] = match[2]
    return bounds


def constraints() -> dict[str, str]:
    """Return the versions of the environment, by name."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    lowest = {name: bound for name, bound in lower_bounds().items() if name != "torch"}
    lowest |= {name: lowest[other] for name, other in TOGETHER.items()}
    return {name: version for name, version in (pins | lowest).items() if name not in FREE}


if __name__ == "__main__":
    print("\n".join(f"{name}=={version}" for name, version in sorted(constraints().items())))
