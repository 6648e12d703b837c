"""The store of results: what one figure or sweep has computed, all others read back.

The key of a result contains the name and version of its recipe, the settings and the checksum of
the data, but no code, so that a refactoring recomputes nothing. Raise the version when numbers are
meant to change; tests/test_recipes_canary.py fails when they change unintentionally.
"""

import functools
import io
import json
import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from vaelab._utils.files import atomic_write, cache_folder, digest
from vaelab._utils.progress import tqdm
from vaelab.runs.executors import Failure, Task, attempt_each, sweep_error
from vaelab.runs.provenance import OtherSoftware, Provenance, provenance_here, require_software, software

Numbers = dict[str, np.ndarray]
Computation = Callable[..., Numbers]
NOWHERE = Provenance("", {}, "", None)
Together = Callable[[Sequence[Task]], list[Numbers | Failure]]
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
        function: Maps the tasks of one group to their numbers, or the `Failure` of a task.
    """

    groups: Callable[[Sequence[Task]], list[list[int]]]
    function: Together


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
        SweepError: After all others have been computed and stored, if tasks have failed; the same
            call computes only these again.
        OtherSoftware: If a worker of the executor has another vaelab, recipe or torch; nothing that
            it computes is stored.
    """
    which = recipe_of(function)
    keys = [key(which, task, checksum) for task, checksum in zip(tasks, data, strict=True)]
    results = {name: result for name in keys if (result := find(name, which)) is not None}
    missing = {name: task for name, task in zip(keys, tasks, strict=True) if name not in results}
    names, todo = list(missing), list(missing.values())
    failures: dict[str, Exception] = {}
    expected = None if executor is None else _software(function)

    def compute(groups: list[list[int]], together: Together | None) -> list[list[int]]:
        """Store what succeeds; return, one by one, the members of groups that failed as a whole."""
        again: list[list[int]] = []
        call = functools.partial(_timed, function, together, expected)
        parts = [{"tasks": [todo[i] for i in group]} for group in groups]
        with closing(attempt_each(call, parts, executor, processes=processes)) as finished:
            for index, outcome in finished:
                group = groups[index]
                if isinstance(outcome, Failure) and isinstance(outcome.error, OtherSoftware):
                    raise outcome.error
                if isinstance(outcome, Failure) and len(group) > 1:
                    again += [[i] for i in group]
                    continue
                members, provenance = ([outcome], NOWHERE) if isinstance(outcome, Failure) else outcome
                for name, member in zip([names[i] for i in group], members, strict=True):
                    if isinstance(member, Failure):
                        failures[name] = member.error
                        bar.set_postfix_str(f"{len(failures)} failed")
                    else:
                        results[name] = Result(member, name, (which,), provenance)
                        save(results[name], missing[name])
                bar.update(len(group))
        return again

    hidden = not progress or not names
    bar = tqdm(total=len(results) + len(names), initial=len(results), desc="training", unit="VAE", disable=hidden)
    with bar:
        if batch is not None and names:
            alone = compute(batch.groups(todo), batch.function)
        else:
            alone = [[i] for i in range(len(names))]
        if alone:
            compute(alone, None)
    if failures:
        failed = {i: failures[name] for i, name in enumerate(keys) if name in failures}
        raise sweep_error(tasks, failed, [results.get(name) for name in keys])
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


def _timed(
    function: Computation, together: Together | None, expected: dict[str, str] | None, tasks: Sequence[Task]
) -> tuple[list[Numbers | Failure], Provenance]:
    """Compute tasks, and record where and in how many seconds per task; runs in the worker.

    Raises OtherSoftware if this process is not what the one that collects the results expects.
    """
    if expected is not None:
        require_software(expected, _software(function), f"the worker {platform.node()}")
    started = time.perf_counter()
    numbers: list[Numbers | Failure] = together(tasks) if together else [function(**task) for task in tasks]
    return numbers, provenance_here(round((time.perf_counter() - started) / len(tasks), 2))


def _software(function: Computation) -> dict[str, str]:
    name, version = recipe_of(function)
    return {**software(), f"recipe {name}": f"version {version}"}
