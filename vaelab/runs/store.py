"""The store of results: what was computed once, by any figure or sweep, is read back.

A result is named by what was asked for: the name and version of its recipe, the settings and the
checksum of the data. The code does not enter the name, so that a refactoring recomputes nothing.
Raise the version by hand when numbers are meant to change; the canary tests
(tests/test_recipes_canary.py) fail when they change without intention.
"""

import functools
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from tqdm.auto import tqdm

from vaelab._utils.files import cache_folder, digest, atomic_write, repository
from vaelab.runs.executors import Task, sweep

Numbers = dict[str, np.ndarray]
Computation = Callable[..., Numbers]
F = TypeVar("F", bound=Computation)
VERSIONS: dict[str, int] = {}  # the present version of every recipe, filled as modules are imported


class Recipe(NamedTuple):
    """The name and version of the computation behind a stored result.

    Args:
        name: Name of the recipe, unique in the repository.
        version: Rises when its numbers are meant to change.
    """

    name: str
    version: int


class Provenance(NamedTuple):
    """The origin of numbers.

    Args:
        commit: Git commit, with "+" if Python files were edited since; "" outside a checkout.
        versions: Versions of Python and libraries.
        machine: Processor, cores and GPU.
        seconds: Duration of the computation, or None if it was not recorded.
    """

    commit: str
    versions: dict[str, str]
    machine: str
    seconds: float | None


class Result(NamedTuple):
    """Named arrays and their origin.

    Args:
        numbers: Arrays by name.
        key: Name in the store.
        recipes: All recipes that contributed.
        provenance: Commit, versions, machine and seconds.
    """

    numbers: Numbers
    key: str
    recipes: tuple[Recipe, ...]
    provenance: Provenance


class BatchRunner(NamedTuple):
    """A faster way to compute several tasks at once, equal up to rounding.

    Args:
        groups: Maps tasks to lists of indices that are computed together.
        function: Maps the tasks of one group to their numbers.
    """

    groups: Callable[[Sequence[Task]], list[list[int]]]
    function: Callable[[Sequence[Task]], list[Numbers]]


def recipe(name: str, version: int) -> Callable[[F], F]:
    """Mark a function as a recipe, whose results are stored under this name and version.

    Args:
        name: Name of the recipe.
        version: Raise it when numbers are meant to change, with a line in the CHANGELOG.

    Returns:
        A decorator.

    Example:
        >>> @recipe("square", version=1)
        ... def square(x):
        ...     return {"square": np.array(x**2)}
        >>> recipe_of(square)
        Recipe(name='square', version=1)
    """

    def mark(function: F) -> F:
        function.recipe = Recipe(name, version)  # type: ignore[attr-defined]
        VERSIONS[name] = version
        return function

    return mark


def recipe_of(function: Computation) -> Recipe:
    """Return the recipe of a function marked by `recipe`."""
    marked: Recipe = function.recipe  # type: ignore[attr-defined]
    return marked


def key(recipe: Recipe, settings: Task, data: str = "") -> str:
    """Compute the key of a result: the sha256 of recipe, settings and data checksum only."""
    return digest(json.dumps([recipe.name, recipe.version, settings, data], sort_keys=True))


def cached(function: Computation, settings: Task, data: str = "") -> Result:
    """Read function(**settings) from the store, or compute it in this process and store it."""
    return run_cached(function, [settings], [data], processes=1, progress=False)[0]


def run_cached(
    function: Computation,
    tasks: Sequence[Task],
    data: Sequence[str],
    executor: Executor | None = None,
    *,
    processes: int | None = None,
    progress: bool = True,
    batch: BatchRunner | None = None,
) -> list[Result]:
    """Compute function(**task) for every task; read stored results, store new ones one by one.

    Args:
        function: A recipe, importable from a module.
        tasks: Its keyword arguments, serializable as JSON.
        data: The checksum of each task's data.
        executor: Where to compute, as for `sweep`.
        processes: Number of processes without an executor.
        progress: Whether to show a progress bar.
        batch: How to compute several tasks together.

    Returns:
        One result per task, in order.

    Raises:
        StorageError: If the store cannot be written.
        Exception: Whatever `sweep` and `function` raise; results stored before are not lost.
    """
    which = recipe_of(function)
    keys = [key(which, task, checksum) for task, checksum in zip(tasks, data, strict=True)]
    results = {name: result for name in keys if (result := find(name, which)) is not None}
    missing = {name: task for name, task in zip(keys, tasks, strict=True) if name not in results}
    if not missing:
        return [results[name] for name in keys]
    names = list(missing)
    groups = batch.groups(list(missing.values())) if batch else [[i] for i in range(len(names))]
    compute = functools.partial(_timed, batch.function if batch else functools.partial(_one_by_one, function))
    parts = [{"tasks": [missing[names[i]] for i in group]} for group in groups]
    bar = tqdm(total=len(results) + len(names), initial=len(results), desc="training", unit="VAE", disable=not progress)
    with bar, closing(sweep(compute, parts, executor, processes=processes)) as finished:
        for index, (group_numbers, provenance) in finished:
            for i, numbers in zip(groups[index], group_numbers, strict=True):
                results[names[i]] = Result(numbers, names[i], (which,), provenance)
                save(results[names[i]], missing[names[i]])
            bar.update(len(group_numbers))
    return [results[name] for name in keys]


def merge_results(numbers: Numbers, parts: Sequence[Result]) -> Result:
    """Make a result derived from others, with their recipes and the sum of their seconds."""
    origins = [part.provenance for part in parts]
    seconds = [origin.seconds for origin in origins if origin.seconds is not None]
    provenance = Provenance(
        ", ".join(sorted({commit for origin in origins for commit in origin.commit.split(", ")})),
        origins[0].versions,
        "; ".join(sorted({origin.machine for origin in origins})),
        round(sum(seconds), 2) if len(seconds) == len(parts) else None,
    )
    recipes = tuple(sorted({recipe for part in parts for recipe in part.recipes}))
    return Result(numbers, digest(json.dumps([part.key for part in parts])), recipes, provenance)


def find(name: str, recipe: Recipe) -> Result | None:
    """Read the stored result of this key; return None if it is absent or damaged."""
    numbers = load_arrays(path_of(name)) or {}
    try:
        provenance = Provenance(**json.loads(str(numbers.pop("provenance"))))
    except (ValueError, KeyError, TypeError):
        return None
    return Result(numbers, name, (recipe,), provenance)


def load_arrays(path: Path) -> Numbers | None:
    """Read the arrays of an npz file; return None if it is absent or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {array: file[array] for array in file.files}
    except Exception:  # depending on the place, a flipped byte raises one of a dozen types
        return None


def save(result: Result, settings: Task) -> None:
    """Store a result atomically, with its recipe and settings as text.

    Raises:
        StorageError: If the store cannot be written.
    """
    (which,) = result.recipes
    path = path_of(result.key)
    text = json.dumps({**which._asdict(), "settings": settings}, indent=1)
    with atomic_write(path.with_name("settings.json")) as part:
        part.write_text(text + "\n", encoding="utf-8")
    provenance = np.array(json.dumps(result.provenance._asdict()))
    with atomic_write(path) as part, part.open("wb") as file:
        np.savez_compressed(file, provenance=provenance, **result.numbers)  # type: ignore[arg-type]


def path_of(name: str) -> Path:
    """Return the file of the result with this key."""
    return cache_folder() / "runs" / name / "numbers.npz"


def provenance_here(seconds: float | None) -> Provenance:
    """Describe this process: commit, versions and machine."""
    versions = {"python": platform.python_version()}
    versions |= {name: metadata.version(name) for name in ("vaelab", "torch", "numpy")}
    return Provenance(_commit(), versions, _machine(), seconds)


def _one_by_one(function: Computation, tasks: Sequence[Task]) -> list[Numbers]:
    return [function(**task) for task in tasks]


def _timed(
    function: Callable[[Sequence[Task]], list[Numbers]], tasks: Sequence[Task]
) -> tuple[list[Numbers], Provenance]:
    """Compute numbers with their provenance and the seconds per task, in the worker."""
    started = time.perf_counter()
    numbers = function(tasks)
    return numbers, provenance_here(round((time.perf_counter() - started) / len(tasks), 2))


@functools.cache
def _commit() -> str:
    def git(*arguments: str) -> str:
        command = ["git", "-C", str(repository()), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()

    try:
        edited = git("status", "--porcelain", "--", "*.py")
        return git("rev-parse", "--short=12", "HEAD") + ("+" if edited else "")
    except (OSError, subprocess.SubprocessError):  # such as in the folder None, where there is no checkout
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
