"""The run store: every result in a folder of its own, named by a hash of the code, settings and data behind it.

Results land one by one, so a sweep that was killed goes on where it was; and no figure trains what another has.
"""

import functools
import json
import time
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from tqdm.auto import tqdm

from vaelab.files import cache_folder, replacing
from vaelab.sweep import sweep
from vaelab.versions import code_version, digest

Numbers = dict[str, np.ndarray]
Computation = Callable[..., Numbers]


class Together(NamedTuple):
    """A quicker way to compute several tasks: groups(tasks) says which, as lists of their indices, and function(tasks)
    gives their numbers, those of the one by one to rounding."""

    groups: Callable[[Sequence[dict[str, Any]]], list[list[int]]]
    function: Callable[[Sequence[dict[str, Any]]], list[Numbers]]


class Result(NamedTuple):
    """Named arrays, the hash that names them, the code version, and the seconds that computing them took."""

    numbers: Numbers
    key: str
    code: str
    seconds: float


def computed(function: Computation, settings: dict[str, Any], data: str = "") -> Result:
    """function(**settings), from the store where it is, computed here and kept otherwise."""
    return all_computed(function, [settings], [data], processes=1, progress=False)[0]


def all_computed(
    function: Computation,
    tasks: Sequence[dict[str, Any]],
    data: Sequence[str],
    executor: Executor | None = None,
    *,
    processes: int | None = None,
    progress: bool = True,
    together: Together | None = None,
) -> list[Result]:
    """function(**task) for every task, in order: read where the store has it, computed and kept as it lands otherwise.

    function: of a vaelab module, since only their code enters the key.  data: the checksum of each task's data.
    executor, processes: where to compute, as for `sweep`.  together: how to compute several at once.

    Raises StorageError when the store cannot be written, and what `sweep` raises; what landed before is kept.
    """
    keys = [key_of(function, task, checksum) for task, checksum in zip(tasks, data, strict=True)]
    kept = {key: found for key in keys if (found := find(key)) is not None}
    missing = {key: task for key, task in zip(keys, tasks, strict=True) if key not in kept}
    names = list(missing)
    if names:
        groups = together.groups(list(missing.values())) if together else [[i] for i in range(len(names))]
        parts = [{"tasks": [missing[names[i]] for i in group]} for group in groups]
        several = together.function if together else functools.partial(_one_by_one, function)
        landing = sweep(functools.partial(_timed, several), parts, executor, processes=processes)
        bar = tqdm(total=len(kept) + len(names), initial=len(kept), desc="training", unit="VAE", disable=not progress)
        with bar:
            for index, (landed, seconds) in landing:
                for i, numbers in zip(groups[index], landed, strict=True):
                    keep(names[i], numbers, seconds, missing[names[i]])
                    kept[names[i]] = numbers, seconds
                bar.update(len(landed))
    code = code_version(function.__module__)
    return [Result(kept[key][0], key, code, kept[key][1]) for key in keys]


def combined(numbers: Numbers, parts: Sequence[Result]) -> Result:
    """A result that is read off other results, named after them, with the sum of their seconds."""
    key = digest(json.dumps([part.key for part in parts]))
    return Result(numbers, key, parts[0].code, round(sum(part.seconds for part in parts), 2))


def key_of(function: Computation, settings: dict[str, Any], data: str) -> str:
    """The hash of a result: function, code it rests on, settings, sha256 of the data, library versions."""
    parts = [function.__module__, function.__qualname__, code_version(function.__module__), settings, data]
    return digest(json.dumps([*parts, torch.__version__, np.__version__], sort_keys=True))


def find(key: str) -> tuple[Numbers, float] | None:
    """A kept result and its seconds, or None; a damaged file counts as absent."""
    try:
        with np.load(_path(key), allow_pickle=False) as file:
            numbers = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None
    return numbers, float(numbers.pop("seconds"))


def keep(key: str, numbers: Numbers, seconds: float, settings: dict[str, Any]) -> None:
    """Store a result whole or not at all, and its settings for the reader of the folder.  Raises StorageError."""
    with replacing(_path(key).with_name("settings.json")) as part:
        part.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    with replacing(_path(key)) as part, part.open("wb") as file:
        np.savez_compressed(file, seconds=np.array(seconds), **numbers)  # type: ignore[arg-type]


def _one_by_one(function: Computation, tasks: Sequence[dict[str, Any]]) -> list[Numbers]:
    return [function(**task) for task in tasks]


def _timed(
    function: Callable[[Sequence[dict[str, Any]]], list[Numbers]], tasks: Sequence[dict[str, Any]]
) -> tuple[list[Numbers], float]:
    """The numbers of several tasks, and the seconds per task."""
    started = time.perf_counter()
    landed = function(tasks)
    return landed, round((time.perf_counter() - started) / len(tasks), 2)


def _path(key: str) -> Path:
    return cache_folder() / "runs" / key / "numbers.npz"
