"""Bad arguments of every public function, constructor and method end in one sentence that names the value.

Each parameter of the calls in `valid_calls` gets every value below in turn. What its annotation
does not allow must be refused with one of our errors, of one line, naming the value, and without a
change of the other arguments. What it allows may be refused in the same way, or be taken.
"""

import contextlib
import functools
import hashlib
import inspect
import math
import numbers
import pickle
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.test_documentation import PUBLIC
from tests.valid_calls import CALLS, LIVE, dataset
from vaelab._utils.errors import UserError
from vaelab.data.dataset import Dataset
from vaelab.divergences.gaussian import Gaussian
from vaelab.objectives.recipes import Design
from vaelab.training.interventions import Interventions

HUGE = 10**23
# Records that functions return: what takes one checks it.
RECORDS = {name for name, value in PUBLIC.items() if inspect.isclass(value) and issubclass(value, tuple)} | {
    "metrics.Report"
}
# Calls of a second or more, of which only those are made that must be refused.
SLOW = {"fit_many", "metrics.distances", "metrics.report", "metrics.save", "load", *LIVE} - {"live.check"}
# Calls without a fault of vaelab, and why.
SKIPPED = {
    "live.check(truth=0-d text array)": "a text of NumPy",
    "networks.mlp(activation=class)": "a class of the user's own, which cannot be made without arguments",
    "Experiment.update(terms=None in it)": "the loss, which an update does not read",
    "Experiment.update(terms=class in it)": "the loss, which an update does not read",
    "augment.Jitter.apply(x=one more)": "the function of the example draws for three images",
    "metrics.Adapter.as_images(x=rank 5)": "an adapter without a shape takes data of any",
    "metrics.encode(x=rank 5)": "an adapter without a shape takes data of any",
}
# Functions of a training step check types and shapes, and wait for no value: nan in, nan out.
UNREAD = re.compile(
    r"forward$|update$|logvar_for$|^Gaussian|^likelihoods|^augment|as_input|check_same_shape|_sample$|integrate|convert|of_rate$|^priors\.(.*(log_prob|rate|for_pass|sample)|Prior\.init)"
)
VALUES_ONLY = ("rank 5", "rank 5 in it", "nan tensor", "inf tensor", "negative tensor", "nan in it", "0-d nan")
SIGNED = {"low", "high", "center", "rows", "answer", "truth", "q", "p"}  # numbers of either sign
FROM_ZERO = {"seed", "first", "lr_warmup", "gap", "latent", "latents", "step", "padding", "group"}  # may be 0
FREE: set[str] = set()


class NotOurs:
    """An object of a class that vaelab does not know."""

    def __repr__(self) -> str:
        return "NotOurs()"


@functools.cache
def plain_values() -> dict[str, Any]:
    numbers = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf, "-1": -1, "0": 0, "1.5": 1.5, "1e30": 1e30}
    numbers |= {"1e308": 1e308, "23 digits": HUGE, "400 digits": 10**400, "True": True, "complex": 1j}
    others = {"None": None, "text": "x", "empty text": "", "bytes": b"x", "object": NotOurs(), "lines": "a\nb\n" * 99}
    empty = {"[]": [], "()": (), "{}": {}, "nested": [[1]], "mapping": {"x": NotOurs()}, "set": {"x"}}
    lists = {f"[{name}]": [value] for name, value in {**numbers, **others}.items() if name != "lines"}
    networks = {"module": nn.Linear(2, 2), "class": nn.Linear, "function": len}
    arrays = {
        "object array": np.array([NotOurs()], dtype=object),
        "text array": np.array(["x"]),
        "masked": np.ma.MaskedArray(np.zeros((3, 1, 8, 8)), mask=np.eye(3, 64).reshape(3, 1, 8, 8)),
        "0-d nan": torch.tensor(math.nan),
        "0-d text array": np.array("x"),
        "data set": dataset(),
        "empty Gaussian": Gaussian(NotOurs(), None),  # type: ignore[arg-type]
    }
    return {**numbers, **others, **empty, **lists, **networks, **arrays}


def values_like(good: Any) -> dict[str, Any]:
    """Return values that differ from a good one in one respect."""
    near = {"class of it": type(good), "list of it": [good], "two of it": [good, good]}
    if isinstance(good, tuple) and hasattr(good, "_replace") and good._fields:
        first = good._fields[0]
        near |= {"None in it": good._replace(**{first: None}), "class in it": good._replace(**{first: nn.Linear})}
        if isinstance(getattr(good, first), torch.Tensor):
            near["nan in it"] = good._replace(**{first: getattr(good, first) * math.nan})
            near["rank 5 in it"] = good._replace(**{first: torch.zeros(1, 1, 1, 1, 1)})
    elif isinstance(good, list | tuple) and good:
        near |= {"None in it": type(good)((*good[:-1], None)), "object in it": type(good)((*good[:-1], NotOurs()))}
    elif isinstance(good, dict) and good:
        near |= {"None in it": dict.fromkeys(good), "object in it": {name: NotOurs() for name in good}}
    if not isinstance(good, torch.Tensor):
        good = torch.zeros(3, 2)
    near |= {
        "nan tensor": torch.full(good.shape, math.nan),
        "inf tensor": torch.full(good.shape, math.inf),
        "negative tensor": -torch.ones(good.shape),
        "int tensor": torch.ones(good.shape, dtype=torch.int64),
        "bool tensor": torch.ones(good.shape, dtype=torch.bool),
        "complex tensor": torch.ones(good.shape, dtype=torch.complex64),
        "meta tensor": torch.empty(good.shape, device="meta"),
        "sparse tensor": torch.ones(good.shape).to_sparse(),
        "rank 5": torch.zeros(1, 1, 1, 1, 1),
        "one more": torch.zeros(good.shape[0] + 1 if good.dim() else 2, *good.shape[1:]),
        "no rows": torch.zeros(0, *good.shape[1:]),
        "with gradient": good.clone().float().requires_grad_() if not good.is_complex() else good,
        "float64": good.double(),
        "array": good.numpy(),
        "complex array": good.numpy().astype(complex),
    }
    return near


def may_take(kind: Any, value: Any, name: str = "") -> bool:
    """Return whether an annotation, with the name of the parameter, allows a value."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind in (Any, object, inspect.Parameter.empty) or isinstance(kind, typing.TypeVar | str):
        return True
    if origin is typing.Annotated:
        return may_take(arguments[0], value, name)
    if kind is None or kind is types.NoneType:
        return value is None
    if origin in (typing.Union, types.UnionType):
        if Dataset in arguments:
            return is_images(value) or (types.NoneType in arguments and value is None)
        return any(may_take(part, value, name) for part in arguments)
    if origin is typing.Literal:
        return any(value is part for part in arguments)
    if kind is bool:
        return isinstance(value, bool)
    if kind in (int, float):
        return is_number(value, name, numbers.Integral if kind is int else numbers.Real)
    if kind is torch.Tensor:
        return is_tensor(value)
    if kind is np.ndarray or origin is np.ndarray:
        return isinstance(value, np.ndarray) and value.dtype.kind in "fui" and not isinstance(value, np.ma.MaskedArray)
    if origin is Callable or kind is Callable:
        free = not arguments or arguments[0] is Ellipsis
        return callable(value) and (free or not isinstance(value, type))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            may_take(arguments[0], k) and may_take(arguments[1], v) for k, v in value.items()
        )
    if origin is tuple and Ellipsis not in arguments:
        return (
            isinstance(value, list | tuple)
            and len(value) == len(arguments)
            and all(map(may_take, arguments, value, [name] * len(value)))
        )
    if isinstance(origin, type) and issubclass(origin, Iterable):
        if isinstance(value, np.ndarray | torch.Tensor):
            value = value.tolist() if isinstance(value, np.ndarray) or is_tensor(value) else None
        return isinstance(value, list | tuple | set) and all(may_take(arguments[0], item, name) for item in value)
    if origin is type:
        return isinstance(value, type) and issubclass(value, arguments)
    if isinstance(kind, type) and issubclass(kind, tuple) and kind.__annotations__ and isinstance(value, kind):
        return all(map(may_take, kind.__annotations__.values(), value, kind.__annotations__))
    if getattr(kind, "_is_protocol", False):
        return all(hasattr(value, part) for part in ("fit", "sample")) and not isinstance(value, type)
    return isinstance(value, kind) and not isinstance(value, type)


def is_function(kind: Any) -> bool:
    """Return whether an annotation is a function or a module, or has one among its alternatives."""
    parts = typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, types.UnionType) else (kind,)
    return any(typing.get_origin(part) is Callable or part is nn.Module for part in parts)


def is_number(value: Any, name: str, kind: type) -> bool:
    if isinstance(value, torch.Tensor):
        return kind is numbers.Real and value.dim() == 0 and value.is_floating_point() and bool(value.isfinite())
    if not isinstance(value, kind) or isinstance(value, bool):
        return False
    if kind is numbers.Integral:
        return (0 if name in FROM_ZERO else 1) <= value < 2**63 if name not in SIGNED else True
    try:
        return math.isfinite(float(value)) and (value >= 0 or name in SIGNED)
    except OverflowError:
        return False


def is_tensor(value: Any) -> bool:
    if not isinstance(value, torch.Tensor) or value.layout != torch.strided or value.device.type == "meta":
        return False
    return not value.is_complex() and bool(torch.isfinite(value).all()) and value.dim() != 5


def is_images(value: Any) -> bool:
    if isinstance(value, Dataset):
        return True
    if isinstance(value, np.ndarray):
        if isinstance(value, np.ma.MaskedArray) or value.dtype.kind not in "bf":
            return False
        value = torch.from_numpy(np.ascontiguousarray(value))
    return is_tensor(value) and value.dtype != torch.int64 and bool((value >= 0).all() and (value <= 1).all())


def fingerprint(value: Any) -> Any:
    """Return what a refused call must not change."""
    if isinstance(value, nn.Module):
        state = hashlib.sha256(pickle.dumps([t.detach().numpy() for t in value.state_dict().values()])).digest()
        return [state, [part.training for part in value.modules()]]
    if isinstance(value, torch.Tensor):
        return hashlib.sha256(value.detach().numpy().tobytes()).digest()
    if isinstance(value, np.ndarray):
        return hashlib.sha256(value.tobytes()).digest()
    if isinstance(value, list | tuple):
        return [fingerprint(part) for part in value]
    if isinstance(value, dict):
        return {name: fingerprint(part) for name, part in value.items()}
    return None if callable(value) or hasattr(value, "__dataclass_fields__") else repr(value)[:200]


def run(function: Callable[..., Any], arguments: dict[str, Any]) -> None:
    """Call a function; run through an iterator, and enter and leave a context."""
    result = function(**arguments)
    if inspect.isgenerator(result):
        list(result)
    elif isinstance(result, contextlib.AbstractContextManager) and not isinstance(result, torch.Generator):
        with result:
            pass


def annotations_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations of the parameters by name, those of a recipe's options among them."""
    forward = getattr(function, "forward", None) if isinstance(function, nn.Module) else None
    inner = function.func if isinstance(function, functools.partial) else forward or function
    found: dict[str, Any] = {}
    for parameter in inspect.signature(inner).parameters.values():
        kind = parameter.annotation
        if parameter.kind is parameter.VAR_KEYWORD:
            unpacked = typing.get_args(kind)[:1] == (Design,)
            found |= typing.get_type_hints(Design) if unpacked else {}
            found["**"] = kind
        else:
            found[parameter.name] = kind
    return found


def value_is_named(message: str, value: Any) -> bool:
    """Return whether a message has the value, its type or its shape in it."""
    tokens = {type(value).__name__, repr(value)[:12], str(value)[:12], getattr(value, "__name__", "")}
    for part in value if isinstance(value, list | tuple | set) else [value]:
        tokens |= {type(part).__name__, repr(part)[:12], str(part)[:12], getattr(part, "__name__", "")}
        if isinstance(part, float | int):
            with contextlib.suppress(OverflowError):
                tokens |= {f"{part:g}", f"{float(part)}"[:12]}
        if isinstance(part, torch.Tensor | np.ndarray):
            tokens |= {
                str(part.dtype),
                str(tuple(part.shape)),
                str(list(part.shape)),
                str(len(part)) if part.ndim else "0",
            }
            tokens |= {"got [", "NotOurs()", "'x'"} if part.ndim else set()
            tokens |= {"nan", "inf", "sparse", "meta", "complex", "int64", "-1", "masked", "bool"}
        tokens |= {type(inner).__name__ for inner in part} if isinstance(part, list | tuple) else set()
        if isinstance(part, Dataset):
            tokens |= {"80", "(1, 8, 8)"}
    if isinstance(value, list):
        tokens |= {"got [dict", "got [(a tensor"}
    if isinstance(value, dict):
        tokens |= {type(part).__name__ for part in value.values()} | set(map(str, value))
    return any(token and token in message for token in tokens) or any(value is empty for empty in ("", ()))


def faults_of(name: str, entry: Callable[[], Any]) -> list[str]:
    """Make every bad call of one function, and describe what went wrong."""
    function, arguments = entry()
    kinds, found = annotations_of(function), []
    run(function, arguments)
    for parameter, good in arguments.items():
        kind = kinds.get(parameter, kinds.get("**"))
        before = fingerprint(arguments)
        for label, value in {**plain_values(), **values_like(good)}.items():
            allowed = may_take(kind, value, parameter) or (label in VALUES_ONLY and bool(UNREAD.search(name)))
            where = f"{name}({parameter}={label})"
            if (allowed and name in SLOW) or f"{name}({parameter})" in SKIPPED or where in SKIPPED:
                continue
            try:
                run(function, {**arguments, parameter: value})
            except UserError as error:
                message = str(error)
                if len(message.splitlines()) != 1:
                    found.append(f"{where}: several lines: {message!r:.120}")
                elif not value_is_named(message, value) and not allowed:
                    found.append(f"{where}: value not named: {message:.160}")
                if fingerprint(arguments) != before:
                    found.append(f"{where}: changed although refused")
                    function, arguments = entry()
            except Exception as error:
                if allowed and callable(value) and is_function(kind):
                    continue  # an error of the user's own function passes through
                found.append(f"{where}: {type(error).__name__}: {str(error).splitlines()[:1]}"[:200])
                function, arguments = entry()
            else:
                if not allowed:
                    found.append(f"{where}: accepted")
                function, arguments = entry()
            before = fingerprint(arguments)
    return found


def public_calls() -> list[str]:
    """Return the names of all that takes arguments: functions, constructors, public methods."""
    names = []
    for name, value in PUBLIC.items():
        if not inspect.isclass(value):
            names.append(name)
            continue
        if getattr(value, "_is_protocol", False):
            continue
        for method, content in {"": value, **vars(value)}.items():
            content = content.__func__ if isinstance(content, classmethod | staticmethod) else content
            if method and (method.startswith("_") or not inspect.isfunction(content)):
                continue
            if not method and (name in RECORDS or value.__init__ in (object.__init__, nn.Module.__init__)):
                continue
            if [p for p in inspect.signature(content).parameters if p not in ("self", "cls")]:
                names.append(f"{name}.{method}".rstrip("."))
    return names


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let calls that take a path write into a temporary folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAELAB_CACHE", str(tmp_path))


def test_every_public_call_has_an_example():
    assert not [name for name in public_calls() if name not in {**CALLS, **LIVE}]


@pytest.mark.parametrize("name", [*CALLS, *LIVE])
def test_bad_arguments_are_refused_in_one_sentence(name):
    assert not faults_of(name, {**CALLS, **LIVE}[name])


def numpy_numbers(value: Any) -> list[Any]:
    """Return what stands for a number as well as it does: NumPy's, and a whole one for a float."""
    if isinstance(value, bool):
        return [np.bool_(value)]
    if isinstance(value, int):
        return [np.int64(value), np.int32(value)]
    return [np.float64(value), np.float32(value), *([int(value)] if value == int(value) else [])]


@pytest.mark.parametrize("name", [name for name in CALLS if name not in SLOW])
def test_what_can_be_converted_is_taken(name):
    function, arguments = CALLS[name]()
    for parameter, good in arguments.items():
        if isinstance(good, bool | int | float):
            for value in numpy_numbers(good):
                function, arguments = CALLS[name]()
                run(function, {**arguments, parameter: value})


def test_a_refused_plan_leaves_the_experiment_as_it_was():
    function, arguments = CALLS["fit"]()
    before = fingerprint(arguments["experiment"].eval())
    with pytest.raises(UserError, match=r"parameter must be one of .*, got 'alpha'"):
        function(**{**arguments, "interventions": Interventions([(0, "alpha", 0.5, 0.25)])})
    assert fingerprint(arguments["experiment"]) == before
