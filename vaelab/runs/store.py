"""The store of results: what one figure or sweep has computed, all others read back.

The key of a result contains the name and version of its recipe, the settings and the checksum of
the data, but no code, so that a refactoring recomputes nothing. Raise the version when numbers are
meant to change; tests/test_recipes_canary.py fails when they change unintentionally.
"""

import functools
import io
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

from vaelab._utils.files import atomic_write, cache_folder, digest, repository
from vaelab._utils.progress import tqdm
from vaelab.runs.executors import Task, sweep

Numbers = dict[str, np.ndarray]
Computation = Callable[..., Numbers]
F = TypeVar("F", bound=Computation)
VERSIONS: dict[str, int] = {}  # of all recipes; filled as modules are imported


class Recipe(NamedTuple):
    """The computation behind a stored result.

    Args:
        name: Its name, unique in the repository.
        version: Raised when its numbers are meant to change.
    """

    name: str
    version: int


class Provenance(NamedTuple):
    """The origin of numbers.

    Args:
        commit: Git commit, with "+" if Python files were edited since; "" outside of a clone.
        versions: Versions of Python and libraries.
        machine: Processor, cores and GPU.
        seconds: Duration of the computation, or None if it was not recorded.
    """

    commit: str
    versions: dict[str, str]
    machine: str
    seconds: float | None


class Result(NamedTuple):
    """Arrays by name, with their key in the store and their origin.

    Args:
        numbers: The arrays.
        key: The key.
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
    """Decorate a function whose results are stored under this name and version.

    Args:
        name: The name.
        version: Raise it when numbers are meant to change, with a line in the CHANGELOG.

    Returns:
        The decorator.

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
    """Return the recipe of a decorated function."""
    marked: Recipe = function.recipe  # type: ignore[attr-defined]
    return marked


def key(recipe: Recipe, settings: Task, data: str = "") -> str:
    """Compute the key of a result: the sha256 of recipe, settings and data checksum."""
    return digest(json.dumps([recipe.name, recipe.version, settings, data], sort_keys=True))


def cached(function: Computation, settings: Task, data: str = "") -> Result:
    """Read function(**settings) from the store, or compute it in this process and store it.

    Args:
        function: A recipe.
        settings: Its keyword arguments, as JSON can hold them.
        data: The checksum of its data.

    Returns:
        The result.
    """
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
    """Compute function(**task) for all tasks whose results are not stored, and store each at once.

    Args:
        function: A recipe that can be imported.
        tasks: Its keyword arguments, as JSON can hold them.
        data: The checksum of each task's data.
        executor: As for `sweep`.
        processes: As for `sweep`.
        progress: Whether to show a progress bar.
        batch: How to compute several tasks together.

    Returns:
        One result per task, in order.

    Raises:
        StorageError: If the store cannot be written.
        TrainingError: If a worker dies; run again to resume.
    """
    which = recipe_of(function)
    keys = [key(which, task, checksum) for task, checksum in zip(tasks, data, strict=True)]
    results = {name: result for name in keys if (result := find(name, which)) is not None}
    missing = {name: task for name, task in zip(keys, tasks, strict=True) if name not in results}
    if not missing:
        return [results[name] for name in keys]
    names = list(missing)
    groups = batch.groups(list(missing.values())) if batch else [[i] for i in range(len(names))]
    compute = functools.partial(_timed, function, batch and batch.function)
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
    """Combine results that numbers were derived from: their recipes, and the sum of their seconds.

    Args:
        numbers: The derived numbers.
        parts: The results.

    Returns:
        The derived result; its key follows from theirs.
    """
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
    except (ValueError, KeyError, TypeError, RecursionError):
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
    save_arrays(path, {"provenance": provenance, **result.numbers})


def save_arrays(path: Path, arrays: Numbers) -> None:
    """Write named arrays atomically as npz.

    Raises:
        StorageError: If the file cannot be written.
    """
    content = io.BytesIO()  # on a full disk, some versions of numpy would leave the archive open
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    with atomic_write(path) as part:
        part.write_bytes(content.getbuffer())


def path_of(name: str) -> Path:
    """Return the file of the result with this key."""
    return cache_folder() / "runs" / name / "numbers.npz"


def provenance_here(seconds: float | None) -> Provenance:
    """Describe this process: commit, versions and machine."""
    versions = {"python": platform.python_version()}
    versions |= {name: metadata.version(name) for name in ("vaelab", "torch", "numpy")}
    return Provenance(_commit(), versions, _machine(), seconds)


def _timed(
    function: Computation, together: Callable[[Sequence[Task]], list[Numbers]] | None, tasks: Sequence[Task]
) -> tuple[list[Numbers], Provenance]:
    """Compute tasks, and record where and in how many seconds per task; runs in the worker."""
    started = time.perf_counter()
    numbers = together(tasks) if together else [function(**task) for task in tasks]
    return numbers, provenance_here(round((time.perf_counter() - started) / len(tasks), 2))


@functools.cache
def _commit() -> str:
    if (root := repository()) is None:
        return ""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
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
