"""Annotations as checks: a public function refuses arguments that are not of the types it names.

    int       a whole number that int64 holds, no bool        bool   True or False
    float     a finite number, no bool                        Tensor dense, with values, real
    Literal   one of its texts                                a protocol: its methods
    Callable, Sequence, Mapping, classes: as they say

What a type does not say, such as a range or a shape, is checked by `checks` in the function.
Functions inside a training step are not decorated.
"""

import functools
import inspect
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar, Union, Unpack, get_args, get_origin, get_type_hints

import numpy as np
from torch import Tensor

from vaelab._utils import checks
from vaelab._utils.errors import InvalidType, InvalidValue

P = ParamSpec("P")
R = TypeVar("R")


def typed(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function or method check its arguments against its annotations.

    Args:
        function: The function. Parameters of `Any` or of a type variable are not checked.

    Returns:
        The function, which raises InvalidType or InvalidValue, one sentence that names the value.

    Example:
        >>> @typed
        ... def double(n: int) -> int:
        ...     return 2 * n
        >>> double("x")
        Traceback (most recent call last):
        vaelab._utils.errors.InvalidType: n must be an integer, got 'x'.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            given = signature.bind(*args, **kwargs).arguments
        except TypeError:  # a missing or an unknown argument: Python's own sentence
            return function(*args, **kwargs)
        for name, kind in _kinds(function).items():
            if name in given:
                _check(name, kind, given[name], signature.parameters[name].kind)
        return function(*args, **kwargs)

    return checked


def check_fields(record: Any) -> None:
    """Check the fields of a dataclass against their annotations, in its `__post_init__`."""
    for name, kind in _kinds(type(record)).items():  # type: ignore[arg-type]
        check(name, kind, getattr(record, name))


@functools.cache
def _kinds(owner: Any) -> dict[str, Any]:
    kinds = inspect.get_annotations(owner)
    return {name: kind for name, kind in kinds.items() if name != "return" and not isinstance(kind, str)}


def _check(name: str, kind: Any, value: Any, parameter: Any) -> None:
    if parameter is inspect.Parameter.VAR_KEYWORD:
        options = get_type_hints(get_args(kind)[0]) if get_origin(kind) is Unpack else dict.fromkeys(value, kind)
        for option in value.keys() & options.keys():
            check(option, options[option], value[option])
    elif parameter is inspect.Parameter.VAR_POSITIONAL:
        check(name, Sequence[kind], value)
    else:
        check(name, kind, value)


def check(name: str, kind: Any, value: Any) -> None:
    """Raise InvalidType or InvalidValue unless a value is of a type, as annotations write it."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any or isinstance(kind, TypeVar):
        return
    if origin in (Union, types.UnionType):
        _check_union(name, parts, value)
    elif origin is Literal:
        checks.one_of(name, value, parts)
    elif getattr(kind, "_is_protocol", False):
        methods = [method for method in vars(kind) if not method.startswith("_")]
        if isinstance(value, type) or not all(callable(getattr(value, method, None)) for method in methods):
            raise InvalidType(f"{name} must have the methods {' and '.join(methods)}, got {checks.shown(value)}.")
    elif kind in _SIMPLE:
        _SIMPLE[kind](name, value)
    elif origin is Callable:
        if not callable(value) or (isinstance(value, type) and parts[0] is not Ellipsis):
            raise InvalidType(f"{name} must be a function, got {checks.shown(value)}.")
    elif origin is type:
        if not (isinstance(value, type) and issubclass(value, parts[0])):
            raise InvalidType(f"{name} must be a subclass of {parts[0].__name__}, got {checks.shown(value)}.")
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise InvalidType(f"{name} must be a mapping, got {checks.shown(value)}.")
        for key, content in value.items():
            check(f"a key of {name}", parts[0], key)
            check(f"{name}[{key!r:.40}]", parts[1], content)
    elif isinstance(origin, type) and issubclass(origin, Iterable) and origin is not np.ndarray:
        _check_sequence(name, origin, parts, value)
    else:
        checks.instance(name, value, origin or kind)


def _check_union(name: str, kinds: Sequence[Any], value: Any) -> None:
    """Raise the error of the only kind besides None, or one that lists all of them."""
    if (value is None and types.NoneType in kinds) or {np.ndarray, Tensor} <= {get_origin(k) or k for k in kinds}:
        return  # images and other data, which `as_images` checks
    others = [kind for kind in kinds if kind is not types.NoneType]
    errors = []
    for kind in others:
        try:
            return check(name, kind, value)
        except (InvalidType, InvalidValue) as error:
            errors.append((kind, error.with_traceback(None)))  # which would keep the caller's objects alive
    of_the_type = [(kind, error) for kind, error in errors if isinstance(error, InvalidValue)]
    for kind, reason in of_the_type or errors:
        if len(errors) == 1 or (of_the_type and get_origin(kind) is not Literal):
            raise reason
    names = " or ".join(_words(kind) for kind in others)
    remedy = "".join(getattr(kind, "REMEDY", "") for kind in others)  # how to make one
    raise (InvalidValue if of_the_type else InvalidType)(f"{name} must be {names}, got {checks.shown(value)}{remedy}.")


def _words(kind: Any) -> str:
    plain = get_origin(kind) or kind
    if plain is Literal:
        return f"one of {', '.join(get_args(kind))}"
    known = {
        bool: "True or False",
        int: "an integer",
        float: "a number",
        str: "a text",
        Path: "a path",
        Sequence: "a sequence",
        Tensor: "a tensor",
    }
    return "a function" if plain is Callable else known.get(plain, getattr(plain, "__name__", str(plain)))


def _check_sequence(name: str, kind: type, kinds: Sequence[Any], value: Any) -> None:
    if isinstance(value, np.ndarray | Tensor):
        value = (checks.tensor(name, value) if isinstance(value, Tensor) else value).tolist()
    needed = ("__iter__", "__len__", "__getitem__") if issubclass(kind, Sequence) else ("__iter__",)
    if isinstance(value, str | bytes | Mapping | type) or not all(hasattr(value, method) for method in needed):
        raise InvalidType(f"{name} must be a sequence, got {checks.shown(value)}.")
    if len(kinds) > 1 and kinds[-1] is not Ellipsis:
        if len(content := tuple(value)) != len(kinds):
            raise InvalidValue(f"{name} must have {len(kinds)} entries, got {checks.shown(value)}.")
        for i, (kind, item) in enumerate(zip(kinds, content, strict=True)):
            check(f"{name}[{i}]", kind, item)
    elif hasattr(value, "__len__"):  # an iterator could be read only once
        for i, item in enumerate(value):
            check(f"{name}[{i}]", kinds[0], item)


_SIMPLE: dict[Any, Callable[[str, Any], object]] = {
    bool: checks.flag,
    int: checks.integer,
    float: checks.finite,
    Tensor: checks.tensor,
}
