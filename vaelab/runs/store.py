"""The store of results: a computation that was done once, by any figure or sweep, is read back.

A result is named by what was asked for: the name and version of its recipe, the settings and the
checksum of the data.  How the code is written does not enter, so a renamed function or a reworded
message recomputes nothing; the version is raised by hand when the numbers are meant to change, and
the canary tests (tests/test_recipes_canary.py) fail when they change unintentionally.  Commit,
library versions, machine and seconds are recorded beside the numbers.
"""

import functools
import json
import os
import platform
import struct
import subprocess
import time
import zipfile
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from tqdm.auto import tqdm

from vaelab._utils.files import atomic_write, cache_folder, digest, repository
from vaelab.runs.executors import sweep

Numbers = dict[str, np.ndarray]
Computation = Callable[..., Numbers]
F = TypeVar("F", bound=Computation)
VERSIONS: dict[str, int] = {}  # the present version of every recipe, filled as modules are imported


class Recipe(NamedTuple):
    """What a stored result was computed by.  The version rises when its numbers are meant to change."""

    name: str
    version: int


class Provenance(NamedTuple):
    """Where numbers come from: git commit ("" outside a checkout), library versions, machine, seconds.

    seconds is None where the time was not recorded.
    """

    commit: str
    versions: dict[str, str]
    machine: str
    seconds: float | None


class Result(NamedTuple):
    """Named arrays, the key that names them, the recipes behind them, and where they come from."""

    numbers: Numbers
    key: str
    recipes: tuple[Recipe, ...]
    provenance: Provenance


class BatchRunner(NamedTuple):
    """A quicker way to compute several tasks: groups(tasks) gives lists of indices to compute together, and
    function(tasks) their numbers, equal to those of the one by one up to rounding."""

    groups: Callable[[Sequence[dict[str, Any]]], list[list[int]]]
    function: Callable[[Sequence[dict[str, Any]]], list[Numbers]]


def recipe(name: str, version: int) -> Callable[[F], F]:
    """Mark a function as a recipe, whose results are stored under this name and version.

    Raise the version when the numbers are meant to change, with a line in the CHANGELOG; rename, move and
    reword freely.
    """

    def mark(function: F) -> F:
        function.recipe = Recipe(name, version)  # type: ignore[attr-defined]
        VERSIONS[name] = version
        return function

    return mark


def recipe_of(function: Computation) -> Recipe:
    """The recipe of a function that `recipe` has marked."""
    marked: Recipe = function.recipe  # type: ignore[attr-defined]
    return marked


def key(recipe: Recipe, settings: dict[str, Any], data: str = "") -> str:
    """The sha256 of recipe name, recipe version, settings and data checksum, and of nothing else."""
    return digest(json.dumps([recipe.name, recipe.version, settings, data], sort_keys=True))


def cached(function: Computation, settings: dict[str, Any], data: str = "") -> Result:
    """function(**settings), read from the store if it is there, else computed here and stored."""
    return run_cached(function, [settings], [data], processes=1, progress=False)[0]


def run_cached(
    function: Computation,
    tasks: Sequence[dict[str, Any]],
    data: Sequence[str],
    executor: Executor | None = None,
    *,
    processes: int | None = None,
    progress: bool = True,
    batch: BatchRunner | None = None,
) -> list[Result]:
    """function(**task) for every task, in order; what the store lacks is computed, and stored one by one.

    Args:
        function: A recipe, importable from a module.
        tasks: Its keyword arguments, as JSON can write them.
        data: The checksum of each task's data.
        executor: Where to compute, as for `sweep`.
        processes: How many processes to use without an executor.
        progress: Whether to show a progress bar.
        batch: How to compute several tasks together.

    Raises:
        StorageError: If the store cannot be written.
        Exception: Whatever `sweep` and `function` raise; results stored before are not lost.
    """
    which = recipe_of(function)
    keys = [key(which, task, checksum) for task, checksum in zip(tasks, data, strict=True)]
    results = {name: found for name in keys if (found := find(name, which)) is not None}
    missing = {name: task for name, task in zip(keys, tasks, strict=True) if name not in results}
    names = list(missing)
    if names:
        groups = batch.groups(list(missing.values())) if batch else [[i] for i in range(len(names))]
        parts = [{"tasks": [missing[names[i]] for i in group]} for group in groups]
        several = batch.function if batch else functools.partial(_one_by_one, function)
        finished = sweep(functools.partial(_timed, several), parts, executor, processes=processes)
        total = len(results) + len(names)
        with tqdm(total=total, initial=len(results), desc="training", unit="VAE", disable=not progress) as bar:
            for index, (landed, provenance) in finished:
                for i, numbers in zip(groups[index], landed, strict=True):
                    name = names[i]
                    results[name] = Result(numbers, name, (which,), provenance)
                    save(results[name], missing[name])
                bar.update(len(landed))
    return [results[name] for name in keys]


def merge_results(numbers: Numbers, parts: Sequence[Result]) -> Result:
    """A result that is derived from others: named after them, with their recipes and the sum of their seconds."""
    recipes = tuple(sorted({recipe for part in parts for recipe in part.recipes}))
    seconds = [part.provenance.seconds for part in parts]
    known = [value for value in seconds if value is not None]
    commits = sorted({commit for part in parts for commit in part.provenance.commit.split(", ")})
    provenance = Provenance(
        ", ".join(commits),
        parts[0].provenance.versions,
        "; ".join(sorted({part.provenance.machine for part in parts})),
        round(sum(known), 2) if len(known) == len(seconds) else None,
    )
    return Result(numbers, digest(json.dumps([part.key for part in parts])), recipes, provenance)


def find(name: str, recipe: Recipe) -> Result | None:
    """The stored result of this key, or None; a damaged file counts as absent."""
    numbers = load_arrays(path_of(name))
    if numbers is None:
        return None
    try:
        provenance = Provenance(**json.loads(str(numbers.pop("provenance"))))
    except (ValueError, KeyError, TypeError):
        return None
    return Result(numbers, name, (recipe,), provenance)


def load_arrays(path: Path) -> Numbers | None:
    """The arrays of an npz file, or None where there is no such file or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {array: file[array] for array in file.files}
    except (OSError, ValueError, EOFError, KeyError, TypeError, RuntimeError, AttributeError):
        return None
    except (struct.error, zlib.error, zipfile.BadZipFile):  # a flipped byte, wherever it is
        return None


def save(result: Result, settings: dict[str, Any]) -> None:
    """Store a result whole or not at all, with its recipe and settings as text.  Raises StorageError."""
    (which,) = result.recipes
    path = path_of(result.key)
    text = json.dumps({**which._asdict(), "settings": settings}, indent=1)
    with atomic_write(path.with_name("settings.json")) as part:
        part.write_text(text + "\n", encoding="utf-8")
    provenance = np.array(json.dumps(result.provenance._asdict()))
    with atomic_write(path) as part, part.open("wb") as file:
        np.savez_compressed(file, provenance=provenance, **result.numbers)  # type: ignore[arg-type]


def path_of(name: str) -> Path:
    """The file of the result with this key."""
    return cache_folder() / "runs" / name / "numbers.npz"


def provenance_here(seconds: float | None) -> Provenance:
    """What is recorded of a computation in this process."""
    versions = {"python": platform.python_version()}
    versions |= {name: metadata.version(name) for name in ("vaelab", "torch", "numpy")}
    return Provenance(_commit(), versions, _machine(), seconds)


def _one_by_one(function: Computation, tasks: Sequence[dict[str, Any]]) -> list[Numbers]:
    return [function(**task) for task in tasks]


def _timed(
    function: Callable[[Sequence[dict[str, Any]]], list[Numbers]], tasks: Sequence[dict[str, Any]]
) -> tuple[list[Numbers], Provenance]:
    """The numbers of several tasks and their provenance, with the seconds per task; runs where they are computed."""
    started = time.perf_counter()
    numbers = function(tasks)
    return numbers, provenance_here(round((time.perf_counter() - started) / len(tasks), 2))


@functools.cache
def _commit() -> str:
    """The commit of the checkout that this package runs from, "+" where its code was edited since; else ""."""
    root = repository()
    if root is None:
        return ""
    try:
        commit = _git(root, "rev-parse", "--short=12", "HEAD")
        return commit + ("+" if _git(root, "status", "--porcelain", "--", "*.py") else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()


@functools.cache
def _machine() -> str:
    """Processor, cores and GPU of this machine."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    parts = [names[0] if names else platform.processor() or platform.machine(), f"{os.cpu_count()} cores"]
    if torch.cuda.is_available():
        parts.append(torch.cuda.get_device_name())
    return ", ".join(parts)
